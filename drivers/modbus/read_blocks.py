"""Combines neighbouring registers into the fewest read requests (blocks). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.device import ModbusTraits, ReadableRange
from drivers.fieldbus.reading import Decoded
from drivers.modbus.frames import MAX_BITS
from drivers.modbus.register_codec import decode, decode_bit, width

ReadBoundary = tuple[Table, int]
"""Table and address: no read may begin below the address and reach it."""

_BIT_TABLES = (Table.COIL, Table.DISCRETE)


@dataclass(frozen=True, slots=True)
class ReadItem:
    """A value to read: its place in the caller's list, and its address."""

    place: int
    address: ModbusAddress

    @property
    def start(self) -> int:
        """Address of the first register or bit."""
        return self.address.address

    @property
    def end(self) -> int:
        """Address after the last register or bit."""
        return self.address.address + width(self.address)


@dataclass(frozen=True, slots=True)
class Block:
    """Items of one table that one request fetches: ``count`` registers or bits from ``start``."""

    table: Table
    start: int
    count: int
    items: tuple[ReadItem, ...]

    def decoded(self, data: bytes) -> list[tuple[int, Decoded]]:
        """Place and value of each item in the payload of the block's reply."""
        if self.table in _BIT_TABLES:
            return [(i.place, decode_bit(i.address, self._bit(i, data))) for i in self.items]
        start = self.start
        return [
            (i.place, decode(i.address, data[2 * (i.start - start) : 2 * (i.end - start)]))
            for i in self.items
        ]

    @property
    def spans_gaps(self) -> bool:
        """Whether the block reads registers between its items that belong to none."""
        return any(gap > 0 for gap in self._gaps())

    def halves(self) -> tuple[Block, Block]:
        """The block in two, to find what the device refuses: cut at its widest gap, else midway."""
        gaps = self._gaps()
        widest = max(gaps)
        cut = gaps.index(widest) + 1 if widest > 0 else len(self.items) // 2
        return block_of(self.items[:cut]), block_of(self.items[cut:])

    def boundaries(self) -> list[ReadBoundary]:
        """A boundary behind every gap of the block."""
        return [
            (self.table, following.start)
            for gap, following in zip(self._gaps(), self.items[1:], strict=True)
            if gap > 0
        ]

    def _bit(self, item: ReadItem, data: bytes) -> bool:
        byte, bit = divmod(item.start - self.start, 8)
        return bool(data[byte] >> bit & 1)

    def _gaps(self) -> list[int]:
        """Registers between each item and the next that belong to neither."""
        gaps, end = [], self.start
        for item, following in pairwise(self.items):
            end = max(end, item.end)
            gaps.append(following.start - end)
        return gaps


def block_of(items: Sequence[ReadItem]) -> Block:
    """The block that reads all of the items, which are of one table and in order of address."""
    start = items[0].start
    count = max(item.end for item in items) - start
    return Block(items[0].address.table, start, count, tuple(items))


def plan_blocks(
    items: Iterable[ReadItem],
    traits: ModbusTraits = ModbusTraits(),  # noqa: B008 - frozen
    boundaries: Collection[ReadBoundary] = (),
) -> tuple[Block, ...]:
    """The fewest blocks for many items.

    Registers between the items are read along where the device declares them readable, or where it
    declares no range of that table and they are no more than its ``max_gap``. No block is longer
    than the device's ``max_registers`` (2000 for bits) or crosses a boundary. Filling each block as
    far as it may go, from the lowest address up, gives the least possible number of blocks.
    """
    ordered = sorted(items, key=lambda item: (item.address.table, item.start, -item.end))
    blocks: list[Block] = []
    for table, group in groupby(ordered, key=lambda item: item.address.table):
        longest = MAX_BITS if table in _BIT_TABLES else traits.max_registers
        ranges = tuple(r for r in traits.ranges if r.table is table)
        within = {address for where, address in boundaries if where is table}
        blocks += _merge(list(group), _BlockLimits(longest, traits.max_gap, ranges, within))
    return tuple(blocks)


@dataclass(frozen=True, slots=True)
class _BlockLimits:
    """What a block of one table may span."""

    longest: int
    max_gap: int
    ranges: tuple[ReadableRange, ...]
    boundaries: Collection[int]

    def join(self, start: int, end: int, item: ReadItem) -> bool:
        """Whether a block from ``start`` up to ``end`` may go on to the item."""
        if max(end, item.end) - start > self.longest:
            return False
        if any(start < boundary <= item.start for boundary in self.boundaries):
            return False
        gap = item.start - end
        if gap <= 0:
            return True
        if not self.ranges:
            return gap <= self.max_gap
        return any(r.first <= end and item.start - 1 <= r.last for r in self.ranges)


def _merge(items: Sequence[ReadItem], rules: _BlockLimits) -> list[Block]:
    runs: list[list[ReadItem]] = []
    end = 0
    for item in items:
        if runs and rules.join(runs[-1][0].start, end, item):
            runs[-1].append(item)
            end = max(end, item.end)
        else:
            runs.append([item])
            end = item.end
    return [block_of(run) for run in runs]
