"""The plan in force: its reasons, what it leads to, and the setpoints to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.pages.language import PageTranslator
from api.pages.panels.points import value_text, what_of
from bms.model.assets.site import Site
from bms.model.planning.plan import Expected, Plan, SetpointPlan, Step
from bms.services.overview.buildings import PlanNow

AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingRow:
    """One value of one point; ``now`` marks the one that holds at this moment."""

    start: str
    end: str
    value: str
    now: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingPoint:
    name: str
    steps: tuple[ComingRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """``outcomes`` are rows of (name, with the plan, own control)."""

    id: str
    state: str
    word: str
    long: str
    made: str
    until: str
    reasons: tuple[str, ...]
    objections: tuple[str, ...]
    outcomes: tuple[tuple[str, str, str], ...]
    coming: tuple[ComingPoint, ...]


def plan_state(plan: Plan | None) -> str:
    """The state of a plan as the code of its word."""
    if plan is None:
        return "none"
    return "objected" if plan.objections else plan.schedule.status.value


def plan_state_now(plan: PlanNow | None) -> str:
    """The state of what is known of a plan as the code of its word."""
    if plan is None:
        return "none"
    return "objected" if plan.objection is not None else plan.status.value


def plan_view(plan: Plan, site: Site, now: datetime, t: PageTranslator) -> PlanView:
    """A plan in words."""
    schedule = plan.schedule
    words = (*schedule.reasons, *plan.problem.notes)
    rows = (_coming(row, site, now, t) for row in schedule.setpoints)
    return PlanView(
        id=plan.id,
        state=plan_state(plan),
        word=t(f"plan_{plan_state(plan)}"),
        long=t(f"plan_{schedule.status.value}_long"),
        made=t("plan_made", age=t.since(plan.created_at, now), time=t.moment(plan.created_at)),
        until=t.moment(schedule.end),
        reasons=tuple(dict.fromkeys(t.describe(each) for each in words)),
        objections=tuple(t.describe(each) for each in plan.objections),
        outcomes=_outcomes(schedule.expected, schedule.own_control, t),
        coming=tuple(row for row in rows if row.steps),
    )


def _outcomes(ours: Expected, own: Expected, t: PageTranslator) -> tuple[tuple[str, str, str], ...]:
    rows = (
        (t("energy"), "kWh", 0, ours.energy_kwh, own.energy_kwh),
        (t("cost"), t("currency"), 0, ours.cost_dkk, own.cost_dkk),
        (t("emissions"), "kg", 1, ours.co2_kg, own.co2_kg),
        (t("discomfort"), t("kelvin_hours"), 1, ours.comfort_kh, own.comfort_kh),
    )
    return tuple(
        (name, _with_unit(planned, unit, decimals, t), _with_unit(today, unit, decimals, t))
        for name, unit, decimals, planned, today in rows
    )


def _with_unit(value: float | None, unit: str, decimals: int, t: PageTranslator) -> str:
    text = t.number(value, decimals)
    return text if value is None else f"{text} {unit}"


def _coming(row: SetpointPlan, site: Site, now: datetime, t: PageTranslator) -> ComingPoint:
    steps = _merged([s for s in row.steps if s.end > now and s.start < now + AHEAD])
    return ComingPoint(
        name=what_of(row.point, site, t),
        steps=tuple(
            ComingRow(
                start=t.soon(step.start, now),
                end=t.soon(step.end, now),
                value=value_text(step.value, row.unit, t),
                now=step.start <= now < step.end,
            )
            for step in steps
        ),
    )


def _merged(steps: list[Step]) -> list[Step]:
    """Neighbours with the same value as one."""
    out: list[Step] = []
    for step in steps:
        if out and out[-1].end == step.start and out[-1].value == step.value:
            out[-1] = Step(start=out[-1].start, end=step.end, value=step.value)
        else:
            out.append(step)
    return out
