"""One Modbus unit: exchanges with circuit breaker, pause and health; reads and writes of values."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bms.errors import DeviceError
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import Device
from bms.ports.clock import Clock
from drivers.fieldbus.availability import CircuitBreaker, HealthCounters
from drivers.fieldbus.errors import (
    DeviceRefusal,
    NoReply,
    PermanentRefusal,
    TemporaryRefusal,
    TooLate,
    WrongDevice,
)
from drivers.fieldbus.reading import Decoded
from drivers.modbus.connection import ConnectionLost
from drivers.modbus.frames import (
    ILLEGAL_FUNCTION,
    Request,
    mask_write,
    read,
    write_coil,
    write_registers,
)
from drivers.modbus.link import LinkBusy, LinkDown, ModbusLink
from drivers.modbus.read_blocks import ReadItem, block_of
from drivers.modbus.register_codec import (
    apply_scale_factor,
    encode,
    encode_bit,
    encode_field,
    is_bit,
    width,
)

MASK_WRITE = 22
# A trial of a silent unit blocks the line for a time-out and the quiet time after it. With this
# many time-outs between trials, two silent units of ten take less than a tenth of the line's time.
_TIMEOUTS_BETWEEN_PROBES = 40
_FIRST_S, _LONGEST_S = 10.0, 300.0
_PAUSES = 16  # the first pause before a busy unit is asked again, as a part of its time-out
_BUSY_READING = (5, 6)
_BUSY_WRITING = (6,)  # 5 accepts the write: its read-back decides
OTHER_FUNCTION = {5: 15, 6: 16}


class ModbusUnit:
    """A unit on a link, with its circuit breaker, the pause between requests, and its health."""

    def __init__(self, device: Device, link: ModbusLink, clock: Clock) -> None:
        self.device = device
        self.link = link
        self.clock = clock
        self._health = HealthCounters()
        first_s = max(_FIRST_S, _TIMEOUTS_BETWEEN_PROBES * device.timeout_s)
        self._breaker = CircuitBreaker(
            device.id, clock, first_s=first_s, longest_s=max(_LONGEST_S, first_s)
        )
        self._pause_lock = asyncio.Lock()
        self._free_at = 0.0
        self._functions: dict[Table, int] = {}
        """The function that writes one cell of a table, where it is not the usual one."""
        self._losses = link.losses
        self.compare: Callable[[], Awaitable[None]] | None = None
        """Compares the fingerprint of the site file, where there is one. Raises ``DeviceError``."""
        self.compared_on = 0
        """The connection of the link, by number, on which that was done last."""
        link.add_unit(device.unit, device.timeout_s)
        if device.traits.close_after_s is not None:
            link.close_when_idle(device.traits.close_after_s)

    @property
    def left_alone(self) -> bool:
        """Whether the circuit breaker of the unit is open."""
        return self._breaker.open

    @property
    def health(self) -> HealthCounters:
        """Counters of the unit's replies and errors."""
        self._health.left_alone = self._breaker.open or self.link.down
        return self._health

    async def exchange(self, request: Request) -> bytes:
        """Payload of the reply, from the unit that was compared (W1): over a connection that was
        made since, it is compared again before anything else is sent.

        Raises ``DeviceError`` as ``ModbusLink.exchange`` does; ``NoReply`` where another one
        answers now.
        """
        if self.compare is None:
            return await self.ask(request)
        return await self._unless_busy(request, self._ask_compared)

    async def _ask_compared(self, request: Request) -> bytes:
        await self._compared_here()
        try:
            return await self._ask(request, repeats=False)
        except ConnectionLost:
            if not request.repeatable:
                raise
        await self._compared_here()
        return await self._ask(request, repeats=False)

    async def _compared_here(self) -> None:
        assert self.compare is not None
        if self.link.connected and self.compared_on == self.link.opened:
            return
        try:
            await self.compare()
        except WrongDevice as error:  # not before the first frame: what was sent may have arrived
            raise NoReply(f"the connection was lost; now {error}") from error

    async def ask(self, request: Request) -> bytes:
        """Payload of the reply of whoever answers. Raises ``DeviceError``."""
        return await self._unless_busy(request, self._ask)

    async def _unless_busy(
        self, request: Request, ask: Callable[[Request], Awaitable[bytes]]
    ) -> bytes:
        """Ask again while the unit is busy and has not done it, for its time-out at the longest."""
        now = asyncio.get_running_loop().time
        until, pause_s = now() + self.device.timeout_s, self.device.timeout_s / _PAUSES
        while True:
            try:
                return await ask(request)
            except TemporaryRefusal as error:
                codes = _BUSY_READING if request.repeatable else _BUSY_WRITING
                if error.code not in codes or now() + pause_s > until:
                    raise
            await asyncio.sleep(pause_s)
            pause_s *= 2

    async def _ask(self, request: Request, repeats: bool = True) -> bytes:
        if self.device.traits.pause_s > 0:
            async with self._pause_lock:
                await asyncio.sleep(self._free_at - self.clock.monotonic())
                try:
                    return await self._exchange(request, repeats)
                finally:
                    self._free_at = self.clock.monotonic() + self.device.traits.pause_s
        return await self._exchange(request, repeats)

    async def _exchange(self, request: Request, repeats: bool) -> bytes:
        started = self.clock.monotonic()
        try:
            data = await self.link.exchange(request, self.device.timeout_s, repeats=repeats)
        except TooLate:
            raise
        except LinkBusy:
            self._health.failed("silence")
            raise
        except LinkDown:
            self._health.silent(self.clock.now())
            raise
        except NoReply as error:
            self._health.silent(self.clock.now())
            self._breaker.failed(str(error))
            raise
        except DeviceError as error:
            self._health.failed(str(error.code) if isinstance(error, DeviceRefusal) else "garbled")
            self._breaker.succeeded()
            raise
        self._breaker.succeeded()
        self._health.answered(self.clock.monotonic() - started, self.clock.now())
        if self.link.losses != self._losses:  # it may have restarted between two requests
            self._losses, self._health.silent_at = self.link.losses, self.clock.now()
        return data

    async def read_value(self, address: ModbusAddress) -> Decoded:
        """The value of one address, with its scale factor. Raises ``DeviceError``."""
        block = block_of([ReadItem(0, address)])
        data = await self.exchange(read(self.device.unit, block.table, block.start, block.count))
        decoded = block.decoded(data)[0][1]
        if address.exponent is None:
            return decoded
        return apply_scale_factor(decoded, await self.read_value(exponent_of(address)))

    async def write_value(self, address: ModbusAddress, value: float) -> None:
        """Write a value. Where the unit lacks the usual function for one register or coil, and the
        site file names none, the other one is tried, and remembered.

        Raises ``DeviceError``, and ValueError when the address cannot be written.
        """
        request = self.write_request(address, value)
        try:
            await self.exchange(request)
            return
        except PermanentRefusal as error:
            if error.code != ILLEGAL_FUNCTION:
                raise
            other = OTHER_FUNCTION.get(request.pdu[0])
            if other is None or address.write_function is not None or not _one_cell(address):
                raise PermanentRefusal(
                    f"{error}: it does not take function {request.pdu[0]};"
                    " write_function in the site file names the one that it has",
                    error.code,
                ) from None
        declared = replace(address, write_function=other)
        await self.exchange(self.write_request(declared, value))
        self._functions[address.table] = other

    def write_request(self, address: ModbusAddress, value: float) -> Request:
        """The request that writes a value. Raises ValueError when the address cannot be written."""
        unit, where, function = self.device.unit, address.address, address.write_function
        if function is None and _one_cell(address):
            function = self._functions.get(address.table)
        if address.exponent is not None:
            raise ValueError("a value with a scale factor of its own is not written")
        if address.table is Table.COIL:
            return write_coil(unit, where, encode_bit(address, value), function)
        if address.table is not Table.HOLDING:
            raise ValueError(f"{address.table} registers cannot be written")
        if function == MASK_WRITE and (is_bit(address) or address.mask is not None):
            return mask_write(unit, where, *encode_field(address, value))
        return write_registers(unit, where, encode(address, value), function)


def _one_cell(address: ModbusAddress) -> bool:
    """Whether the value is one whole register or one coil."""
    return address.table is Table.COIL or (
        width(address) == 1 and not is_bit(address) and address.mask is None
    )


def exponent_of(address: ModbusAddress) -> ModbusAddress:
    """The address of the register with the scale factor (power of ten) of an address."""
    assert address.exponent is not None
    return ModbusAddress(
        table=address.table, address=address.exponent, byte_order=address.byte_order
    )
