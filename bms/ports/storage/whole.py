"""Every role in one object: what a database implements and the composition root takes apart."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from bms.ports.ownership import SiteOwners
from bms.ports.storage.answers import AnswerStore
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.evidence import EvidenceStore
from bms.ports.storage.keys import KeyStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.people import PeopleStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.retention import RetentionStore
from bms.ports.storage.rollups import RollupStore
from bms.ports.storage.trials import TrialStore
from bms.ports.storage.trust import TrustStore
from bms.ports.storage.work import WorkStore


class Store(
    AnswerStore,
    ReadingStore,
    RollupStore,
    PlanStore,
    DecisionStore,
    LedgerStore,
    KeyStore,
    PeopleStore,
    TrialStore,
    TrustStore,
    WorkStore,
    EvidenceStore,
    RetentionStore,
    SiteOwners,
    Protocol,
):
    """For the composition root and the contract suite only; a service names the roles it uses."""

    def snapshot(self) -> AbstractContextManager[None]:
        """What this thread reads meanwhile is of one moment, where the database can do that, and
        is asked in one transaction. Raises ``StoreUnavailable``."""
        ...

    def close(self) -> None:
        """Close the connections; whatever is asked afterwards is refused."""
        ...
