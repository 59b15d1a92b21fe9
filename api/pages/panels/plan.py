"""The plan in force: its reasons, what it leads to, and the setpoints to come."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from api.pages.language import PageTranslator
from api.pages.panels.figure import ChartFigure, both
from bms.model.planning.decision_day import DecisionLedger
from bms.model.planning.plan import Expected, Plan
from bms.reports.knowledge_chart import LEFT_PX, RIGHT_PX, KnownThen, knowledge_chart
from bms.reports.svg import WIDTH
from bms.reports.text import ChartText
from bms.services.overview.buildings import PlanNow
from bms.services.overview.plan_knowledge import PlanKnowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """``outcomes`` are rows of (name, with the plan, own control), ``changes`` of (moment, point,
    why it changes)."""

    id: str
    state: str
    word: str
    long: str
    made: str
    until: str
    reasons: tuple[str, ...]
    objections: tuple[str, ...]
    outcomes: tuple[tuple[str, str, str], ...]
    changes: tuple[tuple[str, str, str], ...]


def known_picture(known: PlanKnowledge, t: PageTranslator, width: float = WIDTH) -> str:
    """What a plan knew of weather and prices, and what came, as SVG of ``width`` [px]."""
    text = ChartText(title=t("known_title"), description=t("known_about"), translator=t)
    chart = KnownThen(**{each.name: getattr(known, each.name) for each in fields(known)})
    return knowledge_chart(chart, text, width)


def known_figure(known: PlanKnowledge, t: PageTranslator) -> ChartFigure | None:
    """What a plan knew of weather and prices, and what came; None where it knew nothing."""
    if not known.times or not any(v is not None for v in (*known.temp_out_c, *known.price)):
        return None
    rows = zip(
        known.times, known.temp_out_c, known.came_c, known.price, known.price_now, strict=True
    )
    return both(
        lambda width: known_picture(known, t, width),
        LEFT_PX,
        RIGHT_PX,
        (t("time"), t("known_temp"), t("known_came"), t("known_price"), t("known_price_now")),
        [
            (
                t.moment(at),
                _with_unit(foreseen, "°C", 1, t),
                _with_unit(came, "°C", 1, t),
                _with_unit(price, "DKK/kWh", 2, t),
                _with_unit(since, "DKK/kWh", 2, t),
            )
            for at, foreseen, came, price, since in rows
        ],
    )


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


def plan_view(plan: Plan, now: datetime, t: PageTranslator) -> PlanView:
    """A plan in words."""
    schedule = plan.schedule
    words = (*schedule.reasons, *plan.problem.notes)
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
        changes=tuple(
            (t.moment(each.at), each.point, t.describe(each.why)) for each in schedule.changes
        ),
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


def decision_rows(ledger: DecisionLedger, t: PageTranslator) -> tuple[tuple[str, ...], ...]:
    """Rows of (kind, days, what it was to bring, what came, the part that came)."""
    return tuple(
        (
            t(f"decision_{row.kind.value}"),
            t.number(row.days),
            t.number(row.predicted_dkk),
            t.number(row.came_dkk),
            f"{t.number(100 * row.share)} ± {t.number(100 * row.share_error)} %",
        )
        for row in ledger.kinds
    )
