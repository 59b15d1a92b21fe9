"""Savings, events and baselines to put into a ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from bms.model.assets.site import YearlyGoal
from bms.model.fact import Day
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import FrozenBaseline, KeptBaseline, MonthSavings, Savings, Span
from bms.model.savings.event import Decision, EventKind, NonRoutineEvent, Proposal
from bms.model.savings.finding import FindingCode, MeterFinding
from bms.model.savings.goal import KeptGoal
from bms.model.savings.measure import Measure, MeasureEnd, MeasureKind
from bms.savings.claims.gates import event_objections
from tests.rigs.fakes.city import utc

BASELINE = Span(start=utc(2018, 1, 1), end=utc(2019, 1, 1))
REPORTING = Span(start=utc(2019, 1, 1), end=utc(2019, 4, 1))
STEP_AT = utc(2019, 2, 1)


def an_event(event_id: str = "e1", **changes: object) -> NonRoutineEvent:
    """200 ± 40 kWh more at ``lodge/heat`` in February 2019."""
    made = NonRoutineEvent(
        id=event_id,
        meter="lodge/heat",
        start=STEP_AT,
        end=utc(2019, 3, 1),
        kwh_adjustment=200.0,
        kwh_se=40.0,
        kind=EventKind.STEP,
        author="bo",
        entered_at=utc(2019, 4, 2),
        reason="a new wing",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_dismissal(event_id: str = "e2", **changes: object) -> NonRoutineEvent:
    return an_event(
        event_id, kwh_adjustment=0.0, kwh_se=0.0, decision=Decision.DISMISSED, **changes
    )


def a_month(first: date, adjusted: float, measured: float, to_date: float) -> MonthSavings:
    saving = adjusted - measured
    return MonthSavings(
        month=first,
        days=30,
        adjusted_baseline_kwh=adjusted,
        measured_kwh=measured,
        saving_kwh=saving,
        saving_low_kwh=saving - 30.0,
        saving_high_kwh=saving + 30.0,
        to_date_kwh=to_date,
        to_date_low_kwh=to_date - 60.0,
        to_date_high_kwh=to_date + 60.0,
        drift=0.06,
        to_date_drift=0.06,
    )


def a_finding(start: datetime = STEP_AT, kwh: float | None = 180.0) -> MeterFinding:
    """A step that goes on until the reporting period ends; ``kwh`` None: nothing is proposed."""
    proposal = None
    if kwh is not None:
        proposal = Proposal(
            kind=EventKind.STEP,
            start=start,
            end=REPORTING.end,
            kwh=kwh,
            kwh_se=25.0,
            share=0.1,
        )
    return MeterFinding(
        code=FindingCode.STEP,
        start=start,
        end=REPORTING.end,
        lasted_h=1.0,
        excluded=False,
        parameters={"share": 0.1, "half_width": 0.02, "day": Day(start.date()), "t": 6.0},
        proposal=proposal,
    )


def a_saving(meter: str = "lodge/heat", **changes: object) -> Savings:
    """4 000 kWh expected, 3 000 kWh measured from January to March 2019, proven."""
    months = (
        a_month(date(2019, 1, 1), 2000.0, 1500.0, 500.0),
        a_month(date(2019, 2, 1), 1000.0, 750.0, 750.0),
        a_month(date(2019, 3, 1), 1000.0, 750.0, 1000.0),
    )
    made = Savings(
        meter_id=meter,
        commodity=Commodity.HEAT,
        baseline=BASELINE,
        reporting=REPORTING,
        model="3PH",
        n=365,
        coverage=1.0,
        cv_rmse=0.1,
        nmbe=0.0,
        r2=0.9,
        rho=0.3,
        baseline_kwh=16_000.0,
        adjusted_baseline_kwh=4000.0,
        measured_kwh=3000.0,
        saving_kwh=1000.0,
        saving_low_kwh=900.0,
        saving_high_kwh=1100.0,
        confidence=0.9,
        baseline_id="id-1",
        baseline_settings={"timezone": "Europe/Copenhagen"},
        months=months,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def with_open_step(saving: Savings | None = None, **changes: object) -> Savings:
    """A saving whose step nobody has decided about."""
    found = a_finding(**changes)  # type: ignore[arg-type]
    return replace(
        saving or a_saving(),
        findings=(found,),
        flags=(FindingCode.STEP,),
        reasons=tuple(event_objections([found], REPORTING, 0.25, 900.0, 1100.0)),
    )


def a_kept_baseline(baseline_id: str = "id-1", **changes: object) -> KeptBaseline:
    baseline = FrozenBaseline(
        id=baseline_id,
        meter_id="lodge/heat",
        period=BASELINE,
        settings={"timezone": "Europe/Copenhagen"},
        model="3PH",
        coefficients={"mu": 1.5},
        n=365,
        cv_rmse=0.1,
        baseline_kwh=16_000.0,
    )
    made = KeptBaseline(baseline=baseline, at=utc(2019, 4, 2), author="bms", reason="first use")
    return replace(made, **changes)  # type: ignore[arg-type]


def a_measure(measure_id: str = "m1", **changes: object) -> Measure:
    """New windows at the lodge from March 2019, blacked out until April."""
    made = Measure(
        id=measure_id,
        site="lodge",
        kind=MeasureKind.WINDOWS,
        what="new windows",
        start=utc(2019, 2, 28, 23),
        author="bo",
        entered_at=utc(2019, 4, 2),
        blackout_until=utc(2019, 3, 31, 22),
        cost_dkk=450_000.0,
        expected_share=0.08,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_measure_end(measure_id: str = "m1", **changes: object) -> MeasureEnd:
    made = MeasureEnd(
        measure=measure_id,
        site="lodge",
        end=utc(2020, 3, 31, 22),
        author="eva",
        entered_at=utc(2020, 4, 2),
        reason="they were taken out",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_goal(site: str = "lodge", **changes: object) -> KeptGoal:
    """A budget of heat for 2019."""
    made = KeptGoal(
        site=site,
        goal=YearlyGoal(year=2019, commodity=Commodity.HEAT, budget=50_000.0, target=40_000.0),
        author="eva",
        reason="as the council decided",
        entered_at=utc(2019, 1, 2),
    )
    return replace(made, **changes)  # type: ignore[arg-type]
