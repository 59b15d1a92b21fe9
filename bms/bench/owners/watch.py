"""What must hold where two workers share sites (clause W2), looked at from outside: by who has
written what at the buildings, and by the table of owners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bms.bench.chaos.building import LIMITS, MINUTE, NetworkWrite, RecordingBuilding
from bms.bench.chaos.script import may_be_planned
from bms.bench.chaos.watch import NEAR, Violation
from bms.bench.owners.town import LEASE, SharedTown
from bms.errors import StoreError
from bms.model.control.local_override import LOCAL
from bms.model.control.ownership import Ownership

TICK = MINUTE
WITHOUT_OWNER = LEASE + 3 * TICK
ARRIVES_S = 1.0
"""How long a frame may take [s]: the time-out of the devices."""


@dataclass
class OwnerWatch:
    """Looks at a shared town: at every write, and minute by minute.

    ``ownerless`` and ``unheld`` are the longest that a site was without an owner that lives, and
    without the lease of one that does; ``log`` is what was written, by whom.
    """

    town: SharedTown
    violations: list[Violation] = field(default_factory=list)
    ownerless: timedelta = timedelta(0)
    unheld: timedelta = timedelta(0)
    log: list[str] = field(default_factory=list)
    changes: int = 0
    """How often a site was written by another worker than before [1]."""
    _tokens: dict[str, tuple[int, str]] = field(default_factory=dict)
    _writer: dict[tuple[str, str], str] = field(default_factory=dict)
    _held: dict[str, datetime] = field(default_factory=dict)
    _shared: dict[str, datetime] = field(default_factory=dict)
    _owned: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.town.on_arrival, self.town.on_minute = self.arrived, self.look

    def add(self, clause: str, seen: str) -> None:
        """The same thing again is one violation."""
        if all((v.clause, v.seen) != (clause, seen) for v in self.violations):
            self.violations.append(Violation(clause, self.town.now, seen))

    async def arrived(self, worker: str, building: RecordingBuilding, row: NetworkWrite) -> None:
        """A write has come in through the door of a worker."""
        self.log.append(f"{row.at:%d %H:%M:%S} {worker} {building.name} {row.signal} {row.value}")
        for clause, seen in self._of_write(worker, building, row):
            self.add(clause, f"{building.name}: {seen}")
        if row.value is None:
            return
        earlier = self._writer.get((building.name, row.signal))
        self.changes += earlier not in (None, worker)
        self._writer[building.name, row.signal] = worker

    def _of_write(
        self, worker: str, building: RecordingBuilding, row: NetworkWrite
    ) -> Iterator[tuple[str, str]]:
        try:
            owner = self.town.owners().get(building.name)
        except StoreError:
            return
        if row.value is None:
            point = f"{building.name}/{row.signal}"
            holder = self._holders(owner).get(point)
            if row.before is not None and holder not in (None, worker):
                yield "W02", f"{worker} gave back {row.signal}, which {holder} holds"
            return
        yield from self._owner(worker, building.name, row.signal, owner)
        low, high = LIMITS[row.signal]
        planned = may_be_planned(building.number, row.signal)
        if not low - NEAR <= row.value <= high + NEAR:
            yield "W03", f"{row.signal} {row.value} is outside {low}..{high}"
        if all(abs(row.value - value) > NEAR for value in planned):
            yield "W16", f"{row.signal} got {row.value}, which no plan of ours has"
        taken = self.town.hands_off.get(building.name)
        if taken is not None and taken + MINUTE < row.at:
            yield "W10", f"{row.signal} was written after a person had taken the site"

    def _owner(
        self, worker: str, site: str, signal: str, owner: Ownership | None
    ) -> Iterator[tuple[str, str]]:
        """Who writes owns, and tokens rise."""
        mine = self.town.workers[worker].id
        if owner is None or owner.owner != mine or owner.released:
            yield "W02", f"{worker} wrote {signal} without owning the site"
            return
        if owner.left_s < -ARRIVES_S:
            yield "W02", f"{worker} wrote {signal} after its lease had ended"
        token, holder = self._tokens.get(site, (0, worker))
        if owner.token < token or (owner.token == token and holder != worker):
            yield "W02", f"{worker} wrote {signal} with a token that {holder} had"
        self._tokens[site] = (owner.token, worker)

    def look(self) -> None:
        """One minute."""
        town = self.town
        try:
            rows = town.owners()
            overrides = [o for site in town.buildings for o in town.store.overrides(site, town.now)]
        except StoreError as error:
            self.add("W17", f"the database does not answer: {error}")
            return
        owned = town.owned(rows)
        self._owners(owned)
        for each in overrides:
            if each.actor == LOCAL:
                self.add("W09", f"a local override where nobody was: {each.point} {each.reason}")
        for site in town.buildings:
            self._places(site, owned)
        while town.blocked:
            self.add("W17", f"a tick was blocked at {town.blocked.pop():%H:%M}")
        while town.errors:
            self.add("W10", f"a person was told: {town.errors.pop()}")

    def _owners(self, owned: Mapping[str, str]) -> None:
        town = self.town
        for site in town.buildings:
            if site in owned or not any(each.lives for each in town.workers.values()):
                self._owned[site] = town.now
            without = town.now - self._owned.get(site, town.now)
            self._owned.setdefault(site, town.now)
            self.ownerless = max(self.ownerless, without)
            if without > WITHOUT_OWNER:
                self.add("W02", f"{site} is without an owner")

    def _holders(self, owner: Ownership | None) -> dict[str, str]:
        """Of the points whose lease runs in the journal of the owner: who that is."""
        for worker in self.town.workers.values():
            if owner is not None and worker.id == owner.owner and not owner.released:
                return dict.fromkeys(self.town.leases(worker), worker.name)
        return {}

    def _places(self, site: str, owned: Mapping[str, str]) -> None:
        """What stands has a lease that runs, in one journal; in two while it is handed over."""
        town = self.town
        running = {name: town.leases(each) for name, each in town.workers.items()}
        offered = {name: town.leases(each, offered=True) for name, each in town.workers.items()}
        for signal in town.held(site):
            point = f"{site}/{signal}"
            holders = [name for name, points in running.items() if point in points]
            holders = holders or [name for name, points in offered.items() if point in points]
            if len(holders) == 1:
                self._shared.pop(point, None)
            elif town.now - self._shared.setdefault(point, town.now) > 2 * MINUTE:
                who = " and ".join(holders) or "nobody"
                self.add("W02" if holders else "W11", f"{point} is held, with a lease of {who}")
        theirs = running.get(owned.get(site, ""), frozenset())
        if any(point.startswith(f"{site}/") for point in theirs):
            self._held[site] = town.now
        if site not in town.hands_off and site in self._held:
            self.unheld = max(self.unheld, town.now - self._held[site])

    def recovered(self) -> Iterator[str]:
        """What is not as it is when nothing is wrong."""
        town = self.town
        owned = town.owned()
        for site, building in town.buildings.items():
            if site not in owned:
                yield f"{site} has no owner"
            for signal in LIMITS:
                place, plans = building.place(signal), may_be_planned(building.number, signal)
                if place is None or all(abs(place - value) > NEAR for value in plans):
                    yield f"{site}: {signal} stands at {place}, no plan of ours has that"
