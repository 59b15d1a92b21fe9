"""Reading many points of a unit with few requests, whatever the unit refuses on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bms.errors import DeviceError
from bms.model.assets.address import ModbusAddress, Table, TextAddress
from bms.model.assets.point import Point
from bms.model.readings.reading import Quality
from drivers.fieldbus.errors import Refusal, Silence, quality_of
from drivers.fieldbus.reading import Decoded
from drivers.modbus.frames import ILLEGAL_ADDRESS, read
from drivers.modbus.quarantine import Terrain
from drivers.modbus.read_blocks import Block, Item, plan_blocks
from drivers.modbus.register_codec import raised
from drivers.modbus.sunspec import NoSunSpec, find_models, number_at, placed
from drivers.modbus.unit import ModbusUnit, exponent_of

_PLANS_KEPT = 16
_SPLITS_PER_POLL = 32
_LEFT_ALONE = Decoded(None, Quality.NO_REPLY, "left alone for a while: it did not answer")
_STRANGER = Decoded(None, Quality.DEVICE_ERROR, "not a Modbus address")
_MOVED = Decoded(None, Quality.DEVICE_ERROR, "the device has moved its SunSpec models")


@dataclass(slots=True)
class _Poll:
    """How a list of points is read.

    ``items`` are the values of the points, by place, and behind them what their decoding needs:
    ``exponents`` (place of a value → place of its power of ten) and ``guards`` (place of a SunSpec
    value → place and number of its model). ``known`` are outcomes that no request changes.
    ``blocks`` hold for a ``version`` of the terrain.
    """

    points: tuple[Point, ...]
    items: list[Item] = field(default_factory=list)
    exponents: dict[int, int] = field(default_factory=dict)
    guards: dict[int, tuple[int, int]] = field(default_factory=dict)
    known: dict[int, Decoded] = field(default_factory=dict)
    size: int = 0
    blocks: tuple[Block, ...] = ()
    resting: list[Item] = field(default_factory=list)
    version: int = -1


class Poller:
    """Polls of one unit. What it refuses is remembered over all of them."""

    def __init__(self, unit: ModbusUnit) -> None:
        self._unit = unit
        self._terrain = Terrain(unit.clock)
        self._polls: list[_Poll] = []
        self._models: dict[int, int] | None = None
        self._proven: set[tuple[Table, int, int]] = set()
        self._splits = 0

    async def values(self, points: Sequence[Point]) -> list[Decoded]:
        """One outcome per point, in their order."""
        if self._unit.left_alone:
            return [_LEFT_ALONE if _modbus(p) else _STRANGER for p in points]
        try:
            poll = await self._poll(tuple(points))
        except DeviceError as error:
            failed = Decoded(None, quality_of(error), str(error))
            return [failed if _modbus(p) else _STRANGER for p in points]
        outcome = [_LEFT_ALONE] * poll.size
        for place, decoded in poll.known.items():
            outcome[place] = decoded
        await self._fetch_all(poll, outcome)
        if poll.exponents or poll.guards:
            self._compose(poll, outcome)
        return outcome[: len(points)]

    async def start_of(self, text: TextAddress) -> int:
        """Where a text lies on this device. Raises ``DeviceError`` when it has no such model."""
        if text.model is None:
            return text.address
        models = await self._known_models()
        if text.model not in models:
            raise NoSunSpec(f"the device has no SunSpec model {text.model}")
        return models[text.model] + text.address

    # Planning

    async def _poll(self, points: tuple[Point, ...]) -> _Poll:
        for poll in self._polls:
            if poll.points == points:
                break
        else:
            poll = await self._new_poll(points)
            self._polls = [poll, *self._polls[: _PLANS_KEPT - 1]]
        if poll.version != self._terrain.version:
            self._plan(poll)
        return poll

    async def _new_poll(self, points: tuple[Point, ...]) -> _Poll:
        poll = _Poll(points, size=len(points))
        addresses = [p.address if isinstance(p.address, ModbusAddress) else None for p in points]
        if any(address is not None and address.model is not None for address in addresses):
            await self._known_models()
        helpers: dict[ModbusAddress, int] = {}
        for place, address in enumerate(addresses):
            self._add(poll, place, address, helpers)
        return poll

    def _add(
        self,
        poll: _Poll,
        place: int,
        address: ModbusAddress | None,
        helpers: dict[ModbusAddress, int],
    ) -> None:
        if address is None:
            poll.known[place] = _STRANGER
            return
        lies = placed(address, self._models or {})
        if lies is None:
            text = f"the device has no SunSpec model {address.model}"
            poll.known[place] = Decoded(None, Quality.ABSENT, text)
            return
        poll.items.append(Item(place, lies))
        if lies.exponent is not None:
            poll.exponents[place] = _helper(poll, exponent_of(lies), helpers)
        if address.model is not None:
            number = number_at(lies.address - address.address, lies.table)
            poll.guards[place] = (_helper(poll, number, helpers), address.model)

    def _plan(self, poll: _Poll) -> None:
        terrain = self._terrain
        good = [item for item in poll.items if terrain.refused(item) is None]
        poll.resting = [item for item in poll.items if terrain.refused(item) is not None]
        poll.blocks = plan_blocks(good, self._unit.device.traits, terrain.fences)
        poll.version = terrain.version

    async def _known_models(self) -> dict[int, int]:
        if self._models is None:
            self._models = await find_models(self._look)
        return self._models

    async def _look(self, table: Table, address: int, count: int) -> bytes:
        return await self._unit.ask(read(self._unit.device.unit, table, address, count))

    # Fetching

    async def _fetch_all(self, poll: _Poll, outcome: list[Decoded]) -> None:
        self._splits = _SPLITS_PER_POLL
        for item in poll.resting:
            outcome[item.place] = self._terrain.refused(item) or _LEFT_ALONE
        try:
            for block in self._due(poll):
                await self._fetch(block, outcome)
        except Silence as error:
            # Whoever is silent now would let every further block wait as long again.
            silent = Decoded(None, Quality.NO_REPLY, str(error))
            for item in poll.items:
                if outcome[item.place] is _LEFT_ALONE:
                    outcome[item.place] = silent

    def _due(self, poll: _Poll) -> Iterator[Block]:
        yield from poll.blocks
        if poll.resting:
            again = self._terrain.due(poll.resting)
            yield from plan_blocks(again, self._unit.device.traits, self._terrain.walls)

    async def _fetch(self, block: Block, outcome: list[Decoded]) -> bool:
        """Fill ``outcome``; whether the block can be read as a whole. Raises ``Silence``."""
        try:
            data = await self._look(block.table, block.start, block.count)
        except Silence:
            if block.spans_gaps and _key(block) not in self._proven:
                return await self._step_over_gaps(block, outcome)
            raise
        except Refusal as error:
            if error.code in ILLEGAL_ADDRESS:
                return await self._split(block, outcome, error)
            return _fill(block, outcome, error)
        except DeviceError as error:
            return _fill(block, outcome, error)
        for place, decoded in block.decoded(data):
            outcome[place] = decoded
        self._terrain.readable(block)
        self._proven.add(_key(block))
        return True

    async def _split(self, block: Block, outcome: list[Decoded], error: Refusal) -> bool:
        """Find what the unit refuses in a block; everything else of it is delivered."""
        if len(block.items) == 1:
            _fill(block, outcome, error)
            self._terrain.refuse(block.items[0], outcome[block.items[0].place])
            return False
        if self._splits <= 0:
            return _fill(block, outcome, error)
        self._splits -= 1
        left, right = block.parts()
        left_whole = await self._fetch(left, outcome)
        right_whole = await self._fetch(right, outcome)
        if left_whole and right_whole:
            self._terrain.wall([(block.table, right.start)])
        return False

    async def _step_over_gaps(self, block: Block, outcome: list[Decoded]) -> bool:
        """Some units are silent instead of refusing. Is it the unit, or a gap of the block?"""
        first, *others = plan_blocks(block.items, self._unit.device.traits, block.walls())
        await self._fetch(first, outcome)
        self._proven.add(_key(block))
        try:
            return await self._fetch(block, outcome)
        except Silence:
            self._terrain.wall(block.walls())
        for part in others:
            await self._fetch(part, outcome)
        return False

    # Composing

    def _compose(self, poll: _Poll, outcome: list[Decoded]) -> None:
        for place, exponent in poll.exponents.items():
            outcome[place] = raised(outcome[place], outcome[exponent])
        for place, (guard, number) in poll.guards.items():
            seen = outcome[guard].value
            if outcome[place].value is not None and seen != number:
                outcome[place] = _MOVED
                self._models, self._polls = None, []


def _modbus(point: Point) -> bool:
    return isinstance(point.address, ModbusAddress)


def _key(block: Block) -> tuple[Table, int, int]:
    return block.table, block.start, block.count


def _helper(poll: _Poll, address: ModbusAddress, helpers: dict[ModbusAddress, int]) -> int:
    """Place of a register that the decoding of points needs, once for all of them."""
    if address not in helpers:
        helpers[address] = poll.size
        poll.items.append(Item(poll.size, address))
        poll.size += 1
    return helpers[address]


def _fill(block: Block, outcome: list[Decoded], error: DeviceError) -> bool:
    decoded = Decoded(None, quality_of(error), str(error))
    for item in block.items:
        outcome[item.place] = decoded
    return False
