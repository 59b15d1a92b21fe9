"""The sites of a municipality, wired: every implementation, and the bundles that services take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from api.ports import ApiPorts
from bms.clock import SystemClock
from bms.config import Settings
from bms.errors import Mistake
from bms.journal.clock_trust import MemoryCalendarBook
from bms.model.access.rules import AccessRules
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.work.recipient import Recipient, Subscription
from bms.ports.clock import CalendarBook, Clock
from bms.ports.drivers import Drivers
from bms.ports.federation import Federation
from bms.ports.feeds import Feed, Tariffs
from bms.ports.jobs import Jobs
from bms.ports.notices import NoticeSender
from bms.ports.ownership import EverySite, OwnedSites, SiteOwners
from bms.ports.planner import Checker, Planner
from bms.ports.reports import Reporter
from bms.ports.safety import GuardKeeper, HandsOffMarks, Journal
from bms.ports.sign_in import SignInProvider
from bms.ports.storage.answers import AnswerStore
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.evidence import EvidenceStore, KnownHeads
from bms.ports.storage.keys import KeyStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.people import PeopleStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import Forwarding, ReadingStore
from bms.ports.storage.retention import RetentionStore
from bms.ports.storage.rollups import RollupStore
from bms.ports.storage.trials import TrialStore
from bms.ports.storage.trust import TrustStore
from bms.ports.storage.whole import Store
from bms.ports.storage.work import WorkStore
from bms.runtime.live_sites import LiveSites
from bms.savings.models.normal_year import NormalDegreeDays
from bms.savings.portfolio.primary_energy import Factors
from bms.services.assessment.ports import AssessmentPorts
from bms.services.collect.calendar_bookings import HallBookings
from bms.services.collect.device_times import DeviceTimes
from bms.services.control.plan_check import PlanCheck
from bms.services.control.ports import ControlPorts
from bms.services.hands_off.marked_store import MarkedDecisions
from bms.services.planning.ports import PlanningPorts, StartMemory
from bms.services.rooms.missing_temperature import Rooms
from bms.services.site_lookup import site_named
from bms.services.trials.ports import TrialPorts
from bms.services.trust.commissioned import Commissioned, CommissionedPoints
from bms.services.work.ports import WorkPorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What implements each role of storage."""

    readings: ReadingStore
    rollups: RollupStore
    plans: PlanStore
    decisions: DecisionStore
    ledgers: LedgerStore
    keys: KeyStore
    people: PeopleStore
    trials: TrialStore
    trust: TrustStore
    work: WorkStore
    answers: AnswerStore
    evidence: EvidenceStore
    retention: RetentionStore
    owners: SiteOwners
    snapshot: Callable[[], AbstractContextManager[None]]
    close: Callable[[], None]

    @classmethod
    def of(cls, store: Store) -> Stores:
        """One object in every role."""
        return cls(
            readings=store,
            rollups=store,
            plans=store,
            decisions=store,
            ledgers=store,
            keys=store,
            people=store,
            trials=store,
            trust=store,
            work=store,
            answers=store,
            evidence=store,
            retention=store,
            owners=store,
            snapshot=store.snapshot,
            close=store.close,
        )


