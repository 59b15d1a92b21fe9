"""The gates between a number and a claim: each one that fails is an objection with its ceiling.

Thresholds: fit and sufficiency as in CalTRACK 2.0 and the acceptance levels of ASHRAE Guideline
14-2014 §4.3.2; docs/savings.md gives the source of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from math import hypot, log
from zoneinfo import ZoneInfo

from bms.model.fact import Day, MessageCode
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.finding import MeterFinding
from bms.model.savings.objection import Objection, ObjectionKind, Verdict, objection
from bms.savings.claims.assessment import AssessmentPeriods
from bms.savings.events.sun_panels import SunPanels
from bms.savings.models.restlessness import the_estate
from bms.savings.models.uncertainty import CONFIDENCE, Z90

YEAR_DAYS = 300
SEASON_DAYS = 60
REPORTING_DAYS = 12
LEAST_REPORTING_DAYS = 7
FULL_COVERAGE = 0.9
LEAST_COVERAGE = 0.5
GOOD_CV_RMSE = 0.25
USABLE_CV_RMSE = 1.0
GOOD_NMBE = 0.005
KWH_PER_M3_K = 1.163
"""Heat of water as it is billed [kWh/(m3 K)]."""
USUAL_COOLING_K, POSSIBLE_COOLING_K = (10.0, 70.0), (3.0, 120.0)
"""Cooling of a building's district heating over a period [K], and what water in pipes can have."""
TYPICAL_COOLING_K, LEAST_K = 30.0, 1e-6
SETTLED = timedelta(days=31)
"""Panels that show in the first month of a baseline were there before it."""
OUTSIDE_SHARE = 0.02
"""Share of the reporting days that may lie outside the temperatures of the baseline: a week of a
year bends no sum."""
LEFT_OF_EVENTS = 0.7
"""Half-widths of a saving that have to be left of it without the events that lower it. The interval
allows for events already, which are a part of how buildings drift: to ask for the whole proof once
more would count them twice (docs/savings.md §6)."""


class GateCode(MessageCode):
    """The gates of a meter's saving that can fail."""

    PERIODS_OVERLAP = "periods_overlap"
    BASELINE_TOO_SHORT = "baseline_too_short"
    BASELINE_PART_OF_YEAR = "baseline_part_of_year"
    REPORTING_TOO_SHORT = "reporting_too_short"
    REPORTING_SHORT = "reporting_short"
    REPORTING_GAPS = "reporting_gaps"
    TOO_FEW_BILLS = "too_few_bills"
    BILLS_TOO_LONG = "bills_too_long"
    NO_USE = "no_use"
    FIT_POOR = "fit_poor"
    FIT_BIASED = "fit_biased"
    WEATHER_OUTSIDE_BASELINE = "weather_outside_baseline"
    SUN_PANELS = "sun_panels"
    EXPORTS = "counts_export"
    ENERGY_PER_VOLUME = "energy_per_volume"
    BILLS_ACROSS = "bills_across"
    NO_SAVING = "no_saving"
    SAVING_WITHIN_UNCERTAINTY = "saving_within_uncertainty"
    PROVEN_IN_FIRST_YEAR = "proven_in_first_year"


def period_objections(periods: AssessmentPeriods) -> list[Objection]:
    """Returns the objection to periods that overlap."""
    baseline, reporting = periods.baseline, periods.reporting
    if baseline.start < reporting.end and reporting.start < baseline.end:
        refused = Verdict.NOT_CLAIMABLE
        return [objection(GateCode.PERIODS_OVERLAP, ObjectionKind.DATA, refused)]
    return []


def panel_objections(panels: SunPanels | None, periods: AssessmentPeriods) -> list[Objection]:
    """Returns the objection to a meter behind which panels of the sun came since the baseline
    began, or whose amounts are below zero: what it shows is not what the building used."""
    end = periods.reporting.end.astimezone(ZoneInfo(periods.timezone)).date()
    begin = periods.baseline.start.astimezone(ZoneInfo(periods.timezone)).date()
    if panels is None or panels.since >= end:
        return []
    refused = Verdict.NOT_CLAIMABLE
    if panels.since > begin + SETTLED:
        day = Day(panels.since)
        return [objection(GateCode.SUN_PANELS, ObjectionKind.DATA, refused, since=day)]
    if panels.exported:
        return [objection(GateCode.EXPORTS, ObjectionKind.DATA, refused)]
    return []


