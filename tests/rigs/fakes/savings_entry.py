"""A saving with an open finding, and the event that settles it."""

from datetime import UTC, date, datetime

from bms.model.fact import Day
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.event import EventKind, NonRoutineEvent, Proposal
from bms.model.savings.finding import FindingCode, MeterFinding
from bms.savings.claims.gates import event_objections, size_objections


def at(year: int, month: int, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


BASELINE = Span(start=at(2018, 1), end=at(2019, 1))
REPORTING = Span(start=at(2019, 1), end=at(2020, 1))
STEP = MeterFinding(
    code=FindingCode.STEP,
    start=at(2019, 5),
    end=at(2020, 1),
    lasted_h=5880.0,
    excluded=False,
    parameters={"share": 0.3, "half_width": 0.05, "day": Day(date(2019, 5, 1)), "t": 6.0},
    proposal=Proposal(
        kind=EventKind.STEP,
        start=at(2019, 5),
        end=at(2020, 1),
        kwh=3000.0,
        kwh_se=300.0,
        share=0.3,
    ),
)
SAVINGS = Savings(
    meter_id="m1",
    commodity=Commodity.HEAT,
    baseline=BASELINE,
    reporting=REPORTING,
    model="3PH",
    n=365,
    coverage=1.0,
    cv_rmse=0.1,
    nmbe=0.0,
    r2=0.9,
    rho=0.4,
    baseline_kwh=10_000.0,
    adjusted_baseline_kwh=8_000.0,
    measured_kwh=7_900.0,
    saving_kwh=100.0,
    saving_low_kwh=-400.0,
    saving_high_kwh=600.0,
    confidence=0.9,
    reasons=(
        *event_objections([STEP], REPORTING, 0.8, -400.0, 600.0),
        *size_objections(100.0, -400.0, 600.0),
    ),
    flags=(FindingCode.STEP,),
    findings=(STEP,),
)
ENTRY = NonRoutineEvent(
    id="e1",
    meter="m1",
    start=at(2019, 5),
    end=at(2020, 1),
    kwh_adjustment=3000.0,
    kwh_se=300.0,
    kind=EventKind.STEP,
    author="Bo",
    entered_at=at(2020, 2),
    reason="a new kitchen since May",
)
