"""TODO"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bms.model.assets.site import Mode
from bms.model.control.command import (
    Command,
    Lease,
    Overridden,
    Override,
    Receipt,
)
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.planning.plan import Plan
from bms.services.control.local_override import LOCAL
from bms.services.control.site_state import Scene


class AuthorityReason(MessageCode):
    """Why nothing is written at a site or a point."""

    MODE_NOT_AUTO = "mode_not_auto"
    NO_PLAN = "no_plan"
    PLAN_OBJECTIONS = "plan_objections"
    PLAN_OLD = "plan_old"
    PLAN_ELSEWHEN = "plan_elsewhen"
    OVERRIDDEN = "overridden"


PLAN = "plan"
PLAN_MAX_AGE = timedelta(hours=6)


def plan_flaw(plan: Plan | None, now: datetime, max_age: timedelta = PLAN_MAX_AGE) -> Fact | None:
    """Why a plan may not be written at ``now``; None when it may."""
    if plan is None:
        return fact(AuthorityReason.NO_PLAN)
    if plan.objections:
        first = plan.objections[0]
        return fact(
            AuthorityReason.PLAN_OBJECTIONS,
            objection=first if isinstance(first, Fact) else first.en,
        )
    if now - plan.created_at > max_age:
        return fact(AuthorityReason.PLAN_OLD, created=Moment(plan.created_at))
    if not plan.schedule.start <= now < plan.schedule.end:
        return fact(AuthorityReason.PLAN_ELSEWHEN)
    return None


def override_of(scene: Scene, point: str) -> Override | None:
    """The override that covers a point, by itself or with its whole site."""
    return next((o for o in scene.overrides if o.point in (None, point)), None)


def overridden_by(point: str, override: Override) -> Fact:
    """That a person has overridden the point, and why."""
    return fact(
        AuthorityReason.OVERRIDDEN, point=point, actor=override.actor, reason=override.reason
    )


def person(name: str) -> Fact:
    """The holder of a point, by name."""
    return fact(Holder.LOCAL) if name == LOCAL else fact(Holder.PERSON, name=name)


def stand_aside(
    scene: Scene, commands: Sequence[Command], actor: str
) -> tuple[list[Receipt], list[Command]]:
    """Commands that people stand in the way of, and the others."""
    blocked: list[Receipt] = []
    free: list[Command] = []
    for command in commands:
        override = override_of(scene, command.point)
        held = scene.leases.get(command.point)
        if override is not None:
            blocked.append(Overridden(command, None, None, person(override.actor)))
        elif held is not None and held.command.actor != actor and not held.ended(scene.now):
            by = person(held.command.actor)
            blocked.append(Overridden(command, None, held.command.value, by))
        else:
            free.append(command)
    return blocked, free


def hands_off(scene: Scene, held: Lease, actor: str) -> bool:
    """Whether what the plan holds has to go at once."""
    if held.command.actor != actor:
        return False
    if scene.mode is not Mode.AUTO or scene.rest is not None:
        return True
    return override_of(scene, held.point.id) is not None