def volume_objections(kwh_per_m3: Iterable[float | None]) -> list[Objection]:
    """Returns the objection to a meter of district heating whose energy is not what its volume can
    have carried (each of ``kwh_per_m3`` over a period): columns that are swapped, a unit, a factor.
    """
    known = [each / KWH_PER_M3_K for each in kwh_per_m3 if each is not None]
    odd = [each for each in known if not USUAL_COOLING_K[0] <= each <= USUAL_COOLING_K[1]]
    if not odd:
        return []
    worst = max(odd, key=lambda kelvin: abs(log(max(kelvin, LEAST_K) / TYPICAL_COOLING_K)))
    possible = POSSIBLE_COOLING_K[0] <= worst <= POSSIBLE_COOLING_K[1]
    return [
        objection(
            GateCode.ENERGY_PER_VOLUME,
            ObjectionKind.DATA,
            Verdict.INDICATIVE if possible else Verdict.NOT_CLAIMABLE,
            kwh_per_m3=worst * KWH_PER_M3_K,
            kelvin=worst,
            least=USUAL_COOLING_K[0],
            most=USUAL_COOLING_K[1],
        )
    ]


def sufficiency_objections(
    baseline_days: int, reporting_days: int, coverage: float
) -> list[Objection]:
    """Returns the objections to the amount of data; ``not_claimable`` ones mean that nothing is
    computed."""
    found = (
        _baseline_days(baseline_days),
        _reporting_days(reporting_days),
        _coverage(coverage),
    )
    return [each for each in found if each is not None]


def fit_objections(cv_rmse: float | None, nmbe: float | None) -> list[Objection]:
    """Returns the objections to how well the model follows the baseline (fractions of the
    mean)."""
    return [found for found in (_scatter(cv_rmse), _bias(nmbe)) if found is not None]


def weather_objections(outside_days: int, days: int) -> list[Objection]:
    """Returns the objection to reporting ``days`` of which more than 2 % are colder or warmer than
    the model has seen."""
    if outside_days <= OUTSIDE_SHARE * days:
        return []
    code = GateCode.WEATHER_OUTSIDE_BASELINE
    return [objection(code, ObjectionKind.DATA, Verdict.INDICATIVE, count=outside_days)]


def event_objections(
    findings: Iterable[MeterFinding],
    reporting: Span,
    carried: float,
    low: float,
    high: float,
    *,
    first_year: bool = False,
) -> list[Objection]:
    """Returns the objections to non-routine events that nobody has confirmed or dismissed yet.

    ``low`` and ``high`` [kWh] are the 90 % interval of the saving over the ``reporting`` period;
    ``carried`` is its adjusted baseline over the use of the baseline period. A proven saving of
    which ``LEFT_OF_EVENTS`` half-widths are left if all those events are confirmed that lower it
    needs no decision: they limit nothing. Where the ``first_year`` was proven with its own events,
    it is enough that something is left.
    """
    events = [found for found in findings if found.event is not None]
    effects = [_effect(found, reporting, carried) for found in events]
    lowered = sum(min(kwh, 0.0) for kwh, _ in effects)
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    wider = hypot(half, *(Z90 * se for _, se in effects))
    left = middle + lowered > (0.0 if first_year else LEFT_OF_EVENTS) * wider
    sized = all(found.proposal or found.unsure for found in events)
    proven = sized and left and (_proven(middle, half) or (first_year and low > 0.0))
    ceiling = Verdict.VERIFIED if proven else Verdict.INDICATIVE
    return [
        Objection(found.fact.code, found.fact.parameters, kind=ObjectionKind.EVENT, ceiling=ceiling)
        for found in events
    ]


def _effect(found: MeterFinding, reporting: Span, carried: float) -> tuple[float, float]:
    """What the saving would change by, if an event were confirmed as proposed, and the standard
    error [kWh]."""
    proposal = found.proposal or found.unsure
    if proposal is None:
        return 0.0, 0.0
    share = 1.0 if found.start >= reporting.start else -carried
    return share * proposal.kwh, share * proposal.kwh_se


