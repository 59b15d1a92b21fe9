"""Setpoints to come: when which value, and why it changes then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.pages.language import PageTranslator
from api.pages.panels.figure import ChartFigure, both
from api.pages.panels.points import value_text, what_of
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.planning.plan import Plan, SetpointPlan, Step
from bms.model.planning.problem import Problem, ZoneTask
from bms.reports.building_charts import PlannedRow, PlannedStep, timeline_chart
from bms.reports.text import ChartText

AHEAD = timedelta(hours=24)
BEFORE_USE = timedelta(hours=12)
"""A rise that comes no earlier than this before use warms up for it."""
BEFORE_END = timedelta(hours=4)
"""A fall within this before use ends lets the room coast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingChange:
    """One change of one point in words; ``now`` marks a value that holds at this moment."""

    time: str
    name: str
    value: str
    why: str
    now: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingView:
    figure: ChartFigure
    changes: tuple[ComingChange, ...]


def coming_view(plan: Plan, site: Site, now: datetime, t: PageTranslator) -> ComingView | None:
    """The next 24 hours of every lever, in the order of time; None where nothing is planned."""
    rows, changes = [], []
    for row in plan.schedule.setpoints:
        steps = merged([s for s in row.steps if s.end > now and s.start < now + AHEAD])
        if not steps:
            continue
        name = what_of(row.point, site, t)
        rows.append(PlannedRow(name=name, steps=_planned(row, steps, plan.problem, site, t)))
        changes += _changes(name, rows[-1].steps, now, t)
    if not rows:
        return None
    changes.sort(key=lambda each: each[0])
    end = now + AHEAD
    text = ChartText(
        title=t("coming"),
        description=t("coming_about", count=len(rows), changes=len(changes)),
        translator=t,
    )
    shown = tuple(change for _, change in changes)
    figure = both(
        lambda width: timeline_chart(rows, now, end, text, width),
        8,
        8,
        (t("time"), t("point"), t("value"), t("detail")),
        [(each.time, each.name, each.value, each.why) for each in shown],
        along=False,
    )
    return ComingView(figure=figure, changes=shown)


def _planned(
    row: SetpointPlan, steps: Sequence[Step], problem: Problem, site: Site, t: PageTranslator
) -> list[PlannedStep]:
    low, high = min(s.value for s in steps), max(s.value for s in steps)
    span = (high - low) or 1.0
    task = _task(row.point, problem, site)
    return [
        PlannedStep(
            start=step.start,
            end=step.end,
            level=1.0 if low == high and step.value > 0 else (step.value - low) / span,
            label=value_text(step.value, row.unit, t),
            why=_why(step, _before(steps, i), task, problem, t),
        )
        for i, step in enumerate(steps)
    ]


def _before(steps: Sequence[Step], i: int) -> float | None:
    return steps[i - 1].value if i else None


def _task(point: str, problem: Problem, site: Site) -> ZoneTask | None:
    """The room whose use decides about a point: its own, or the first that its unit serves."""
    known = next((p for p in site.points if p.id == point), None)
    if known is None:
        return None
    zone = known.zone
    if zone is None and known.ventilation is not None:
        units = [unit for unit in site.ventilation if unit.id == known.ventilation]
        zone = next((unit.zones[0] for unit in units if unit.zones), None)
    if zone is None and known.role is not Role.HEATING_CURVE_SHIFT:
        return None
    return next((task for task in problem.zones if zone in (None, task.id)), None)


def _why(
    step: Step, before: float | None, task: ZoneTask | None, problem: Problem, t: PageTranslator
) -> str:
    """Why a value begins when it does, by the use of the room around that time."""
    if before is None:
        return t("change_standing")
    if task is None:
        return t("change_other")
    in_use = _in_use(task, problem, step.start)
    turn = _next_turn(task, problem, step.start)
    rises = step.value > before
    if rises and not in_use and turn is not None and turn - step.start <= BEFORE_USE:
        return t("change_ahead_of_use", time=t.clock(turn))
    if rises and in_use:
        return t("change_in_use")
    if not rises and in_use and turn is not None and turn - step.start <= BEFORE_END:
        return t("change_ahead_of_end", time=t.clock(turn))
    if not rises and not in_use:
        return t("change_out_of_use")
    return t("change_other")


def _index(problem: Problem, moment: datetime) -> int:
    return int((moment - problem.start).total_seconds() // problem.step_s)


def _in_use(task: ZoneTask, problem: Problem, moment: datetime) -> bool:
    i = _index(problem, moment)
    return 0 <= i < len(task.occupied) and task.occupied[i]


def _next_turn(task: ZoneTask, problem: Problem, moment: datetime) -> datetime | None:
    """When use begins or ends next after a moment; None within the plan."""
    first = max(0, _index(problem, moment))
    flags = task.occupied[first:]
    for i, use in enumerate(flags):
        if use != flags[0]:
            return problem.start + timedelta(seconds=problem.step_s) * (first + i)
    return None


def _changes(
    name: str, steps: Sequence[PlannedStep], now: datetime, t: PageTranslator
) -> list[tuple[datetime, ComingChange]]:
    return [
        (
            step.start,
            ComingChange(
                time=t("now") if step.start <= now else t.soon(step.start, now),
                name=name,
                value=step.label,
                why=step.why,
                now=step.start <= now,
            ),
        )
        for step in steps
    ]


def merged(steps: list[Step]) -> list[Step]:
    """Neighbours with the same value as one."""
    out: list[Step] = []
    for step in steps:
        if out and out[-1].end == step.start and out[-1].value == step.value:
            out[-1] = Step(start=out[-1].start, end=step.end, value=step.value)
        else:
            out.append(step)
    return out
