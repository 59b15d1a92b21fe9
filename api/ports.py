"""What the API needs from its siblings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bms.config import Settings
from bms.errors import Mistake
from bms.model.access.rules import AccessRules
from bms.model.assets.site import Site
from bms.model.work.recipient import Subscription
from bms.ports.clock import Clock
from bms.ports.federation import Federation
from bms.ports.reports import Reporter
from bms.ports.sign_in import SignInProvider
from bms.ports.storage.evidence import EvidenceStore
from bms.ports.storage.keys import KeyStore
from bms.ports.storage.people import PeopleStore
from bms.ports.storage.readings import Forwarding
from bms.ports.storage.work import WorkStore
from bms.services.assessment.ports import AssessmentPorts
from bms.services.control.ports import ControlPorts
from bms.services.planning.ports import PlanningPorts
from bms.services.trials.ports import TrialPorts


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPorts:
    """The sites by id, and the bundles of the services that routes and pages call."""

    sites: Mapping[str, Site]
    settings: Settings
    clock: Clock
    control: ControlPorts
    planning: PlanningPorts
    assessment: AssessmentPorts
    trials: TrialPorts
    keys: KeyStore
    people: PeopleStore
    work: WorkStore
    reporter: Reporter
    evidence: EvidenceStore
    people_clock: Clock
    """The time that sessions of people end by: ours, where building time is a simulator's."""
    access: AccessRules = AccessRules()
    provider: SignInProvider | None = None
    """None where people sign in with passwords only."""
    forwarding: Forwarding | None = None
    """None where the database cannot be away."""
    loop_delay: Callable[[], float | None] = lambda: None
    """How late the event loop is, at the 99th percentile of the last minutes [s]."""
    site_mistakes: Callable[[], Sequence[Mistake]] = tuple
    """The mistakes of site files that are left out now."""
    subscriptions: tuple[Subscription, ...] = ()
    """Feeds of the work list, by who may read them."""
    federation: Federation | None = None
    """Other backends that are read here; None in a city of its own."""
    make_export: Callable[[str], object] | None = None
    """Has the export of an id made by another process, and waits; None where it is made here."""
    base_url: str | None = None
    """Where people find the pages, as feeds say it."""

    @property
    def groups(self) -> Mapping[str, frozenset[str]]:
        """The buildings of each group."""
        return self.access.members(self.sites.values())