def size_objections(
    saving: float, low: float, high: float, *, first_year: bool = False
) -> list[Objection]:
    """Returns the objection to a ``saving`` [kWh] that is none, or that its 90 % interval from
    ``low`` to ``high`` [kWh] does not tell from none.

    The tail decides: where the interval is that of 90 %, a saving is verified when the one of 95 %
    lies above zero, and claimable when the odds that there is one are two to one (ratios of these
    in ``Estate``, by Student's t). What was proven of the ``first_year`` of a longer project stays
    so while the interval of 90 % lies above zero: that grows with what the building does by itself.
    """
    middle, half = (low + high) / 2.0, (high - low) / 2.0
    if saving <= 0:
        return [objection(GateCode.NO_SAVING, ObjectionKind.SIZE, Verdict.NOT_CLAIMABLE)]
    if _proven(middle, half):
        return []
    if first_year and low > 0.0:
        code = GateCode.PROVEN_IN_FIRST_YEAR
        return [objection(code, ObjectionKind.SIZE, Verdict.VERIFIED, half_width=half)]
    likely = middle > the_estate().indicative * half
    return [
        objection(
            GateCode.SAVING_WITHIN_UNCERTAINTY,
            ObjectionKind.SIZE,
            Verdict.INDICATIVE if likely else Verdict.NOT_CLAIMABLE,
            saving=saving,
            half_width=half,
        )
    ]


def _proven(middle: float, half: float) -> bool:
    return middle > the_estate().verified * half


def _baseline_days(n: int) -> Objection | None:
    if n < SEASON_DAYS:
        return _thin(GateCode.BASELINE_TOO_SHORT, Verdict.NOT_CLAIMABLE, n, SEASON_DAYS)
    if n < YEAR_DAYS:
        return _thin(GateCode.BASELINE_PART_OF_YEAR, Verdict.INDICATIVE, n, YEAR_DAYS)
    return None


def _reporting_days(m: int) -> Objection | None:
    if m < LEAST_REPORTING_DAYS:
        refused = Verdict.NOT_CLAIMABLE
        return _thin(GateCode.REPORTING_TOO_SHORT, refused, m, LEAST_REPORTING_DAYS)
    if m < REPORTING_DAYS:
        return _thin(GateCode.REPORTING_SHORT, Verdict.INDICATIVE, m, REPORTING_DAYS)
    return None


def _thin(code: GateCode, ceiling: Verdict, days: int, needed: int) -> Objection:
    return objection(code, ObjectionKind.DATA, ceiling, count=days, needed=needed)


def _coverage(coverage: float) -> Objection | None:
    if coverage >= FULL_COVERAGE:
        return None
    thin = coverage < LEAST_COVERAGE
    return objection(
        GateCode.REPORTING_GAPS,
        ObjectionKind.DATA,
        Verdict.NOT_CLAIMABLE if thin else Verdict.INDICATIVE,
        coverage=coverage,
        needed=LEAST_COVERAGE if thin else FULL_COVERAGE,
    )


def _scatter(cv_rmse: float | None) -> Objection | None:
    if cv_rmse is None:
        return objection(GateCode.NO_USE, ObjectionKind.MODEL, Verdict.NOT_CLAIMABLE)
    if cv_rmse <= GOOD_CV_RMSE:
        return None
    return objection(
        GateCode.FIT_POOR,
        ObjectionKind.MODEL,
        Verdict.INDICATIVE if cv_rmse <= USABLE_CV_RMSE else Verdict.NOT_CLAIMABLE,
        cv_rmse=cv_rmse,
        most=GOOD_CV_RMSE,
    )


def _bias(nmbe: float | None) -> Objection | None:
    if nmbe is None or abs(nmbe) <= GOOD_NMBE:
        return None
    return objection(
        GateCode.FIT_BIASED, ObjectionKind.MODEL, Verdict.INDICATIVE, nmbe=nmbe, most=GOOD_NMBE
    )


def without_model(
    *,
    meter_id: str,
    commodity: Commodity,
    periods: AssessmentPeriods,
    before_kwh: Floats,
    after_kwh: Floats,
    coverage: float,
) -> Savings:
    """Returns the savings of a meter without any number that a model gives.

    ``before_kwh`` and ``after_kwh`` [kWh] are what both periods' intervals used, shapes (n,) and
    (m,); ``coverage`` 0..1 is that of the reporting period.
    """
    return Savings(
        meter_id=meter_id,
        commodity=commodity,
        baseline=periods.baseline,
        reporting=periods.reporting,
        model=None,
        n=len(before_kwh),
        coverage=coverage,
        cv_rmse=None,
        nmbe=None,
        r2=None,
        rho=None,
        baseline_kwh=float(before_kwh.sum()) if len(before_kwh) else None,
        adjusted_baseline_kwh=None,
        measured_kwh=float(after_kwh.sum()) if len(after_kwh) else None,
        saving_kwh=None,
        saving_low_kwh=None,
        saving_high_kwh=None,
        confidence=CONFIDENCE,
    )
