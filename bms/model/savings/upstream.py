"""What another backend says of the savings of its buildings, and how old that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bms.model.savings.objection import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMonth:
    """A calendar month of a saving [kWh] with a 90 % interval; ``month`` is its first day, ``days``
    those that were measured."""

    month: date
    days: int
    adjusted_baseline_kwh: float
    measured_kwh: float
    saving_kwh: float
    saving_low_kwh: float
    saving_high_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSaving:
    """The saving of a building or of a portfolio, as its own backend tells it."""

    id: str
    adjusted_baseline_kwh: float | None
    measured_kwh: float | None
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    confidence: float
    verdict: Verdict
    cost_dkk: float | None = None
    co2_kg: float | None = None
    months: tuple[ToldMonth, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldUse:
    """What ``buildings`` used of a commodity, in ``unit``, and its CO2 [kg]; None: not known.

    Both are as the upstream calls them: one of a newer version may know more of them.
    """

    commodity: str
    unit: str
    buildings: int
    area_m2: float
    use: float | None
    co2_kg: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldYear:
    """What all buildings of an upstream used in a calendar year until before ``until``."""

    year: int
    until: date
    totals: tuple[ToldUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamNumbers:
    """A portfolio and its buildings, as they were read ``at`` a moment. ``consumption`` is the last
    that was told; None where the upstream does not tell any."""

    at: datetime
    portfolio: ToldSaving
    sites: tuple[ToldSaving, ...]
    consumption: ToldYear | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLook:
    """An upstream as it was seen last. ``numbers`` are the last that it told, however old.

    ``silent_since`` is when it first did not answer, None while it answers; ``error`` says why.
    """

    name: str
    url: str
    numbers: UpstreamNumbers | None
    silent_since: datetime | None = None
    error: str | None = None

    def age_s(self, now: datetime) -> float | None:
        """How old the numbers are [s]; None where there are none."""
        if self.numbers is None:
            return None
        return max(0.0, (now - self.numbers.at).total_seconds())
