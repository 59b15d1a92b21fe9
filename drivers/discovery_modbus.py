"""Which units answer at a Modbus TCP endpoint, and what they say they are.

Source: Modbus application protocol V1.1b3, 6.21 (function 43/14, read device identification).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from contextlib import suppress

from bms.errors import DeviceError
from bms.model.address import Table
from drivers.found import FoundDevice
from drivers.refusals import Garbled, RefusedForGood, Silence
from drivers.sunspec import find_models

DEFAULT_PORT = 502
UNITS = range(1, 248)
TIMEOUT_S = 0.5
_CONNECT_S = 3.0
_IDENTIFY = b"\x2b\x0e\x01\x00"
_LOOK = b"\x03\x00\x00\x00\x01"
_READ_HOLDING, _READ_INPUT = 3, 4
_NOBODY = (0x0A, 0x0B)
_SAME_DEVICE = 20
_LONGEST = 260


class NoConnection(Silence):
    """The endpoint itself cannot be reached."""


async def discover_modbus(
    host: str,
    port: int = DEFAULT_PORT,
    *,
    units: Iterable[int] = UNITS,
    timeout_s: float = TIMEOUT_S,
) -> tuple[FoundDevice, ...]:
    """Units that answer, one after the other, with their identification and SunSpec models.

    ``timeout_s`` [s] is waited for each unit that is not there. Nothing is written. Raises
    ``NoConnection`` when there is none.
    """
    scanner = _Scanner(host, port, timeout_s)
    try:
        found = [each for unit in units if (each := await scanner.unit(unit)) is not None]
    finally:
        await scanner.close()
    return _without_echoes(tuple(found))


def _without_echoes(found: tuple[FoundDevice, ...]) -> tuple[FoundDevice, ...]:
    """A device that answers for every unit id is one device, not hundreds."""
    says = {(each.vendor, each.model, each.firmware) for each in found}
    if len(found) <= _SAME_DEVICE or len(says) > 1:
        return found
    first = found[0]
    note = f"it answers for {len(found)} unit ids alike: most likely one device without a gateway"
    return (
        FoundDevice(
            protocol=first.protocol,
            host=first.host,
            port=first.port,
            unit=first.unit,
            vendor=first.vendor,
            model=first.model,
            firmware=first.firmware,
            notes=(*first.notes, note),
        ),
    )


class _Scanner:
    """One connection with one request in flight; answers are told by their transaction."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._host, self._port = host, port
        self._timeout_s = timeout_s
        self._transaction = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def unit(self, unit: int) -> FoundDevice | None:
        """What is at a unit id, None where nobody answers."""
        texts: list[str | None] = []
        notes: list[str] = []
        try:
            texts = _identification(await self._ask(unit, _IDENTIFY))
        except NoConnection:
            raise
        except Silence:
            return None
        except DeviceError as error:
            notes.append(f"it does not say what it is: {error}")
            if not await self._is_there(unit):
                return None
        models = await self._sunspec(unit)
        if models:
            notes.append("SunSpec models " + ", ".join(map(str, models)))
        vendor, model, firmware, *_ = [*texts, None, None, None]
        return FoundDevice(
            protocol="modbus",
            host=self._host,
            port=self._port,
            unit=unit,
            vendor=vendor,
            model=model,
            firmware=firmware,
            notes=tuple(notes),
        )

    async def close(self) -> None:
        if self._streams is None:
            return
        _, writer = self._streams
        self._streams = None
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await writer.wait_closed()

    async def _is_there(self, unit: int) -> bool:
        """Any answer but a gateway's own is one of the unit."""
        try:
            await self._ask(unit, _LOOK)
        except Silence:
            return False
        except DeviceError:
            return True
        return True

    async def _sunspec(self, unit: int) -> list[int]:
        async def look(table: Table, address: int, count: int) -> bytes:
            function = _READ_INPUT if table is Table.INPUT else _READ_HOLDING
            answer = await self._ask(unit, struct.pack(">BHH", function, address, count))
            if answer[:2] != bytes((function, 2 * count)) or len(answer) != 2 + 2 * count:
                raise Garbled("an answer of another length")
            return answer[2:]

        try:
            return sorted(await find_models(look))
        except DeviceError:
            return []

    async def _ask(self, unit: int, pdu: bytes) -> bytes:
        reader, writer = await self._connected()
        self._transaction = (self._transaction + 1) % 0x10000
        writer.write(struct.pack(">HHHB", self._transaction, 0, len(pdu) + 1, unit) + pdu)
        try:
            async with asyncio.timeout(self._timeout_s):
                return _checked(pdu, await self._reply(reader, unit))
        except TimeoutError:
            raise Silence(f"unit {unit} does not answer") from None
        except (OSError, EOFError) as error:
            await self.close()
            raise Silence(f"the connection was lost: {error}") from error

    async def _reply(self, reader: asyncio.StreamReader, unit: int) -> bytes:
        """The PDU of our transaction; late ones of others are passed over."""
        while True:
            head = await reader.readexactly(7)
            transaction, protocol, length, answering = struct.unpack(">HHHB", head)
            if protocol or not 2 <= length <= _LONGEST:
                await self.close()
                raise Garbled("this is not Modbus")
            pdu = await reader.readexactly(length - 1)
            if (transaction, answering) == (self._transaction, unit):
                return pdu

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    self._streams = await asyncio.open_connection(self._host, self._port)
            except (OSError, TimeoutError) as error:
                where = f"{self._host}:{self._port}"
                raise NoConnection(f"no connection to {where}: {error or 'time-out'}") from error
        return self._streams


def _checked(request: bytes, pdu: bytes) -> bytes:
    if pdu[0] == request[0]:
        return pdu
    if len(pdu) == 2 and pdu[0] == request[0] | 0x80:
        if pdu[1] in _NOBODY:
            raise Silence("the gateway reaches nobody there")
        raise RefusedForGood(f"exception {pdu[1]}", pdu[1])
    raise Garbled("an answer to another function")


def _identification(pdu: bytes) -> list[str | None]:
    """Vendor, product code and revision: objects 0, 1 and 2 of the basic identification."""
    if pdu[:3] != _IDENTIFY[:3] or len(pdu) < 7:
        raise Garbled("an identification that is cut short")
    found: list[str | None] = [None] * 3
    at = 7
    for _ in range(pdu[6]):
        if at + 2 > len(pdu) or at + 2 + pdu[at + 1] > len(pdu):
            raise Garbled("an identification that is cut short")
        number, length = pdu[at], pdu[at + 1]
        if number < len(found):
            found[number] = pdu[at + 2 : at + 2 + length].decode("utf-8", "replace").strip("\0 ")
        at += 2 + length
    return found
