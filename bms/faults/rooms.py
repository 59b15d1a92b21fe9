"""Rooms of a subject, one by one, and what is told of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bms.faults.observations import Observations
from bms.faults.rule import Detected, found
from bms.faults.signals import Signal
from bms.model.fact import Parameter
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats


@dataclass(frozen=True, slots=True, eq=False)
class RoomColumns:
    """A room, ``place`` being empty where the subject is one, and its columns."""

    place: str
    columns: Mapping[Signal, Floats]

    def __getitem__(self, signal: Signal) -> Floats:
        return self.columns[signal]

    def told(
        self,
        flags: Flags,
        parameters: Mapping[str, Parameter],
        lines: tuple[Signal, ...],
        **more: Any,
    ) -> tuple[Detected, ...]:
        """A detection about this room, or nothing where no interval is flagged."""
        extra = {signal.value: self.columns[signal] for signal in lines}
        named = {"room": self.place, **parameters}
        return found(flags, named, extra=extra, place=self.place or None, **more)


def rooms(seen: Observations, *needed: Signal) -> tuple[RoomColumns, ...]:
    """The rooms that have all of these columns; one of the whole subject counts in each."""
    places = dict.fromkeys(place for each in seen.rooms.values() for place in each) or {"": None}
    own = {
        place: {signal: each[place] for signal, each in seen.rooms.items() if place in each}
        for place in places
    }
    every = (RoomColumns(place, {**seen.signals, **own[place]}) for place in places)
    return tuple(room for room in every if all(signal in room.columns for signal in needed))
