"""The Driver of one Modbus unit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.errors import DeviceError
from bms.model.command import (
    Command,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.reading import Quality, Reading
from bms.model.site import Device, ModbusAddress, Point, ReleaseKind, Table, WriteRule
from bms.ports import Clock
from drivers.breaker import Breaker
from drivers.codec import Decoded, encode, encode_bit
from drivers.limits import Fitted, fit, receipt, stands
from drivers.modbus import ModbusLink
from drivers.modbus_frames import ILLEGAL_ADDRESS, Request, read, write_coil, write_registers
from drivers.modbus_plan import Block, Item, plan_blocks
from drivers.readings import reading
from drivers.refusals import Refusal, Silence, quality_of, retryable

_WRITABLE = (Table.HOLDING, Table.COIL)
_LOOKS = 3
_LOOK_AGAIN_S = 0.1
_PLANS_KEPT = 16
_RELEARN_S = 600.0
_LEFT_ALONE = Decoded(None, Quality.NO_REPLY, "left alone for a while: it did not answer")


@dataclass(slots=True)
class _Poll:
    """How a list of points is read. ``blocks`` shrink around what the device refuses, until the
    wire's time ``relearn_at`` [s]."""

    points: tuple[Point, ...]
    blocks: tuple[Block, ...]
    strangers: tuple[int, ...]
    relearn_at: float = float("inf")


