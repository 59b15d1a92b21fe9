"""Hands off a point or a building, giving back, and taking both back."""

from __future__ import annotations

from datetime import datetime, timedelta

from api.pages.actions.form import FormField, local_text, next_evening
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing, NothingToDo
from api.pages.panels.points import what_of
from api.pages.panels.standing import name_of
from bms.model.control.command import Override
from bms.services import operator as people
from bms.services.off_loop import off_loop
from bms.services.overview.plan_worth import override_cost, plan_worth

WHOLE = "all"
DAY = timedelta(days=1)


def point_choices(doing: Doing) -> tuple[tuple[str, str], ...]:
    """The whole building and every point of it that may be written, by their names."""
    t, site = doing.t, doing.site
    named = [(p.id, what_of(p.id, site, t)) for p in site.points if p.write is not None]
    rows = sorted(named, key=lambda row: t.collated(row[1]))
    return ((WHOLE, t("override_all")), *rows)


def cost_lines(doing: Doing, point: str | None, until: datetime | None) -> tuple[str, ...]:
    """What it forgoes by the plan in force that nothing is written."""
    t = doing.t
    plan = doing.ports.control.plans.plan_in_force(doing.site.id, doing.now)
    if plan is None:
        return (t("cost_no_plan"),)
    cost = override_cost(doing.site, point, plan_worth(plan))
    if cost.kwh is None and cost.dkk is None:
        return (t("cost_unknown"),)
    kwh, dkk = max(0.0, cost.kwh or 0.0), max(0.0, cost.dkk or 0.0)
    told = t("cost_a_day", kwh=kwh, dkk=dkk)
    if until is None:
        return (told,)
    days = (until - doing.now) / DAY
    return (told, t("cost_until", kwh=kwh * days, dkk=dkk * days, until=t.moment(until)))


class MakeOverride:
    """Nothing is written to a point or a building until a person says otherwise, or an end."""

    code = "override"

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, zone = doing.t, doing.site.timezone
        evening = local_text(next_evening(doing.now, zone), zone)
        until, about = t("form_until"), t("form_until_help")
        return (
            doing.ask.choice("point", t("form_what"), point_choices(doing)),
            doing.ask.moment("until", until, evening, about, required=False),
            doing.ask_reason(),
        )

    def _read(self, doing: Doing) -> tuple[str | None, datetime | None, str]:
        t = doing.t
        form = doing.form()
        chosen = form.choice("point", point_choices(doing))
        until = form.moment("until", required=False)
        if until is not None and until <= doing.now:
            form.wrong("until", t("form_over", now=doing.t.moment(doing.now)))
        reason = form.reason()
        form.check()
        return None if chosen == WHOLE else chosen, until, reason

    def preview(self, doing: Doing) -> ActionPreview:
        t = doing.t
        point, until, _ = self._read(doing)
        what = t("override_all") if point is None else what_of(point, doing.site, t)
        end = t("preview_open") if until is None else t("preview_until", time=t.moment(until))
        return ActionPreview(
            lines=(
                t("preview_override", what=what, end=end),
                t("preview_own_control"),
                *cost_lines(doing, point, until),
            ),
            warnings=(t("preview_no_end"),) if until is None else (),
        )

    async def perform(self, doing: Doing) -> ActionOutcome:
        point, until, reason = self._read(doing)
        made, done = await people.override(
            doing.site,
            now=doing.now,
            ports=doing.ports.control,
            point=point,
            until=until,
            reason=reason,
            actor=doing.actor,
        )
        back = f"/do/end-override?override={made.id}"
        return ActionOutcome(back=back, waits=not done.recorded)


