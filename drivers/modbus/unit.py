"""One Modbus unit as the rest of the driver sees it: ask it, look at an address, set one."""

from __future__ import annotations

import asyncio

from bms.errors import DeviceError
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device
from bms.ports.clock import Clock
from drivers.fieldbus.availability import Breaker, DeviceHealth
from drivers.fieldbus.errors import Refusal, Silence
from drivers.fieldbus.reading import Decoded
from drivers.modbus.frames import Request, mask_write, read, write_coil, write_registers
from drivers.modbus.link import LinkBusy, LinkDown, ModbusLink
from drivers.modbus.read_blocks import Item, block_of
from drivers.modbus.register_codec import encode, encode_bit, encode_field, is_bit, raised

MASK_WRITE = 22
# Probing a silent unit holds up its neighbours for a time-out and the quiet time after it: with
# this many times as long in between, two dead units of ten still cost less than a tenth.
_TIMEOUTS_BETWEEN_PROBES = 40
_FIRST_S, _LONGEST_S = 10.0, 300.0


class ModbusUnit:
    """A unit behind a link: its breaker, its pace and its health."""

    def __init__(self, device: Device, link: ModbusLink, clock: Clock) -> None:
        self.device = device
        self.link = link
        self.clock = clock
        self._health = DeviceHealth()
        first_s = max(_FIRST_S, _TIMEOUTS_BETWEEN_PROBES * device.timeout_s)
        self._breaker = Breaker(
            device.id, clock, first_s=first_s, longest_s=max(_LONGEST_S, first_s)
        )
        self._pace = asyncio.Lock()
        self._free_at = 0.0
        if device.traits.close_after_s is not None:
            link.close_when_idle(device.traits.close_after_s)

    @property
    def left_alone(self) -> bool:
        """Whether it was silent, and is not to be asked now."""
        return self._breaker.open

    @property
    def health(self) -> DeviceHealth:
        self._health.left_alone = self._breaker.open or self.link.down
        return self._health

    async def ask(self, request: Request) -> bytes:
        """Payload of the reply. Raises ``Silence``, ``Garbled`` or ``Refusal``."""
        if self.device.traits.pause_s > 0:
            async with self._pace:
                await asyncio.sleep(self._free_at - self.clock.monotonic())
                try:
                    return await self._ask(request)
                finally:
                    self._free_at = self.clock.monotonic() + self.device.traits.pause_s
        return await self._ask(request)

    async def _ask(self, request: Request) -> bytes:
        started = self.clock.monotonic()
        try:
            data = await self.link.ask(request, self.device.timeout_s)
        except (LinkBusy, LinkDown) as error:
            self._health.failed("silence")
            raise error
        except Silence as error:
            self._health.failed("silence")
            self._breaker.silent(str(error))
            raise
        except DeviceError as error:
            self._health.failed(str(error.code) if isinstance(error, Refusal) else "garbled")
            self._breaker.answered()
            raise
        self._breaker.answered()
        self._health.answered(self.clock.monotonic() - started, self.clock.now())
        return data

    async def look(self, address: ModbusAddress) -> Decoded:
        """The value of one address now."""
        block = block_of([Item(0, address)])
        data = await self.ask(read(self.device.unit, block.table, block.start, block.count))
        decoded = block.decoded(data)[0][1]
        if address.exponent is None:
            return decoded
        return raised(decoded, await self.look(exponent_of(address)))

    def put(self, address: ModbusAddress, value: float) -> Request:
        """The request that sets an address. Raises ValueError when nothing may or can do that."""
        unit, where, function = self.device.unit, address.address, address.write_function
        if address.exponent is not None:
            raise ValueError("a value with a scale factor of its own is not written")
        if address.table is Table.COIL:
            return write_coil(unit, where, encode_bit(address, value), function)
        if address.table is not Table.HOLDING:
            raise ValueError(f"{address.table} registers cannot be written")
        if function == MASK_WRITE and (is_bit(address) or address.mask is not None):
            return mask_write(unit, where, *encode_field(address, value))
        return write_registers(unit, where, encode(address, value), function)


def exponent_of(address: ModbusAddress) -> ModbusAddress:
    """The register that holds the power of ten of an address."""
    assert address.exponent is not None
    return ModbusAddress(
        table=address.table, address=address.exponent, byte_order=address.byte_order
    )
