"""What the assessment of savings needs from its siblings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bms.model.assets.site import Site
from bms.ports.clock import Clock
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.answers import AnswerStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.rollups import RollupStore
from bms.savings.models.normal_year import NormalDegreeDays
from bms.savings.portfolio.primary_energy import Factors


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentPorts:
    """The sites of the portfolio by id, and what their savings and key figures are made of."""

    sites: Mapping[str, Site]
    clock: Clock
    readings: ReadingStore
    rollups: RollupStore
    ledgers: LedgerStore
    feed: Feed
    tariffs: Tariffs
    answers: AnswerStore
    """Where what was made of them is kept."""
    factors: Factors = Factors(primary={}, emissions={})
    """Dated factors of primary energy and emissions."""
    normal_year: NormalDegreeDays | None = None
    """What heat is corrected to; None: nothing is corrected."""
