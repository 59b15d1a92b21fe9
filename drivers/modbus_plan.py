"""Which requests fetch which points: neighbouring registers travel together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from bms.model.site import ModbusAddress, Table
from drivers.codec import Decoded, decode, decode_bit, width
from drivers.modbus_frames import MAX_BITS, MAX_REGISTERS

MAX_GAP = 16


@dataclass(frozen=True, slots=True)
class Item:
    """A point of a poll: its place in the answer to the caller, and where its value lies."""

    place: int
    address: ModbusAddress

    @property
    def end(self) -> int:
        return self.address.address + width(self.address)


@dataclass(frozen=True, slots=True)
class Block:
    """Items of one table that one request fetches."""

    items: tuple[Item, ...]

    @property
    def table(self) -> Table:
        return self.items[0].address.table

    @property
    def start(self) -> int:
        return self.items[0].address.address

    @property
    def count(self) -> int:
        return max(item.end for item in self.items) - self.start

    def decoded(self, data: bytes) -> list[tuple[int, Decoded]]:
        """Values of the block's payload, each with its place."""
        if self.table in (Table.COIL, Table.DISCRETE):
            return [(i.place, decode_bit(i.address, self._bit(i, data))) for i in self.items]
        start = self.start
        return [
            (
                i.place,
                decode(i.address, data[2 * (i.address.address - start) : 2 * (i.end - start)]),
            )
            for i in self.items
        ]

    def _bit(self, item: Item, data: bytes) -> bool:
        byte, bit = divmod(item.address.address - self.start, 8)
        return bool(data[byte] >> bit & 1)

    def parts(self) -> tuple[Block, Block]:
        """The block in two, so that what a device refuses can be found.

        Cut at the widest gap, where registers lie that nobody asked for, else in the middle.
        """
        gaps = self._gaps()
        widest = max(gaps)
        cut = gaps.index(widest) + 1 if widest > 0 else len(self.items) // 2
        return Block(self.items[:cut]), Block(self.items[cut:])

    def _gaps(self) -> list[int]:
        """Registers between each item and the next that belong to neither."""
        gaps, end = [], self.start
        for item, following in pairwise(self.items):
            end = max(end, item.end)
            gaps.append(following.address.address - end)
        return gaps


def plan_blocks(
    items: Iterable[Item], *, max_gap: int = MAX_GAP, max_registers: int = MAX_REGISTERS
) -> tuple[Block, ...]:
    """Few blocks for many items.

    Registers are merged over gaps of up to ``max_gap`` registers that nobody asked for, up to
    ``max_registers`` in one request (2000 for bits).
    """
    ordered = sorted(items, key=lambda item: (item.address.table, item.address.address))
    blocks: list[Block] = []
    for table, group in groupby(ordered, key=lambda item: item.address.table):
        longest = MAX_BITS if table in (Table.COIL, Table.DISCRETE) else max_registers
        blocks += _merge(list(group), max_gap, longest)
    return tuple(blocks)


def _merge(items: Sequence[Item], max_gap: int, longest: int) -> list[Block]:
    runs: list[list[Item]] = []
    end = 0
    for item in items:
        fits = runs and (
            item.address.address - end <= max_gap
            and max(end, item.end) - runs[-1][0].address.address <= longest
        )
        if fits:
            runs[-1].append(item)
            end = max(end, item.end)
        else:
            runs.append([item])
            end = item.end
    return [Block(tuple(run)) for run in runs]