class EndOverride:
    """The plan acts again from the next tick."""

    code = "end-override"

    def _standing(self, doing: Doing) -> list[Override]:
        """Raises ``NothingToDo`` where nothing is overridden."""
        t = doing.t
        found = doing.ports.control.decisions.overrides(doing.site.id, doing.now)
        if not found:
            raise NothingToDo(t("nothing_overridden"))
        return found

    def _choices(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t, site = doing.t, doing.site
        return tuple(
            (
                each.id,
                t(
                    "override_choice",
                    what=t("override_all") if each.point is None else what_of(each.point, site, t),
                    actor=each.actor,
                    since=t.moment(each.since),
                ),
            )
            for each in self._standing(doing)
        )

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t = doing.t
        return (doing.ask.choice("override", t("form_which"), self._choices(doing)),)

    def _read(self, doing: Doing) -> Override:
        form = doing.form()
        chosen = form.choice("override", self._choices(doing))
        form.check()
        return next(each for each in self._standing(doing) if each.id == chosen)

    def preview(self, doing: Doing) -> ActionPreview:
        chosen, t = self._read(doing), doing.t
        what = t("override_all") if chosen.point is None else what_of(chosen.point, doing.site, t)
        plan = doing.ports.control.plans.plan_in_force(doing.site.id, doing.now)
        coming = () if plan is None or chosen.point is None else _coming(doing, chosen.point)
        return ActionPreview(lines=(t("preview_end_override", what=what), *coming))

    async def perform(self, doing: Doing) -> ActionOutcome:
        chosen = await off_loop(self._read, doing)
        recorded = await people.end_override(
            doing.site, chosen.id, now=doing.now, ports=doing.ports.control, actor=doing.actor
        )
        return ActionOutcome(back="/do/override", waits=not recorded)


def _coming(doing: Doing, point: str) -> tuple[str, ...]:
    """The value that the plan has for a point now."""
    plan = doing.ports.control.plans.plan_in_force(doing.site.id, doing.now)
    rows = () if plan is None else plan.schedule.setpoints
    value = next((row.value_at(doing.now) for row in rows if row.point == point), None)
    t = doing.t
    return () if value is None else (t("preview_plan_value", value=t.number(value, 1)),)


def _what_and_why(doing: Doing) -> tuple[FormField, ...]:
    t = doing.t
    what = doing.ask.choice("point", t("form_what"), point_choices(doing))
    return (what, doing.ask_reason())


def _read_what_and_why(doing: Doing) -> tuple[str | None, str]:
    """The point, None for the whole building, and the reason. Raises ``WrongFields``."""
    form = doing.form()
    chosen = form.choice("point", point_choices(doing))
    reason = form.reason()
    form.check()
    return None if chosen == WHOLE else chosen, reason


class GiveBack:
    """The building, or one point of it, back to its own control until somebody takes that back."""

    code = "release"

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        return _what_and_why(doing)

    def preview(self, doing: Doing) -> ActionPreview:
        t = doing.t
        point, _ = _read_what_and_why(doing)
        lines = [t("preview_release_all"), t("preview_own_control")]
        if point is not None:
            lines = [t("preview_release_point", what=what_of(point, doing.site, t))]
        return ActionPreview(
            lines=(*lines, *cost_lines(doing, point, None)),
            word=name_of(doing.site, t) if point is None else None,
        )

    async def perform(self, doing: Doing) -> ActionOutcome:
        point, reason = _read_what_and_why(doing)
        done = await people.release(
            doing.site,
            now=doing.now,
            ports=doing.ports.control,
            actor=doing.actor,
            reason=reason,
            point=point,
        )
        back = f"/do/take-back?point={WHOLE if point is None else point}"
        return ActionOutcome(back=back, waits=not done.recorded)


class TakeBack:
    """What was given back is controlled by the plan again."""

    code = "take-back"

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        return _what_and_why(doing)

    def preview(self, doing: Doing) -> ActionPreview:
        t = doing.t
        point, _ = _read_what_and_why(doing)
        what = t("override_all") if point is None else what_of(point, doing.site, t)
        return ActionPreview(lines=(t("preview_take_back", what=what),))

    async def perform(self, doing: Doing) -> ActionOutcome:
        point, reason = _read_what_and_why(doing)
        recorded = await people.take_back_release(
            site=doing.site,
            point=point,
            now=doing.now,
            ports=doing.ports.control,
            actor=doing.actor,
            reason=reason,
        )
        return ActionOutcome(back="/do/release", waits=not recorded)
