"""The way from a setpoint back to the readings that it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.language import PageTranslator
from api.pages.panels.points import value_text, what_of
from api.pages.panels.receipts import KINDS
from api.ports import ApiPorts
from bms.errors import NotFound
from bms.model.assets.site import Site
from bms.model.control.command import Released, StillHeld
from bms.model.readings.units import Unit
from bms.services.evidence.trace import PlanTrace, Trace, TracePorts, trace


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStep:
    """One step of the way: what it is, and what is known of it."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailReadings:
    """Readings that a plan rests on, with the address of their history."""

    name: str
    count: str
    span: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailView:
    """``steps`` are empty where nothing was written to the point lately."""

    points: tuple[tuple[str, str, bool], ...]
    steps: tuple[TrailStep, ...]
    readings: tuple[TrailReadings, ...]
    none: str | None


def trail_view(ports: ApiPorts, site: Site, asked: str | None, t: PageTranslator) -> TrailView:
    """The way back from what stands at a point now; from the first one where none is named."""
    written = [p.id for p in site.points if p.write is not None]
    named = sorted(((p, what_of(p, site, t)) for p in written), key=lambda row: t.collated(row[1]))
    chosen = asked if asked in written else (named[0][0] if named else None)
    points = tuple((p, words, p == chosen) for p, words in named)
    if chosen is None:
        return TrailView(points=points, steps=(), readings=(), none=t("trail_no_point"))
    try:
        found = trace(
            site,
            chosen,
            ports.clock.now(),
            TracePorts(
                ledgers=ports.control.ledgers,
                plans=ports.control.plans,
                evidence=ports.evidence,
                readings=ports.planning.readings,
            ),
        )
    except NotFound:
        none = t("trail_nothing", point=what_of(chosen, site, t))
        return TrailView(points=points, steps=(), readings=(), none=none)
    return TrailView(
        points=points,
        steps=tuple(_steps(found, site, t)),
        readings=tuple(_readings(found.plan, site, t)) if found.plan is not None else (),
        none=None,
    )


def _steps(found: Trace, site: Site, t: PageTranslator) -> list[TrailStep]:
    unit = next((p.unit for p in site.points if p.id == found.point), Unit.COUNT)
    steps = [
        TrailStep(
            title=t("trail_receipt"),
            lines=(
                f"{what_of(found.point, site, t)}: {t(f'outcome_{KINDS[type(found.receipt)]}')}",
                t.moment(found.receipt_at),
            ),
        )
    ]
    if not isinstance(found.receipt, Released | StillHeld):
        command = found.receipt.command
        reason = command.reason if isinstance(command.reason, str) else t.describe(command.reason)
        lines = (
            value_text(command.value, unit, t),
            t("trail_until", time=t.moment(command.lease_end)),
            f"{command.actor}: {reason}",
        )
        steps.append(TrailStep(title=t("trail_command"), lines=lines))
    if found.plan is not None:
        steps += _plan_steps(found.plan, t)
    return steps


def _plan_steps(plan: PlanTrace, t: PageTranslator) -> list[TrailStep]:
    sealed = {True: t("trail_sealed"), False: t("trail_broken"), None: t("trail_unsealed")}
    made = (
        t("trail_made", time=t.moment(plan.created_at)),
        t(f"plan_{plan.status.value}_long"),
        sealed[plan.sealed],
    )
    steps = [TrailStep(title=t("plan"), lines=made)]
    problem = plan.problem
    if problem is None:
        return steps
    model = problem.model_identified_at
    known = (
        t("trail_forecast", share=problem.forecast_known, until=t.moment(problem.forecast_end)),
        t("trail_no_model") if model is None else t("trail_model", time=t.moment(model)),
        *(t.describe(note) for note in problem.notes),
    )
    return [*steps, TrailStep(title=t("trail_basis"), lines=known)]


def _readings(plan: PlanTrace, site: Site, t: PageTranslator) -> list[TrailReadings]:
    if plan.problem is None:
        return []
    return [
        TrailReadings(
            name=what_of(row.point, site, t),
            count=t.number(row.n),
            span=""
            if row.first is None or row.last is None
            else f"{t.moment(row.first)} – {t.moment(row.last)}",
            link=f"/sites/{site.id}/history?point={row.point}",
        )
        for row in plan.problem.readings
    ]
