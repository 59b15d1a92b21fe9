"""What a fault rule answers: a finding with its evidence and price, or why it cannot run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from bms.model.fact import Fact

RuleId = NewType("RuleId", str)
"""Stable name of a fault rule, as the table of rules has it."""


class Severity(StrEnum):
    """How much a fault hurts while it stands, lightest first."""

    LOW = "low"
    """Waits for the next round in the building."""
    MEDIUM = "medium"
    """Costs energy, money or comfort every week."""
    HIGH = "high"
    """Costs much, or people notice it."""
    CRITICAL = "critical"
    """Does damage by the hour: a leak, frost, a building without heat."""

    @property
    def rank(self) -> int:
        """0 for the lightest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSeries:
    """A line of the picture of a finding; ``values`` have ``unit``, None where nothing is known.

    ``name`` is the code of a term, ``step_s`` [s] the length of the intervals from ``start`` on.
    A series is thinned to at most a few hundred values before it is kept.
    """

    name: str
    unit: str
    start: datetime
    step_s: int
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a finding rests on: the interval that was looked at, figures and lines of a picture."""

    start: datetime
    end: datetime
    values: tuple[Fact, ...] = ()
    series: tuple[EvidenceSeries, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a year of a fault costs that its repair avoids: energy [kWh/year] and money [DKK/year]
    without VAT, cooling fee included, each with its 90 % interval. None where not known.
    """

    kwh_year: float | None = None
    kwh_low: float | None = None
    kwh_high: float | None = None
    dkk_year: float | None = None
    dkk_low: float | None = None
    dkk_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault at ``subject`` (id of a meter, point, zone or device) from ``start`` to ``end``; the
    end is that of the data where it still stands.

    ``fact`` says what is wrong, ``look_for`` what to look for in the building. ``confidence``
    0..1 is how sure it is. ``comfort_kh_year`` [K h/year] is the discomfort that it causes,
    ``risk`` what else it may lead to; None where neither is known.
    """

    rule: RuleId
    site_id: str
    subject: str
    start: datetime
    end: datetime
    severity: Severity
    evidence: Evidence
    price: Price
    fact: Fact
    look_for: Fact
    confidence: float = 0.9
    comfort_kh_year: float | None = None
    risk: Fact | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Site, subject and rule: one fault has one key for as long as it stands."""
        return self.site_id, self.subject, self.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotRun:
    """A rule that could not look at ``subject``, and why."""

    rule: RuleId
    site_id: str
    subject: str
    reason: Fact


Answer = Finding | CannotRun | None
"""What a rule answers of one subject; None: nothing is wrong."""
