"""What was saved, with everything an auditor asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from bms.model.readings.units import Commodity
from bms.model.savings.finding import FindingCode, MeterFinding
from bms.model.savings.objection import Objection, Verdict, verdict_of_saving


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A period of building time, start inclusive, end exclusive, both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSavings:
    """One calendar month of a saving [kWh], each with a 90 % interval of its own: the months add
    up to the period. ``month`` is its first day, ``days`` those that were measured. ``to_date``
    is the saving since 1 January of that year, or since the reporting period began where that is
    later. ``drift`` and ``to_date_drift`` are the standard deviations of the building's own drift
    that the intervals allow for, a share of use."""

    month: date
    days: int
    adjusted_baseline_kwh: float
    measured_kwh: float
    saving_kwh: float
    saving_low_kwh: float
    saving_high_kwh: float
    to_date_kwh: float
    to_date_low_kwh: float
    to_date_high_kwh: float
    drift: float
    to_date_drift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisedSavings:
    """What would be saved in a normal year [kWh per year] (IPMVP): the baseline's model minus the
    reporting period's, both at the weather of ``normal_year``, with its 90 % interval.
    ``degree_days`` [K d below 17 degC] are those of the normal year."""

    normal_year: str
    degree_days: float
    baseline_kwh: float
    reporting_kwh: float
    saving_kwh: float
    saving_low_kwh: float
    saving_high_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenBaseline:
    """A baseline as it stood when it was first used: ``id`` changes with every reading of its
    period, with the code and with the ``settings`` (bms.savings.models.baseline_identity)."""

    id: str
    meter_id: str
    period: Span
    settings: Mapping[str, str]
    model: str | None
    coefficients: Mapping[str, float] | None
    n: int
    cv_rmse: float | None
    baseline_kwh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unadjusted:
    """A saving as it is without the non-routine adjustments that people confirmed: ``events`` are
    the ids of the entries that count, which add ``adjustment_kwh`` ± ``adjustment_se_kwh`` [kWh,
    standard error] to the adjusted baseline. The interval is that of 90 %."""

    adjustment_kwh: float
    adjustment_se_kwh: float
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    reasons: tuple[Objection, ...]
    events: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """How far it may be claimed: as ``Savings.verdict``."""
        return verdict_of_saving(self.saving_kwh, self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """Avoided energy use of one meter (IPMVP Option C): adjusted baseline minus measured [kWh].

    Every number that cannot be known is None, and ``reasons`` say why; the ``verdict`` follows from
    them. ``coverage`` is the share of the reporting period with both use and weather, 0..1;
    ``cv_rmse`` and ``nmbe`` are fractions of the mean; ``rho`` is the lag-1 autocorrelation of the
    residuals. ``drift`` is the standard deviation of the building's own drift, a share of its use,
    that the interval allows for.

    ``coefficients`` of the model by name [kWh/day, kWh/day/K, degC]; ``n_eff`` is the number of
    independent days n'. ``flags`` are the codes of the ``findings``. Beside the model stands the
    Danish degree-day correction: ``degree_days`` [K d below 17 degC] of both periods' measured
    days, and the saving against the baseline corrected by GUF and GAF, of the same days.
    ``guf_share`` is the share of the use that GUF took. ``hourly_cv_rmse`` and
    ``hourly_saving_kwh`` are the second opinion of the hourly model of the year,
    ``hourly_months_…`` that of its twelve models of three months. ``baseline_id`` names the
    baseline's data, code and ``baseline_settings``. ``months`` are in order; ``normalised`` is None
    where no normal year was asked for or a year is too thin. ``cost_dkk``, ``co2_kg`` and
    ``primary_energy_kwh`` value the saving at the mean price and factors of the period.
    """

    meter_id: str
    commodity: Commodity
    baseline: Span
    reporting: Span
    model: str | None
    n: int
    coverage: float
    cv_rmse: float | None
    nmbe: float | None
    r2: float | None
    rho: float | None
    baseline_kwh: float | None
    adjusted_baseline_kwh: float | None
    measured_kwh: float | None
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    confidence: float
    reasons: tuple[Objection, ...] = ()
    flags: tuple[FindingCode, ...] = ()
    drift: float | None = None
    findings: tuple[MeterFinding, ...] = ()
    coefficients: Mapping[str, float] | None = None
    n_eff: float | None = None
    degree_days: tuple[float, float] | None = None
    degree_day_saving_kwh: float | None = None
    hourly_cv_rmse: float | None = None
    hourly_saving_kwh: float | None = None
    hourly_months_cv_rmse: float | None = None
    hourly_months_saving_kwh: float | None = None
    guf_share: float | None = None
    baseline_id: str | None = None
    baseline_settings: Mapping[str, str] | None = None
    months: tuple[MonthSavings, ...] = ()
    normalised: NormalisedSavings | None = None
    cost_dkk: float | None = None
    co2_kg: float | None = None
    primary_energy_kwh: float | None = None
    unadjusted: Unadjusted | None = None
    proven_in_first_year: bool = False
    """Whether the first year of a longer project was verified; only asked where the whole is
    not."""

    @property
    def verdict(self) -> Verdict:
        """How far it may be claimed: the lowest ceiling of the ``reasons``, and not at all where
        nothing is known."""
        return verdict_of_saving(self.saving_kwh, self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSavings:
    """The saving of a building or portfolio: the sum over its billed meters, with its interval.

    ``cost_dkk``, ``co2_kg`` and ``primary_energy_kwh`` value the saving at the mean price and
    factors of the period. ``months`` add up to the period. ``unadjusted`` is the saving without
    non-routine adjustments, None where there are none.
    """

    id: str
    meters: tuple[Savings, ...]
    adjusted_baseline_kwh: float | None
    measured_kwh: float | None
    saving_kwh: float | None
    saving_low_kwh: float | None
    saving_high_kwh: float | None
    confidence: float
    reasons: tuple[Objection, ...] = ()
    cost_dkk: float | None = None
    co2_kg: float | None = None
    primary_energy_kwh: float | None = None
    months: tuple[MonthSavings, ...] = ()
    unadjusted: Unadjusted | None = None

    @property
    def verdict(self) -> Verdict:
        """How far it may be claimed: the lowest ceiling of the ``reasons``, and not at all where
        nothing is known."""
        return verdict_of_saving(self.saving_kwh, self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBaseline:
    """A baseline as it stood ``at`` a moment, and who kept it why.

    The last one of a meter and period stands; none is ever changed or removed.
    """

    baseline: FrozenBaseline
    at: datetime
    author: str
    reason: str

    @property
    def site(self) -> str:
        """The site of the meter, whose id is ``site/meter``."""
        return self.baseline.meter_id.partition("/")[0]


def is_lopsided(saving: float, low: float, high: float) -> bool:
    """Whether a saving in an interval (all of one unit) lies off its middle, by more than a tenth
    of the half-width, so that ± would say something else than both ends."""
    return abs(saving - (low + high) / 2.0) > 0.1 * (high - low) / 2.0