class ModbusDriver:
    """Reads, writes and releases the points of one unit (``bms.ports.Driver``)."""

    def __init__(self, device: Device, link: ModbusLink, clock: Clock, timezone: str) -> None:
        self._device = device
        self._link = link
        self._clock = clock
        self._zone = ZoneInfo(timezone)
        self._breaker = Breaker(device.id, clock)
        self._polls: list[_Poll] = []

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One reading per point, in their order. Points of another protocol get an error."""
        poll = self._poll(points)
        outcome: list[Decoded] = [_LEFT_ALONE] * len(points)
        for place in poll.strangers:
            outcome[place] = Decoded(None, Quality.DEVICE_ERROR, "not a Modbus address")
        if not self._breaker.open:
            await self._read_blocks(poll, outcome)
        received = self._clock.now()
        return [
            reading(point, decoded, at, received)
            for point, decoded in zip(points, outcome, strict=True)
        ]

    async def write(self, point: Point, command: Command) -> Receipt:
        """Write and read back. Only holding registers and coils with a write rule are written."""
        rule, address = point.write, point.address
        if rule is None or not isinstance(address, ModbusAddress):
            return Refused(command, f"{point.id} is not a writable Modbus point")
        if address.table not in _WRITABLE or rule.release.kind is ReleaseKind.NULL:
            return Refused(command, f"{point.id}: nothing to write, or no way back from it")
        try:
            fitted = fit(rule, command.value)
            self._check_way_back(rule)
            requests = self._requests(rule, address, fitted.value)
        except ValueError as error:
            return Refused(command, f"{point.id}: {error}")
        try:
            for request in requests:
                await self._ask(request)
            return await self._read_back(command, rule, address, fitted)
        except DeviceError as error:
            return Failed(command, f"{self._device.id}: {error}", retryable(error))

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Give the point back the way that it declares, and believe only what reads back."""
        rule, address = point.write, point.address
        if rule is None or not isinstance(address, ModbusAddress):
            return StillHeld(point.id, "not a writable Modbus point", retryable=False)
        try:
            if rule.release.kind is ReleaseKind.REMOTE_ENABLE:
                return await self._disable(point.id, rule, address)
            return await self._put_back(point.id, rule, address, at)
        except ValueError as error:
            return StillHeld(point.id, str(error), retryable=False)
        except DeviceError as error:
            return StillHeld(point.id, f"{self._device.id}: {error}", retryable(error))

    async def close(self) -> None:
        """Nothing of its own to close: the link belongs to the endpoint."""

    # Reading

    def _poll(self, points: Sequence[Point]) -> _Poll:
        wanted = tuple(points)
        for poll in self._polls:
            if poll.points == wanted:
                if self._clock.monotonic() >= poll.relearn_at:
                    self._polls.remove(poll)
                    break
                return poll
        items, strangers = [], []
        for place, point in enumerate(wanted):
            if isinstance(point.address, ModbusAddress):
                items.append(Item(place, point.address))
            else:
                strangers.append(place)
        poll = _Poll(wanted, plan_blocks(items), tuple(strangers))
        self._polls = [poll, *self._polls[: _PLANS_KEPT - 1]]
        return poll

    async def _read_blocks(self, poll: _Poll, outcome: list[Decoded]) -> None:
        blocks: list[Block] = []
        for block in poll.blocks:
            try:
                blocks += await self._read_block(block, outcome)
            except Silence as error:
                # Whoever is silent now would let every further block wait as long again.
                self._note_silence(poll, outcome, str(error))
                return
        if len(blocks) > len(poll.blocks):
            poll.relearn_at = self._clock.monotonic() + _RELEARN_S
        poll.blocks = tuple(blocks)

    def _note_silence(self, poll: _Poll, outcome: list[Decoded], reason: str) -> None:
        silent = Decoded(None, Quality.NO_REPLY, reason)
        for block in poll.blocks:
            for item in block.items:
                if outcome[item.place] is _LEFT_ALONE:
                    outcome[item.place] = silent

    async def _read_block(self, block: Block, outcome: list[Decoded]) -> list[Block]:
        """Fill ``outcome`` and return the blocks that this one turned out to be made of."""
        try:
            data = await self._ask(read(self._device.unit, block.table, block.start, block.count))
        except Silence:
            raise
        except Refusal as error:
            if error.code in ILLEGAL_ADDRESS and len(block.items) > 1:
                left, right = block.parts()
                return [
                    *await self._read_block(left, outcome),
                    *await self._read_block(right, outcome),
                ]
            _fill(outcome, block, error)
        except DeviceError as error:
            _fill(outcome, block, error)
        else:
            for place, decoded in block.decoded(data):
                outcome[place] = decoded
        return [block]

    async def _ask(self, request: Request) -> bytes:
        try:
            data = await self._link.ask(request, self._device.timeout_s)
        except Silence as error:
            self._breaker.silent(str(error))
            raise
        except DeviceError:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return data

    async def _look(self, address: ModbusAddress) -> Decoded:
        block = Block((Item(0, address),))
        data = await self._ask(read(self._device.unit, block.table, block.start, block.count))
        return block.decoded(data)[0][1]

    # Writing and giving back

    def _put(self, address: ModbusAddress, value: float) -> Request:
        if address.table is Table.COIL:
            return write_coil(self._device.unit, address.address, encode_bit(address, value))
        if address.table is not Table.HOLDING:
            raise ValueError(f"{address.table} registers cannot be written")
        return write_registers(self._device.unit, address.address, encode(address, value))

    def _requests(
        self, rule: WriteRule, address: ModbusAddress, value: float
    ) -> tuple[Request, ...]:
        """The value goes first: were the enable bit first, an old value would act in between."""
        put = self._put(address, value)
        if rule.release.kind is ReleaseKind.REMOTE_ENABLE:
            return put, self._put(_enable(rule), 1)
        return (put,)

    def _check_way_back(self, rule: WriteRule) -> None:
        if rule.release.kind in (ReleaseKind.TIMETABLE, ReleaseKind.CONSTANT):
            self._own_value(rule, self._clock.now())

    async def _read_back(
        self, command: Command, rule: WriteRule, address: ModbusAddress, fitted: Fitted
    ) -> Receipt:
        remote = rule.release.kind is ReleaseKind.REMOTE_ENABLE
        if remote and (await self._look(_enable(rule))).value != 1:
            return Overridden(command, None, (await self._look(address)).value, "local")
        seen = await self._look_until(rule, address, fitted.value)
        if seen is not None and stands(rule, fitted.value, seen):
            return receipt(command, fitted, seen)
        if remote and seen is not None:
            return Overridden(command, None, seen, "local")
        return Failed(command, f"wrote {fitted.value:g}, it reads back {seen}", retryable=True)

    async def _disable(self, point: str, rule: WriteRule, address: ModbusAddress) -> ReleaseReceipt:
        enable = _enable(rule)
        await self._ask(self._put(enable, 0))
        seen = (await self._look(enable)).value
        if seen != 0:
            return StillHeld(point, f"the enable register still reads {seen}")
        try:
            effective = (await self._look(address)).value
        except DeviceError:
            effective = None  # it is given back; what stands now is only news
        return Released(point, effective)

    async def _put_back(
        self, point: str, rule: WriteRule, address: ModbusAddress, at: datetime
    ) -> ReleaseReceipt:
        value = self._own_value(rule, at)
        await self._ask(self._put(address, value))
        seen = await self._look_until(rule, address, value)
        if seen is None or not stands(rule, value, seen):
            return StillHeld(point, f"gave back {value:g}, it reads back {seen}")
        return Released(point, seen)

    def _own_value(self, rule: WriteRule, at: datetime) -> float:
        release = rule.release
        if release.kind is ReleaseKind.TIMETABLE and release.timetable is not None:
            return release.timetable.value_at(at.astimezone(self._zone))
        if release.kind is ReleaseKind.CONSTANT and release.value is not None:
            return release.value
        raise ValueError(f"the way back {release.kind} does not say what to write")

    async def _look_until(
        self, rule: WriteRule, address: ModbusAddress, value: float
    ) -> float | None:
        """The read-back, looked at a few times while a slow controller takes the value over."""
        seen = (await self._look(address)).value
        for _ in range(_LOOKS - 1):
            if stands(rule, value, seen):
                break
            await asyncio.sleep(_LOOK_AGAIN_S)
            seen = (await self._look(address)).value
        return seen


def _enable(rule: WriteRule) -> ModbusAddress:
    if rule.release.enable is None:
        raise ValueError("remote_enable without an enable register")
    return rule.release.enable


def _fill(outcome: list[Decoded], block: Block, error: DeviceError) -> None:
    decoded = Decoded(None, quality_of(error), str(error))
    for item in block.items:
        outcome[item.place] = decoded
