"""Reads many points of a unit with few requests, and isolates the registers that it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bms.errors import DeviceError
from bms.model.assets.address import ModbusAddress, Table, TextAddress
from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality
from drivers.fieldbus.errors import DeviceRefusal, NoReply, quality_of
from drivers.fieldbus.reading import Decoded
from drivers.modbus.frames import ILLEGAL_ADDRESS, read
from drivers.modbus.quarantine import Quarantine
from drivers.modbus.read_blocks import Block, ReadItem, plan_blocks
from drivers.modbus.register_codec import apply_scale_factor
from drivers.modbus.sunspec import NoSunSpec, find_models, model_id_address, resolve_address
from drivers.modbus.unit import ModbusUnit, exponent_of

_PLANS_KEPT = 16
_SPLITS_PER_POLL = 32
_SUSPENDED = Decoded(None, Quality.NO_REPLY, "left alone for a while: it did not answer")
_OTHER_PROTOCOL = Decoded(None, Quality.DEVICE_ERROR, "not a Modbus address")
_MOVED = Decoded(None, Quality.DEVICE_ERROR, "the device has moved its SunSpec models")


@dataclass(slots=True)
class _ModbusPoll:
    """How a list of points is read, prepared once for all polls of it.

    ``items`` are the values of the points, by place, and after them the registers that decoding
    needs: ``exponents`` (place of a value → place of its scale factor) and ``model_checks`` (place
    of a SunSpec value → place and number of its model). ``known`` are outcomes that no request
    changes. ``blocks`` are valid for a ``version`` of the quarantine.
    """

    points: tuple[Point, ...]
    items: list[ReadItem] = field(default_factory=list)
    exponents: dict[int, int] = field(default_factory=dict)
    model_checks: dict[int, tuple[int, int]] = field(default_factory=dict)
    known: dict[int, Decoded] = field(default_factory=dict)
    size: int = 0
    blocks: tuple[Block, ...] = ()
    quarantined: list[ReadItem] = field(default_factory=list)
    version: int = -1


class Poller:
    """Polls one unit. The registers that it refuses are remembered over all polls."""

    def __init__(self, unit: ModbusUnit) -> None:
        self._unit = unit
        self._quarantine = Quarantine(unit.clock)
        self._polls: list[_ModbusPoll] = []
        self._models: dict[int, int] | None = None
        self._proven: set[tuple[Table, int, int]] = set()
        self._splits = 0

    async def values(self, points: Sequence[Point]) -> list[Decoded]:
        """One value or reason per point, in their order."""
        if self._unit.left_alone:
            return [_SUSPENDED if _modbus(p) else _OTHER_PROTOCOL for p in points]
        try:
            poll = await self._poll(tuple(points))
        except DeviceError as error:
            failed = Decoded(None, quality_of(error), str(error))
            return [failed if _modbus(p) else _OTHER_PROTOCOL for p in points]
        outcome = [_SUSPENDED] * poll.size
        for place, decoded in poll.known.items():
            outcome[place] = decoded
        await self._fetch_all(poll, outcome)
        if poll.exponents or poll.model_checks:
            self._compose(poll, outcome)
        return outcome[: len(points)]

    async def start_of(self, text: TextAddress) -> int:
        """The absolute address of a text. Raises ``DeviceError`` if the device lacks its model."""
        if text.model is None:
            return text.address
        models = await self._known_models()
        if text.model not in models:
            raise NoSunSpec(f"the device has no SunSpec model {text.model}")
        return models[text.model] + text.address

    # Planning

    async def _poll(self, points: tuple[Point, ...]) -> _ModbusPoll:
        for poll in self._polls:
            if poll.points == points:
                break
        else:
            poll = await self._new_poll(points)
            self._polls = [poll, *self._polls[: _PLANS_KEPT - 1]]
        if poll.version != self._quarantine.version:
            self._plan(poll)
        return poll

    async def _new_poll(self, points: tuple[Point, ...]) -> _ModbusPoll:
        poll = _ModbusPoll(points, size=len(points))
        addresses = [p.address if isinstance(p.address, ModbusAddress) else None for p in points]
        if any(address is not None and address.model is not None for address in addresses):
            await self._known_models()
        auxiliary: dict[ModbusAddress, int] = {}
        for place, address in enumerate(addresses):
            self._add(poll, place, address, auxiliary)
        return poll

    def _add(
        self,
        poll: _ModbusPoll,
        place: int,
        address: ModbusAddress | None,
        auxiliary: dict[ModbusAddress, int],
    ) -> None:
        if address is None:
            poll.known[place] = _OTHER_PROTOCOL
            return
        lies = resolve_address(address, self._models or {})
        if lies is None:
            text = f"the device has no SunSpec model {address.model}"
            poll.known[place] = Decoded(None, Quality.ABSENT, text)
            return
        poll.items.append(ReadItem(place, lies))
        if lies.exponent is not None:
            poll.exponents[place] = _auxiliary_place(poll, exponent_of(lies), auxiliary)
        if address.model is not None:
            number = model_id_address(lies.address - address.address, lies.table)
            poll.model_checks[place] = (_auxiliary_place(poll, number, auxiliary), address.model)

    def _plan(self, poll: _ModbusPoll) -> None:
        quarantine = self._quarantine
        good = [item for item in poll.items if quarantine.outcome(item) is None]
        poll.quarantined = [item for item in poll.items if quarantine.outcome(item) is not None]
        poll.blocks = plan_blocks(good, self._unit.device.traits, quarantine.all_boundaries)
        poll.version = quarantine.version

    async def _known_models(self) -> dict[int, int]:
        if self._models is None:
            self._models = await find_models(self._read_registers)
        return self._models

    async def _read_registers(self, table: Table, address: int, count: int) -> bytes:
        return await self._unit.exchange(read(self._unit.device.unit, table, address, count))

    # Fetching

    async def _fetch_all(self, poll: _ModbusPoll, outcome: list[Decoded]) -> None:
        self._splits = _SPLITS_PER_POLL
        for item in poll.quarantined:
            outcome[item.place] = self._quarantine.outcome(item) or _SUSPENDED
        try:
            for block in self._due(poll):
                await self._fetch(block, outcome)
        except NoReply as error:
            # A silent unit would cost a time-out for every further block.
            silent = Decoded(None, Quality.NO_REPLY, str(error))
            for item in poll.items:
                if outcome[item.place] is _SUSPENDED:
                    outcome[item.place] = silent

    def _due(self, poll: _ModbusPoll) -> Iterator[Block]:
        yield from poll.blocks
        if poll.quarantined:
            again = self._quarantine.due(poll.quarantined)
            yield from plan_blocks(again, self._unit.device.traits, self._quarantine.boundaries)

    async def _fetch(self, block: Block, outcome: list[Decoded]) -> bool:
        """Read a block into ``outcome``; whether it could be read whole. Raises ``NoReply``."""
        try:
            data = await self._read_registers(block.table, block.start, block.count)
        except NoReply:
            if block.spans_gaps and _key(block) not in self._proven:
                return await self._read_without_gaps(block, outcome)
            raise
        except DeviceRefusal as error:
            if error.code in ILLEGAL_ADDRESS:
                return await self._split(block, outcome, error)
            return _fail_block(block, outcome, error)
        except DeviceError as error:
            return _fail_block(block, outcome, error)
        for place, decoded in block.decoded(data):
            outcome[place] = decoded
        self._quarantine.release(block)
        self._proven.add(_key(block))
        return True

    async def _split(self, block: Block, outcome: list[Decoded], error: DeviceRefusal) -> bool:
        """Find the items that the unit refuses in a block, and read all others."""
        if len(block.items) == 1:
            _fail_block(block, outcome, error)
            self._quarantine.add(block.items[0], outcome[block.items[0].place])
            return False
        if self._splits <= 0:
            return _fail_block(block, outcome, error)
        self._splits -= 1
        left, right = block.halves()
        left_whole = await self._fetch(left, outcome)
        right_whole = await self._fetch(right, outcome)
        if left_whole and right_whole:
            self._quarantine.add_boundaries([(block.table, right.start)])
        return False

    async def _read_without_gaps(self, block: Block, outcome: list[Decoded]) -> bool:
        """Find out whether the unit is silent, or only where a block spans a gap, as some are."""
        first, *others = plan_blocks(block.items, self._unit.device.traits, block.boundaries())
        await self._fetch(first, outcome)
        self._proven.add(_key(block))
        try:
            return await self._fetch(block, outcome)
        except NoReply:
            self._quarantine.add_boundaries(block.boundaries())
        for part in others:
            await self._fetch(part, outcome)
        return False

    # Composing

    def _compose(self, poll: _ModbusPoll, outcome: list[Decoded]) -> None:
        for place, exponent in poll.exponents.items():
            outcome[place] = apply_scale_factor(outcome[place], outcome[exponent])
        for place, (model_id, number) in poll.model_checks.items():
            seen = outcome[model_id].value
            if outcome[place].value is not None and seen != number:
                outcome[place] = _MOVED
                self._models, self._polls = None, []


def _modbus(point: Point) -> bool:
    return isinstance(point.address, ModbusAddress)


def _key(block: Block) -> tuple[Table, int, int]:
    return block.table, block.start, block.count


def _auxiliary_place(
    poll: _ModbusPoll, address: ModbusAddress, auxiliary: dict[ModbusAddress, int]
) -> int:
    """The place of a register that the decoding of points needs, added once for all of them."""
    if address not in auxiliary:
        auxiliary[address] = poll.size
        poll.items.append(ReadItem(poll.size, address))
        poll.size += 1
    return auxiliary[address]


def _fail_block(block: Block, outcome: list[Decoded], error: DeviceError) -> bool:
    decoded = Decoded(None, quality_of(error), str(error))
    for item in block.items:
        outcome[item.place] = decoded
    return False
