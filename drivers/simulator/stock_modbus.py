"""A stock Modbus client: what we are compared with."""

from __future__ import annotations

from pymodbus.client import AsyncModbusTcpClient


class StockClient:
    """pymodbus' asynchronous client, as its documentation uses it."""

    def __init__(self, host: str, port: int, timeout_s: float = 1.0) -> None:
        self._client = AsyncModbusTcpClient(host, port=port, timeout=timeout_s, retries=0)

    async def connect(self) -> None:
        """Raises ConnectionError."""
        if not await self._client.connect():
            raise ConnectionError("the stock client could not connect")

    async def read(self, unit: int, address: int, count: int) -> list[int]:
        """Holding registers. Raises ConnectionError for an answer that is an error."""
        reply = await self._client.read_holding_registers(address, count=count, device_id=unit)
        if reply.isError():
            raise ConnectionError(str(reply))
        return list(reply.registers)

    def close(self) -> None:
        self._client.close()
