"""Registers that a unit refuses to read (quarantine), and boundaries that no read may cross."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bms.model.assets.address import Table
from bms.ports.clock import Clock
from drivers.fieldbus.reading import Decoded
from drivers.modbus.read_blocks import Block, ReadBoundary, ReadItem

Span = tuple[Table, int, int]


def span_of(item: ReadItem) -> Span:
    """Table, first and end address of the registers of an item."""
    return item.address.table, item.start, item.end


@dataclass(slots=True)
class _QuarantinedSpan:
    """A span that the unit refuses; it is read again at ``retry_at`` [s, monotonic]."""

    outcome: Decoded
    wait_s: float
    retry_at: float


@dataclass(slots=True)
class Quarantine:
    """What was learned from the refusals of one unit, shared by all of its polls.

    A refused span is not read for ``first_wait_s`` [s]; each further refusal doubles that, up to
    ``longest_wait_s`` [s]. ``version`` changes with everything that a plan of blocks depends on.
    """

    clock: Clock
    first_wait_s: float = 300.0
    longest_wait_s: float = 86_400.0
    boundaries: set[ReadBoundary] = field(default_factory=set)
    version: int = 0
    _spans: dict[Span, _QuarantinedSpan] = field(default_factory=dict)

    def outcome(self, item: ReadItem) -> Decoded | None:
        """The refusal of an item in quarantine; None for any other item."""
        known = self._spans.get(span_of(item)) if self._spans else None
        return known.outcome if known is not None else None

    @property
    def all_boundaries(self) -> set[ReadBoundary]:
        """``boundaries`` and the ends of the spans in quarantine."""
        return self.boundaries | {(table, end) for table, _, end in self._spans}

    def due(self, items: Iterable[ReadItem]) -> list[ReadItem]:
        """Those of the items in quarantine that are to be read again now."""
        now = self.clock.monotonic()
        return [i for i in items if self._spans[span_of(i)].retry_at <= now]

    def add(self, item: ReadItem, outcome: Decoded) -> None:
        """Put an item into quarantine that the unit refused when it was read alone."""
        known = self._spans.get(span_of(item))
        wait_s = self.first_wait_s if known is None else min(2 * known.wait_s, self.longest_wait_s)
        retry_at = self.clock.monotonic() + wait_s
        self._spans[span_of(item)] = _QuarantinedSpan(outcome, wait_s, retry_at)
        self.version += known is None

    def release(self, block: Block) -> None:
        """Take the items of a block that could be read out of quarantine."""
        if not self._spans:
            return
        for item in block.items:
            self.version += self._spans.pop(span_of(item), None) is not None

    def add_boundaries(self, boundaries: Iterable[ReadBoundary]) -> None:
        """Note addresses up to and from which the unit gives registers, but not in one read."""
        new = set(boundaries) - self.boundaries
        self.boundaries |= new
        self.version += bool(new)