def _unknown() -> None:
    """Nobody watches the event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The sites of a municipality with the implementation of every port."""

    sites: Mapping[str, Site]
    settings: Settings
    clock: Clock
    stores: Stores
    drivers: Drivers
    planner: Planner
    checker: Checker
    feed: Feed
    tariffs: Tariffs
    journal: Journal
    hands_off: HandsOffMarks
    keeper: GuardKeeper
    rooms: Rooms
    reporter: Reporter
    known_heads: KnownHeads | None = None
    """None where nothing is kept beside the database."""
    forwarding: Forwarding | None = None
    """None where the database cannot be away."""
    provider: SignInProvider | None = None
    """Whose word on who somebody is is taken; None where people sign in with passwords only."""
    access: AccessRules = field(default_factory=AccessRules)
    """Groups of buildings and of the provider of sign-ins."""
    calendar: CalendarBook = field(default_factory=MemoryCalendarBook)
    """Whether the clock is believed enough to delete what is old."""
    owned: OwnedSites = field(default_factory=EverySite)
    """What this process may write."""
    device_times: DeviceTimes = field(default_factory=DeviceTimes)
    """Minimum on and off times that devices have told."""
    starts: StartMemory = field(default_factory=StartMemory)
    """What was learned of the warm-ups of zones without a model."""
    calendars: HallBookings = field(default_factory=HallBookings)
    """The calendars of halls."""
    factors: Factors = Factors(primary={}, emissions={})
    """Dated factors of primary energy and emissions."""
    normal_year: NormalDegreeDays | None = None
    """The normal year that heat is corrected to."""
    loop_delay: Callable[[], float | None] = _unknown
    """How late the event loop is, at the 99th percentile of the last minutes [s]."""
    jobs: Jobs | None = None
    """The list of jobs that this process shares; None where it has one of its own."""
    make_export: Callable[[str], object] | None = None
    """Has an export made by the list of jobs; None where the API makes it itself."""
    federation: Federation | None = None
    """Other backends that are read; None in a process with buildings of its own."""
    commissioned: Commissioned | None = None
    """Which points are commissioned; None where the records say so."""
    sender: NoticeSender | None = None
    """None where nobody is told of the work list."""
    recipients: tuple[Recipient, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    base_url: str | None = None
    """Where people find the pages, as notices and feeds say it."""
    silent_sites: dict[str, bool] = field(default_factory=dict)
    """By site, whether none of its devices answered at the last look."""
    decisions: DecisionStore = field(init=False)
    """Decisions of people as they stand: the marks first, then the database."""
    plan_check: PlanCheck = field(init=False)
    """What ``checker`` says of stored plans, kept by their digest."""

    recorded: Commissioned = field(init=False)
    """What the records of commissionings say."""

    def __post_init__(self) -> None:
        marked = MarkedDecisions(self.stores.decisions, self.hands_off, self.clock)
        object.__setattr__(self, "decisions", marked)
        object.__setattr__(self, "recorded", CommissionedPoints(self.stores.trust))
        object.__setattr__(self, "plan_check", PlanCheck(self.checker))

    def site(self, site_id: str) -> Site:
        """The site of this id. Raises ``NotFound`` with the ids there are."""
        return site_named(self.sites, site_id)

    @property
    def control(self) -> ControlPorts:
        """For dispatch, a person's write, read-back and release."""
        return ControlPorts(
            plans=self.stores.plans,
            decisions=self.decisions,
            trials=self.stores.trials,
            trust=self.stores.trust,
            commissioned=self.commissioned or self.recorded,
            ledgers=self.stores.ledgers,
            drivers=self.drivers,
            journal=self.journal,
            hands_off=self.hands_off,
            keeper=self.keeper,
            clock=self.clock,
            plan_check=self.plan_check,
            rooms=self.rooms,
            readings=self.stores.readings,
            owned=self.owned,
            is_filed=self._is_filed,
            snapshot=self.stores.snapshot,
        )

    def _is_filed(self, point: Point) -> bool:
        site = self.sites.get(point.site)
        return site is not None and point in site.points

    @property
    def planning(self) -> PlanningPorts:
        """For identification, planning and simulation."""
        return PlanningPorts(
            readings=self.stores.readings,
            plans=self.stores.plans,
            decisions=self.decisions,
            trust=self.stores.trust,
            commissioned=self.commissioned or self.recorded,
            ledgers=self.stores.ledgers,
            journal=self.journal,
            clock=self.clock,
            feed=self.feed,
            tariffs=self.tariffs,
            planner=self.planner,
            checker=self.checker,
            rooms=self.rooms,
            device_times=self.device_times,
            starts=self.starts,
            calendars=self.calendars,
        )

    @property
    def assessment(self) -> AssessmentPorts:
        """For savings, key figures and cooling."""
        return AssessmentPorts(
            sites=self.sites,
            clock=self.clock,
            readings=self.stores.readings,
            rollups=self.stores.rollups,
            ledgers=self.stores.ledgers,
            feed=self.feed,
            tariffs=self.tariffs,
            answers=self.stores.answers,
            factors=self.factors,
            normal_year=self.normal_year,
        )

    @property
    def trials(self) -> TrialPorts:
        """For switchback trials."""
        return TrialPorts(
            clock=self.clock,
            readings=self.stores.readings,
            trials=self.stores.trials,
            evidence=self.stores.evidence,
            answers=self.stores.answers,
            decisions=self.decisions,
            ledgers=self.stores.ledgers,
            plans=self.stores.plans,
            feed=self.feed,
            tariffs=self.tariffs,
            known_heads=self.known_heads,
        )

    @property
    def work(self) -> WorkPorts:
        """For the work list."""
        return WorkPorts(
            sites=self.sites,
            clock=self.clock,
            work=self.stores.work,
            readings=self.stores.readings,
            decisions=self.decisions,
            ledgers=self.stores.ledgers,
            plans=self.stores.plans,
            owners=self.stores.owners,
            feed=self.feed,
            tariffs=self.tariffs,
            poll=timedelta(minutes=self.settings.poll_minutes),
            silent=self.silent_sites,
        )

    @property
    def api(self) -> ApiPorts:
        """For the API and its pages."""
        return ApiPorts(
            sites=self.sites,
            settings=self.settings,
            clock=self.clock,
            control=self.control,
            planning=self.planning,
            assessment=self.assessment,
            trials=self.trials,
            keys=self.stores.keys,
            people=self.stores.people,
            work=self.stores.work,
            people_clock=SystemClock() if self.settings.clock_file else self.clock,
            access=self.access,
            provider=self.provider,
            subscriptions=self.subscriptions,
            base_url=self.base_url,
            federation=self.federation,
            reporter=self.reporter,
            evidence=self.stores.evidence,
            forwarding=self.forwarding,
            site_mistakes=self._site_mistakes,
            loop_delay=self.loop_delay,
            make_export=self.make_export,
        )

    def _site_mistakes(self) -> Sequence[Mistake]:
        return self.sites.mistakes if isinstance(self.sites, LiveSites) else ()
