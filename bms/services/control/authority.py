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
from bms.model.planning.plan import Plan
from bms.model.words import Words
from bms.services.control.site_state import Scene

PLAN = "plan"
PLAN_MAX_AGE = timedelta(hours=6)


def plan_flaw(plan: Plan | None, now: datetime, max_age: timedelta = PLAN_MAX_AGE) -> Words | None:
    """Why a plan may not be written at ``now``; None when it may."""
    if plan is None:
        return Words("no_plan", "Der er ingen plan", "There is no plan")
    if plan.objections:
        first = plan.objections[0]
        return Words(
            "plan_objections",
            f"Planen bestod ikke kontrollen: {first.da}",
            f"The plan did not pass the checker: {first.en}",
        )
    if now - plan.created_at > max_age:
        return Words(
            "plan_old",
            f"Planen er fra {plan.created_at:%Y-%m-%d %H:%M} UTC og er for gammel",
            f"The plan is of {plan.created_at:%Y-%m-%d %H:%M} UTC and too old",
        )
    if not plan.schedule.start <= now < plan.schedule.end:
        return Words(
            "plan_elsewhen",
            "Planen dækker ikke dette tidspunkt",
            "The plan does not cover this moment",
        )
    return None


def override_of(scene: Scene, point: str) -> Override | None:
    """The override that covers a point, by itself or with its whole site."""
    return next((o for o in scene.overrides if o.point in (None, point)), None)


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
            blocked.append(Overridden(command, None, None, override.actor))
        elif held is not None and held.command.actor != actor and not held.ended(scene.now):
            blocked.append(Overridden(command, None, held.command.value, held.command.actor))
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
