"""The clauses of the write contract, looked at from outside at every simulated minute.

What is known here are the controllers' own records and what people have said; nothing of what the
backend believes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bms.bench.chaos.building import (
    LIMITS,
    MINUTE,
    OFFICE,
    OUR_SLOT,
    SIGNALS,
    NetworkWrite,
    RecordingBuilding,
)
from bms.bench.chaos.script import may_be_planned
from bms.bench.chaos.town import LEASE, TICK, Town

NEAR = 0.06
"""Two values closer than that are the same [unit of the signal]."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A clause that did not hold, when, and what was seen."""

    clause: str
    at: datetime
    seen: str


@dataclass
class ClauseWatch:
    """Looks at a town minute by minute. ``violations`` is what did not hold."""

    town: Town
    violations: list[Violation] = field(default_factory=list)
    _read: dict[str, int] = field(default_factory=dict)
    _disturbed: dict[str, datetime] = field(default_factory=dict)
    _down_since: float | None = None

    def look(self) -> None:
        """One minute."""
        self._note_disturbances()
        for name, building in self.town.buildings.items():
            for clause, seen in self._of(name, building):
                self._add(clause, f"{name}: {seen}")
            self._read[name] = len(building.writes)
        for clause, seen in self._of_backend():
            self._add(clause, seen)

    def _add(self, clause: str, seen: str) -> None:
        """The same thing again is one violation."""
        if all((v.clause, v.seen) != (clause, seen) for v in self.violations):
            self.violations.append(Violation(clause, self.town.now, seen))

    def _of(self, name: str, building: RecordingBuilding) -> Iterator[tuple[str, str]]:
        yield from self._writes(name, building)
        yield from self._places(name, building)
        if building.strays:
            yield "W03", f"a write in slot {building.strays.pop()[1]}, which is not ours"

    def _writes(self, name: str, building: RecordingBuilding) -> Iterator[tuple[str, str]]:
        """What has come in during the last minute."""
        for row in building.writes[self._read.get(name, 0) :]:
            if row.value is not None and not row.under_way:
                yield from self._value(name, building, row, row.value)
            if row.word is not None and row.word.since < row.at:
                clause = "W12" if row.value is None else "W07"
                yield clause, f"a person's {row.signal} {row.word.value} was written over"

    def _value(
        self, name: str, building: RecordingBuilding, row: NetworkWrite, value: float
    ) -> Iterator[tuple[str, str]]:
        low, high = LIMITS[row.signal]
        since, changed = self.town.office_max.get(name, (row.at, high))
        # what the killed backend had sent may come in while the next one starts
        most = changed if row.signal == OFFICE and row.at > since + MINUTE else high
        if not low - NEAR <= value <= most + NEAR:
            yield "W03", f"{row.signal} {value} is outside {low}..{most}"
        allowed = [min(v, most) for v in may_be_planned(building.number, row.signal)]
        if all(abs(value - v) > NEAR for v in allowed):
            others = [b for b in self.town.buildings.values() if b is not building]
            meant = any(
                abs(value - v) <= NEAR for b in others for v in may_be_planned(b.number, row.signal)
            )
            yield (
                ("W01", f"{row.signal} got a value that was meant for another building")
                if meant
                else ("W16", f"{row.signal} got {value}, which no plan of ours has")
            )
        taken = self.town.hands_off.get(name)
        if taken is not None and taken + MINUTE < row.at:
            yield "W10", f"{row.signal} was written after a person had taken the site"

    def _places(self, name: str, building: RecordingBuilding) -> Iterator[tuple[str, str]]:
        """What stands at the controllers."""
        town, now = self.town, self.town.now
        held = [signal for signal in SIGNALS if building.is_ours(signal)]
        free = self._disturbed.get(name, now - 2 * LEASE)
        word = building.words.get(OFFICE)
        if word is not None and word.slot is not None and word.slot < OUR_SLOT:
            since = max(word.since, free)
            if OFFICE in held and now > since + TICK + MINUTE:
                yield "W06", "our slot is held beneath a person's"
        if OFFICE in held:
            yield from self._beyond_limit(name, building, free)
        taken = town.hands_off.get(name)
        if taken is not None and held and now > max(taken + MINUTE, free + LEASE + 2 * MINUTE):
            yield "W10", f"{held} held though a person has taken the site"
        yield from self._after_the_end(name, held, free)

    def _beyond_limit(
        self, name: str, building: RecordingBuilding, free: datetime
    ) -> Iterator[tuple[str, str]]:
        """What stands a tick after the site file has narrower limits."""
        value, limit = building.place(OFFICE), self.town.office_max.get(name)
        if value is None or limit is None:
            return
        since, most = limit
        late = self.town.now > max(since, free) + TICK + 2 * MINUTE
        if late and value > most + NEAR:
            yield "W03", f"{OFFICE} stands at {value}, and its site file allows {most}"

    def _after_the_end(
        self, name: str, held: list[str], free: datetime
    ) -> Iterator[tuple[str, str]]:
        """What stands after every lease of a backend that is down has ended."""
        down, now = self._down_for(), self.town.now
        if held and down is not None and down > LEASE + MINUTE and now > free + 2 * MINUTE:
            yield "W11", f"{held} held {down} after the backend went down"

    def _of_backend(self) -> Iterator[tuple[str, str]]:
        while self.town.blocked:
            yield "W17", f"a tick was blocked at {self.town.blocked.pop():%H:%M}"
        while self.town.errors:
            yield "W10", f"a person was told: {self.town.errors.pop()}"

    def _down_for(self) -> timedelta | None:
        if self._down_since is None:
            return None
        return timedelta(seconds=self.town.clock.elapsed().seconds - self._down_since)

    def _note_disturbances(self) -> None:
        """Until when something other than us kept a building from being given back."""
        town = self.town
        running = town.alive and town.awake.is_set()
        if running:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = town.clock.elapsed().seconds
        for name in town.buildings:
            if town.is_disturbed(name):
                self._disturbed[name] = town.now

    def taken_again(self) -> Iterator[str]:
        """Where our value stands again after it was taken away by nobody knows whom."""
        for name, building in self.town.buildings.items():
            for signal in sorted(building.emptied):
                if building.place(signal) is not None:
                    yield f"{name}: {signal} was taken again though nobody had said so"

    def recovered(self) -> Iterator[str]:
        """What has not come back three ticks after a fault was over (clause W17)."""
        town = self.town
        if not town.alive:
            yield "the backend is down"
        for name, building in town.buildings.items():
            for signal in SIGNALS:
                place, plans = building.place(signal), may_be_planned(building.number, signal)
                if place is None or all(abs(place - value) > NEAR for value in plans):
                    yield f"{name}: {signal} stands at {place}, no plan of ours has that"
