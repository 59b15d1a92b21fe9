"""A municipality with some workers on one database, in virtual time: no process, no database.

Each worker has a processor for ticks and one for jobs. At every quarter it reads and dispatches the
sites that it owns; plans are asked for each hour, what is learned each night, in one list of jobs
from which any worker takes what comes first. A worker that dies is followed when its lease is over;
the job that it had is done again.
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from bms.bench.city.job_costs import NIGHT, SiteCosts, TaskCost
from bms.ports.jobs import JobKind

DAY_S, HOUR_S, QUARTER_S = 86_400.0, 3_600.0, 900.0
LEASE_S = 60.0
"""``BMS_OWNER_SECONDS`` as it comes."""
WRITE_S = 3.0
"""How long the longest write of the dead may still be on its way: the time-out of a device."""
CLAIM_S = 1.0
"""How often workers that share look for sites that are free."""
DEAD_S, LOOK_S = 20.0, 5.0
"""When the jobs of a dead worker are taken up (``bms.store.shared_jobs``)."""
BACK_S = 600.0
"""When it is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTown:
    """What is simulated: a number of sites and workers, for so many days, and how often each
    worker dies [1/d]."""

    sites: int = 300
    workers: int = 2
    days: float = 1.0
    deaths_a_day: float = 1.0
    seed: int = 0


@dataclass(slots=True)
class SimulatedDay:
    """What was seen: how long after the hour each plan stood, how long after midnight what is
    learned, how long ticks took, and how long sites of the dead went unread [s]; statements by
    minute [1]."""

    plans_s: list[float] = field(default_factory=list)
    night_s: list[float] = field(default_factory=list)
    ticks_s: list[float] = field(default_factory=list)
    take_over_s: list[float] = field(default_factory=list)
    deaths: int = 0
    jobs: int = 0
    again: int = 0
    busy_s: float = 0.0
    statements: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(order=True, slots=True)
class _Asked:
    """A job that waits: plans come first."""

    rank: int
    number: int
    asked_s: float = field(compare=False)
    kind: JobKind = field(compare=False)
    site: int = field(compare=False)


class VirtualTown:
    """One run of a municipality."""

    def __init__(self, town: SimulatedTown, costs: SiteCosts) -> None:
        self._town, self._costs = town, costs
        self._chance = random.Random(town.seed)
        self._numbers = count()
        self._events: list[tuple[float, int, str, int, _Asked | None]] = []
        self._waiting: list[_Asked] = []
        self._behind: defaultdict[int, list[_Asked]] = defaultdict(list)
        self._busy: set[int] = set()
        self._doing: dict[int, tuple[_Asked, int]] = {}
        self._alive = set(range(town.workers))
        self.seen = SimulatedDay()

    def run(self) -> SimulatedDay:
        """The whole time, event by event."""
        self._fill()
        end = self._town.days * DAY_S
        while self._events and self._events[0][0] < end:
            at, _, what, whom, job = heapq.heappop(self._events)
            if what == "ask" and job is not None:
                self._ask(job)
            elif what == "tick":
                self._tick(at)
            elif what == "done":
                self._done(at, whom, job)
            elif what == "death":
                self._death(at, whom)
            elif what == "back":
                self._alive.add(whom)
            self._begin(at)
        return self.seen

    def _fill(self) -> None:
        for what, whom, at, job in self._planned():
            self._at(at, what, whom, job)

    def _planned(self) -> Iterator[tuple[str, int, float, _Asked | None]]:
        town = self._town
        for quarter in range(int(town.days * DAY_S / QUARTER_S)):
            at = quarter * QUARTER_S
            yield "tick", 0, at, None
            kinds: list[tuple[int, JobKind]] = []
            if at % HOUR_S == 0:
                kinds.append((0, JobKind.PLAN))
            if at % DAY_S == 0:
                kinds += [(1, kind) for kind in NIGHT]
            for rank, kind in kinds:
                for site in range(town.sites):
                    yield "ask", 0, at, _Asked(rank, next(self._numbers), at, kind, site)
        if town.deaths_a_day:
            for worker in range(town.workers):
                at = self._chance.expovariate(town.deaths_a_day / DAY_S)
                while at < town.days * DAY_S:
                    yield "death", worker, at, None
                    at += BACK_S + self._chance.expovariate(town.deaths_a_day / DAY_S)

    def _at(self, at: float, what: str, whom: int = 0, job: _Asked | None = None) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), what, whom, job))

    def _ask(self, job: _Asked) -> None:
        heapq.heappush(self._waiting, job)

    def _begin(self, at: float) -> None:
        """Let every worker that is free take what comes first, and one of a site at a time."""
        for worker in sorted(self._alive - self._doing.keys()):
            job = self._next()
            if job is None:
                return
            cost = self._chance.choice(self._costs.jobs[job.kind])
            self._busy.add(job.site)
            self._doing[worker] = (job, number := next(self._numbers))
            self.seen.busy_s += cost.cpu_s
            self._load(at, cost)
            heapq.heappush(self._events, (at + cost.cpu_s, number, "done", worker, job))

    def _next(self) -> _Asked | None:
        while self._waiting:
            job = heapq.heappop(self._waiting)
            if job.site not in self._busy:
                return job
            self._behind[job.site].append(job)
        return None

    def _done(self, at: float, worker: int, job: _Asked | None) -> None:
        doing = self._doing.get(worker)
        if job is None or doing is None or doing[0] is not job or worker not in self._alive:
            return  # it died over it
        del self._doing[worker]
        self._free(job.site)
        self.seen.jobs += 1
        kept = self.seen.plans_s if job.kind is JobKind.PLAN else self.seen.night_s
        kept.append(at - job.asked_s)

    def _free(self, site: int) -> None:
        self._busy.discard(site)
        for job in self._behind.pop(site, ()):
            heapq.heappush(self._waiting, job)

    def _tick(self, at: float) -> None:
        """Each worker that lives ticks its share of the sites."""
        if not self._alive:
            return
        sites = self._town.sites / len(self._alive)
        self.seen.ticks_s.append(sites * self._costs.tick.cpu_s)
        self.seen.busy_s += self._town.sites * self._costs.tick.cpu_s
        self._load(at, TaskCost(0.0, self._costs.tick.statements * self._town.sites))

    def _death(self, at: float, worker: int) -> None:
        if worker not in self._alive:
            return
        sites = self._town.sites / len(self._alive)
        self._alive.discard(worker)
        self.seen.deaths += 1
        self._at(at + BACK_S, "back", worker)
        if self._alive:
            left = LEASE_S - self._chance.uniform(0.0, CLAIM_S) + WRITE_S
            found = self._chance.uniform(0.0, CLAIM_S)
            read = sites / len(self._alive) * self._costs.tick.cpu_s
            self.seen.take_over_s.append(left + found + read)
        else:
            self.seen.take_over_s.append(BACK_S)
        doing = self._doing.pop(worker, None)
        if doing is not None:
            self.seen.again += 1
            self._busy.discard(doing[0].site)
            again = at + DEAD_S + self._chance.uniform(0.0, LOOK_S)
            self._at(again, "ask", 0, doing[0])

    def _load(self, at: float, cost: TaskCost) -> None:
        self.seen.statements[int(at // 60)] += cost.statements
