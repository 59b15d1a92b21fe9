"""What control needs from its siblings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bms.model.assets.point import Point
from bms.model.control.lease import Lease
from bms.ports.clock import Clock
from bms.ports.drivers import Drivers
from bms.ports.ownership import EverySite, OwnedSites
from bms.ports.safety import GuardKeeper, HandsOffMarks, Journal
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.trials import TrialStore
from bms.ports.storage.trust import TrustStore
from bms.services.control.plan_check import PlanCheck
from bms.services.rooms.missing_temperature import Rooms
from bms.services.trust.commissioned import Commissioned

T = TypeVar("T")


class SharedTick(Protocol):
    """What many sites do at once in their ticks."""

    async def off_loop(self, look: Callable[[], T]) -> T:
        """What ``look`` returns, called in one thread with the looks of others; it may be called
        twice. Raises what it raises."""
        ...

    async def look_again(self) -> None:
        """Read again what people have said at the site. Raises ``StoreUnavailable``."""
        ...

    async def announce(self, leases: Sequence[Lease]) -> frozenset[str]:
        """``Journal.intend`` in one batch with others. Raises ``GuardError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPorts:
    """What dispatch, a person's write, read-back and release work with."""

    plans: PlanStore
    decisions: DecisionStore
    trials: TrialStore
    trust: TrustStore
    commissioned: Commissioned
    ledgers: LedgerStore
    drivers: Drivers
    journal: Journal
    hands_off: HandsOffMarks
    keeper: GuardKeeper
    clock: Clock
    plan_check: PlanCheck
    rooms: Rooms
    readings: ReadingStore
    owned: OwnedSites = field(default_factory=EverySite)
    is_filed: Callable[[Point], bool] = lambda point: True
    """Whether the site files have the point as it is: they are taken in while a write waits."""
    snapshot: Callable[[], AbstractContextManager[None]] = nullcontext
    """``Store.snapshot`` of what keeps plans, decisions, trials and trust."""
    tick: SharedTick | None = None
    """Where the sites of a tick ask together; None where each asks by itself."""
