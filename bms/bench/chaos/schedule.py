"""Which faults strike when: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bms.bench.chaos.faults import clocks, devices, lines, people, plans, processes, storage
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import StrikeMoment

MACHINES: tuple[type[Fault], ...] = (
    processes.BackendKilled,
    processes.BackendStopped,
    processes.GuardKilled,
    processes.GuardStopped,
    processes.BothKilled,
    storage.DatabaseAway,
    storage.DatabaseLocked,
    storage.DatabaseRolledBack,
    storage.OverrideWhileDatabaseAway,
    storage.JournalCut,
    storage.JournalDeleted,
    storage.JournalOlder,
    storage.JournalFull,
    storage.JournalUnreadable,
    lines.NetworkAway,
    lines.NetworkOneWay,
    lines.NetworkClogged,
    lines.AddressesSwapped,
    lines.OtherAnswers,
)
"""Faults of our processes, of what they keep, and of the lines to the controllers."""
KINDS: tuple[type[Fault], ...] = (
    *MACHINES,
    devices.RebootForgets,
    devices.Ignores,
    devices.AppliesLate,
    devices.WatchdogChanged,
    devices.SensorsMissing,
    devices.SensorsStuck,
    devices.SensorsImpossible,
    devices.SensorsSwapped,
    devices.ZeroAfterReboot,
    people.HandAbove,
    people.SameValueAbove,
    people.HandInOurSlot,
    people.HandAtThermostat,
    people.HandAtCurve,
    people.HandBeforeLease,
    people.HandWhileDown,
    people.OverrideInApi,
    people.SiteReleased,
    plans.ForecastMissing,
    plans.PricesMissing,
    plans.PlanEdited,
    plans.SiteFileChanged,
    plans.SiteRemoved,
    plans.SiteRenamed,
    plans.SiteFileBroken,
    clocks.ClockHourBack,
    clocks.ClockDayBack,
    clocks.ClockHourForward,
    clocks.SpringNight,
    clocks.AutumnNight,
)


PARTS = 7
"""So many parts have every fault at each of its moments [1]."""
QUIET = 16, 64
"""Ticks of fifteen minutes between two faults of the long form, least and most [1]: four to sixteen
hours, with nights and mornings."""
_SHORT = {processes.BackendKilled: 33, processes.BackendStopped: 33, processes.BothKilled: 33}
"""How long a fault lasts in the short form [min]: a lease has to end where nobody renews it."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A fault of a kind that strikes at ``moment``, ``wait`` [min] after a tick, lasts ``minutes``
    [min], and is followed by ``quiet`` ticks [1] of fifteen minutes."""

    kind: type[Fault]
    moment: StrikeMoment
    wait: int
    minutes: int
    quiet: int


def episodes(seed: int) -> list[Episode]:
    """One part of the long form, in an order of chance. Parts of ``PARTS`` seeds in a row have
    every fault at each of its moments."""
    chance = random.Random(seed)
    pairs = [(kind, moment) for kind in KINDS for moment in kind.moments][seed % PARTS :: PARTS]
    chance.shuffle(pairs)
    return [_episode(kind, moment, chance, quiet=QUIET) for kind, moment in pairs]


def short_episodes(seed: int) -> Iterator[Episode]:
    """Every fault once, its moments in turn, without quiet time between them."""
    chance = random.Random(seed)
    for i, kind in enumerate(KINDS):
        moment = kind.moments[(i + seed) % len(kind.moments)]
        episode = _episode(kind, moment, chance, quiet=(0, 0))
        yield replace(episode, wait=1, minutes=min(episode.minutes, _SHORT.get(kind, 16)))


def _episode(
    kind: type[Fault], moment: StrikeMoment, chance: random.Random, quiet: tuple[int, int]
) -> Episode:
    return Episode(
        kind=kind,
        moment=moment,
        wait=chance.randint(1, 12),
        minutes=chance.randint(min(5, kind.longest), kind.longest),
        quiet=chance.randint(*quiet),
    )
