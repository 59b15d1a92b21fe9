"""Levers that somebody holds: a plan takes them as they stand until the hold ends.

They are planned around, not planned with: nothing is expected of what cannot be written.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bms.errors import GuardError
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.clock_reading import ClockReading
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride
from bms.model.fact import MessageCode, fact
from bms.model.planning.plan import Plan
from bms.model.planning.problem import HeldValue, Lever, Problem, VentilationTask
from bms.model.readings.units import Unit
from bms.ports.storage.readings import ReadingStore
from bms.services.held_points import RECENT, PointHold, Receipts, held_points, value_shown
from bms.services.planning.ports import PlanningPorts
from bms.services.points_by_role import STEP

log = logging.getLogger(__name__)

ZERO_C_IN_K = 273.15
FULL_PCT = 100.0
AS_COMMISSIONED = 0.0
"""The shift of the heating curve by own control [K]."""


class HeldLeverNote(MessageCode):
    """What people should know of levers that are held."""

    VALUE_UNKNOWN = "held_value_unknown"
    UNCONFIRMED = "levers_unconfirmed"


@dataclass(frozen=True, slots=True)
class Holds:
    """The points of a site that people hold, and the value that stands at each of them [unit of
    the point], where one is known."""

    points: Mapping[str, PointHold]
    standing: Mapping[str, float]


def holds_of(site: Site, now: datetime, ports: PlanningPorts) -> Holds:
    """What people hold at a site. Where the journal cannot be read there is a plan all the same,
    without the leases of people; nothing is written by it then. Raises ``StoreUnavailable``."""
    points = held_points(
        site,
        overrides=ports.decisions.overrides(site.id, now),
        local_overrides=_local_overrides(ports),
        leases=_running_leases(site, now, ports),
    )
    standing = {id_: hold.value for id_, hold in points.items()}
    unknown = [id_ for id_, value in standing.items() if value is None]
    if unknown:
        receipts = ports.ledgers.receipts(site.id, now - RECENT)
        standing |= {id_: _standing(id_, now, ports.readings, receipts) for id_ in unknown}
    return Holds(points, {id_: value for id_, value in standing.items() if value is not None})


def _local_overrides(ports: PlanningPorts) -> Collection[LocalOverride]:
    try:
        return ports.journal.local_overrides().values()
    except GuardError as error:
        log.error("a plan without what people hold at the building: %s", error)
        return ()


def _running_leases(site: Site, now: datetime, ports: PlanningPorts) -> Collection[Lease]:
    try:
        leases = ports.journal.leases_of(site.id).values()
    except GuardError as error:
        log.error("a plan without what people have written: %s", error)
        return ()
    at = ClockReading(now, ports.clock.elapsed())
    return [lease for lease in leases if not lease.ended(at)]


def _standing(
    point: str, now: datetime, readings: ReadingStore, receipts: Receipts
) -> float | None:
    """The effective value as it was seen last: by a poll of the last quarter of an hour, or by a
    write or release since."""
    reading = readings.latest([point]).get(point)
    shown = value_shown(point, receipts)
    value = None if reading is None else reading.good_value
    if reading is None or value is None:
        return None if shown is None else shown[1]
    if shown is not None and shown[0] >= reading.time:
        return shown[1]
    return value if now - STEP <= reading.time <= now else None


def with_holds(problem: Problem, holds: Holds) -> Problem:
    """The problem with every lever that is held at its value; where that is not known, at the value
    that own control has at the start, with a note."""
    curve = problem.curve
    made = replace(
        problem,
        zones=tuple(
            replace(
                task, lever=_held(task.lever, holds, _temperature(task.own_setpoint_c, task.lever))
            )
            for task in problem.zones
        ),
        ventilation=tuple(_held_unit(task, holds) for task in problem.ventilation),
        curve=None
        if curve is None
        else replace(curve, lever=_held(curve.lever, holds, AS_COMMISSIONED) or curve.lever),
    )
    unknown = (
        fact(HeldLeverNote.VALUE_UNKNOWN, point=lever.point, by=lever.held.by, own=lever.held.value)
        for lever in made.levers
        if lever.held is not None and lever.point not in holds.standing
    )
    return replace(made, notes=(*made.notes, *unknown))


def holds_changed(plan: Plan, holds: Holds, now: datetime) -> bool:
    """Whether other levers are held than the plan took for held, by others or until another end,
    from ``now`` on. That a value has changed meanwhile is left to the next plan."""
    for lever in plan.problem.levers:
        hold, known = holds.points.get(lever.point), lever.held
        if known is not None and known.until is not None and known.until <= now:
            known = None
        if (hold is None) != (known is None):
            return True
        if hold is not None and known is not None and _differ(hold, known):
            return True
    return False


def left_to_own_control(problem: Problem, points: Collection[str]) -> Problem:
    """The problem with these levers at their own control: what is to be expected without them."""
    curve = problem.curve
    if curve is not None and curve.lever.point in points:
        as_is = HeldValue(value=AS_COMMISSIONED, by="own control", until=None)
        curve = replace(curve, lever=replace(curve.lever, held=as_is))

    def kept(lever: Lever | None) -> Lever | None:
        return None if lever is not None and lever.point in points else lever

    return replace(
        problem,
        zones=tuple(replace(task, lever=kept(task.lever)) for task in problem.zones),
        ventilation=tuple(
            replace(
                task,
                lever=kept(task.lever),
                flow_lever=kept(task.flow_lever),
                supply_lever=kept(task.supply_lever),
            )
            for task in problem.ventilation
        ),
        curve=curve,
    )


def _differ(hold: PointHold, known: HeldValue) -> bool:
    return (hold.by, hold.until) != (known.by, known.until)


def _held(lever: Lever | None, holds: Holds, own: float | None) -> Lever | None:
    """The lever at its held value. ``own`` is what own control has [unit of the lever]; where
    neither is known the answer is None, so that the lever follows its own control."""
    hold = None if lever is None else holds.points.get(lever.point)
    if lever is None or hold is None:
        return lever
    value = holds.standing.get(lever.point, own)
    if value is None:
        return None
    if lever.role is Role.VENTILATION_RUN:
        value = min(max(value, 0.0), 1.0)
    return replace(lever, held=HeldValue(value=value, by=hold.by, until=hold.until))


def _held_unit(task: VentilationTask, holds: Holds) -> VentilationTask:
    own_flow = task.own_flow_pct[0] if task.own_flow_pct else FULL_PCT
    return replace(
        task,
        lever=_held(task.lever, holds, task.own_run[0]),
        flow_lever=_held(task.flow_lever, holds, own_flow),
        supply_lever=_held(
            task.supply_lever, holds, _temperature(task.own_supply_c, task.supply_lever)
        ),
    )


def _temperature(own_c: Sequence[float], lever: Lever | None) -> float | None:
    """The first of these temperatures [degC] in the unit of the lever; None where there is none."""
    if not own_c or lever is None:
        return None
    return own_c[0] + ZERO_C_IN_K if lever.unit is Unit.KELVIN else own_c[0]
