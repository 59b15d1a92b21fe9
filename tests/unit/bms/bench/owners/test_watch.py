"""What a watch of two workers takes for a breach of W2."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from bms.bench.chaos.building import OFFICE, NetworkWrite, RecordingBuilding
from bms.bench.chaos.script import planned
from bms.bench.owners.watch import WITHOUT_OWNER, OwnerWatch
from bms.clock import VirtualClock
from bms.model.control.ownership import Ownership

NOW = datetime(2019, 1, 14, 6, tzinfo=UTC)
SITE = "east00"


def a_row(owner: str, token: int = 1, left_s: float = 5.0) -> Ownership:
    return Ownership(
        site=SITE,
        owner=owner,
        place="here",
        token=token,
        left_s=left_s,
        stands_s=300.0,
        selection="all",
    )


@dataclass
class TableOfOwners:
    """A shared town of one building, without processes."""

    row: Ownership | None
    running: dict[str, frozenset[str]] = field(default_factory=dict)
    offered: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.buildings = {SITE: RecordingBuilding(SITE, 1, self.clock)}
        self.workers = {n: SimpleNamespace(id=n, name=n, lives=True) for n in ("anna", "bo")}
        self.store = SimpleNamespace(overrides=lambda site, now: [])
        self.hands_off: dict[str, datetime] = {}
        self.errors: list[str] = []
        self.blocked: list[datetime] = []

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def owners(self) -> dict[str, Ownership]:
        return {} if self.row is None else {SITE: self.row}

    def owned(self, rows: Any = None) -> dict[str, str]:
        return {} if self.row is None else {SITE: self.row.owner}

    def leases(self, worker: Any, *, offered: bool = False) -> frozenset[str]:
        return (self.offered if offered else self.running).get(worker.name, frozenset())

    def held(self, site: str) -> list[str]:
        return [OFFICE] if self.running else []


def watched(town: TableOfOwners) -> OwnerWatch:
    return OwnerWatch(cast("Any", town))


async def arrives(watch: OwnerWatch, worker: str, value: float | None = 0.0) -> list[str]:
    """A planned value of the office, or a give-back, comes through a worker's ports."""
    town = watch.town
    value = planned(1, OFFICE, town.now) if value is not None else None
    row = NetworkWrite(town.now, OFFICE, value, 20.0, None)
    await watch.arrived(worker, town.buildings[SITE], row)
    return [violation.seen for violation in watch.violations]


async def test_w02_who_writes_owns() -> None:
    assert await arrives(watched(TableOfOwners(a_row("anna"))), "anna") == []
    assert "without owning" in str(await arrives(watched(TableOfOwners(a_row("anna"))), "bo"))
    late = TableOfOwners(a_row("anna", left_s=-2.0))
    assert "lease had ended" in str(await arrives(watched(late), "anna"))


async def test_w02_tokens_rise_and_belong_to_one() -> None:
    town = TableOfOwners(a_row("anna", token=7))
    watch = watched(town)
    assert await arrives(watch, "anna") == []
    town.row = a_row("bo", token=7)
    assert "a token that anna had" in str(await arrives(watch, "bo"))


async def test_w12_what_the_owner_holds_nobody_else_gives_back() -> None:
    town = TableOfOwners(a_row("bo"), {"bo": frozenset({f"{SITE}/{OFFICE}"})})
    assert "which bo holds" in str(await arrives(watched(town), "anna", None))
    assert await arrives(watched(town), "bo", None) == []


async def test_w02_a_site_is_not_long_without_an_owner_nor_long_with_two_leases() -> None:
    town = TableOfOwners(a_row("anna"), {"anna": frozenset({f"{SITE}/{OFFICE}"})})
    watch = watched(town)
    watch.look()
    town.row = None
    town.running["bo"] = town.running["anna"]
    for _ in range(int(WITHOUT_OWNER / timedelta(minutes=1)) + 1):
        town.clock.advance(timedelta(minutes=1))
        watch.look()
    seen = [violation.seen for violation in watch.violations]
    assert f"{SITE} is without an owner" in seen
    assert f"{SITE}/{OFFICE} is held, with a lease of anna and bo" in seen
    assert watch.ownerless > WITHOUT_OWNER


async def test_w11_what_an_heir_that_was_lost_has_opened_ends_with_its_lease() -> None:
    """The owner has closed its own, and the heir's guard gives back at the end."""
    town = TableOfOwners(a_row("anna"), {"anna": frozenset()})
    town.offered["bo"] = frozenset({f"{SITE}/{OFFICE}"})
    watch = watched(town)
    for _ in range(4):
        watch.look()
        town.clock.advance(timedelta(minutes=1))
    assert watch.violations == []
    town.offered.clear()
    for _ in range(4):
        watch.look()
        town.clock.advance(timedelta(minutes=1))
    [seen] = [violation.seen for violation in watch.violations]
    assert seen == f"{SITE}/{OFFICE} is held, with a lease of nobody"
