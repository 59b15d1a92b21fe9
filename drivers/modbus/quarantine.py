"""What a unit has shown to be unreadable: registers in quarantine, and walls between others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bms.model.assets.address import Table
from bms.ports.clock import Clock
from drivers.fieldbus.reading import Decoded
from drivers.modbus.read_blocks import Block, Item, Wall

Span = tuple[Table, int, int]


def span_of(item: Item) -> Span:
    """What identifies the registers of an item."""
    return item.address.table, item.start, item.end


@dataclass(slots=True)
class _Refused:
    """A span that the unit refuses, until the wire's time ``again_at`` [s]."""

    outcome: Decoded
    wait_s: float
    again_at: float


@dataclass(slots=True)
class Terrain:
    """Learned from refusals and shared by all polls of a unit. Times in seconds [s].

    A refused span rests for ``first_s``; each further refusal doubles that, up to ``longest_s``.
    ``version`` changes with everything that a plan depends on.
    """

    clock: Clock
    first_s: float = 300.0
    longest_s: float = 86_400.0
    walls: set[Wall] = field(default_factory=set)
    version: int = 0
    _refused: dict[Span, _Refused] = field(default_factory=dict)

    def refused(self, item: Item) -> Decoded | None:
        """What is known about an item that is in quarantine, else None."""
        known = self._refused.get(span_of(item)) if self._refused else None
        return known.outcome if known is not None else None

    @property
    def fences(self) -> set[Wall]:
        """What no read may cross: the walls, and whatever is in quarantine."""
        return self.walls | {(table, end) for table, _, end in self._refused}

    def due(self, items: Iterable[Item]) -> list[Item]:
        """Items in quarantine whose rest is over."""
        now = self.clock.monotonic()
        return [i for i in items if self._refused[span_of(i)].again_at <= now]

    def refuse(self, item: Item, outcome: Decoded) -> None:
        """The unit refused this item alone."""
        known = self._refused.get(span_of(item))
        wait_s = self.first_s if known is None else min(2 * known.wait_s, self.longest_s)
        again_at = self.clock.monotonic() + wait_s
        self._refused[span_of(item)] = _Refused(outcome, wait_s, again_at)
        self.version += known is None

    def readable(self, block: Block) -> None:
        """The unit gave this block; what of it was in quarantine is no longer."""
        if not self._refused:
            return
        for item in block.items:
            self.version += self._refused.pop(span_of(item), None) is not None

    def wall(self, walls: Iterable[Wall]) -> None:
        """The unit gives what lies on both sides, but not in one read."""
        new = set(walls) - self.walls
        self.walls |= new
        self.version += bool(new)
