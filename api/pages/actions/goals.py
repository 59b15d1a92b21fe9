"""Budget and target of a year."""

from __future__ import annotations

from api.pages.actions.form import FormField
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing, NothingToDo
from api.pages.panels.use_year import against_goal
from bms.errors import FeedError, NotMadeYet
from bms.model.assets.site import YearlyGoal
from bms.model.readings.units import Commodity
from bms.model.savings.goal import MOST
from bms.services.accounts.city_year import consumption_of_site
from bms.services.accounts.daily_use import commodities_of, unit_of_commodity
from bms.services.accounts.goals import GoalRequest, beside_goal, goal_of, set_goal
from bms.services.off_loop import off_loop

YEARS = range(-1, 3)
"""Years around the present one that are offered."""


class SetGoal:
    """What the building may use of a commodity in a calendar year, and what is aimed at."""

    code = "goal"

    def _commodities(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        """Raises ``NothingToDo`` where nothing is metered."""
        t = doing.t
        found = commodities_of(doing.site)
        if not found:
            raise NothingToDo(t("nothing_metered"))
        return tuple(
            (
                kind.value,
                f"{t(f'meter_{kind.value}')} [{unit_of_commodity(doing.site, kind).value}]",
            )
            for kind in found
        )

    def _years(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        present = _present(doing)
        return tuple((str(present + n), str(present + n)) for n in YEARS)

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, ask, kinds = doing.t, doing.ask, self._commodities(doing)
        year, kind = doing.given.get("year", str(_present(doing))), doing.given.get("commodity")
        standing = YearlyGoal(year=0, commodity=Commodity(kinds[0][0]))
        if year in dict(self._years(doing)) and kind in {None, *dict(kinds)}:
            standing = _standing(doing, int(year), Commodity(kind or kinds[0][0]))
        return (
            ask.choice("commodity", t("form_commodity"), kinds),
            ask.choice("year", t("form_year"), self._years(doing), year),
            ask.number("budget", t("use_budget"), _amount(standing.budget), t("form_budget_help")),
            ask.number("target", t("use_target"), _amount(standing.target), t("form_target_help")),
            doing.ask_reason(),
        )

    def _read(self, doing: Doing) -> GoalRequest:
        form = doing.form()
        kind = form.choice("commodity", self._commodities(doing))
        year = form.choice("year", self._years(doing))
        budget = form.number("budget", required=False, most=MOST)
        target = form.number("target", required=False, most=MOST)
        reason = form.reason()
        form.check()
        goal = YearlyGoal(year=int(year), commodity=Commodity(kind), budget=budget, target=target)
        return GoalRequest(goal=goal, author=doing.actor, reason=reason)

    def preview(self, doing: Doing) -> ActionPreview:
        goal = self._read(doing).goal
        return ActionPreview(lines=(*_changes(doing, goal), *_so_far(doing, goal)))

    async def perform(self, doing: Doing) -> ActionOutcome:
        return await off_loop(self._set, doing)

    def _set(self, doing: Doing) -> ActionOutcome:
        made = set_goal(
            doing.ports.assessment.ledgers, doing.site, self._read(doing), doing.now
        ).goal
        return ActionOutcome(back=f"/do/goal?commodity={made.commodity}&year={made.year}")


def _present(doing: Doing) -> int:
    return doing.t.local(doing.now).year


def _standing(doing: Doing, year: int, commodity: Commodity) -> YearlyGoal:
    """The goal that is in force."""
    kept = doing.ports.assessment.ledgers.goals([doing.site.id])
    return goal_of(doing.site, kept, year, commodity).goal


def _amount(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _changes(doing: Doing, goal: YearlyGoal) -> tuple[str, ...]:
    """What of the goal in force becomes another."""
    t, before = doing.t, _standing(doing, goal.year, goal.commodity)
    what, unit = t(f"meter_{goal.commodity.value}"), unit_of_commodity(doing.site, goal.commodity)
    told = {"what": what, "unit": unit.value, "year": str(goal.year)}
    return (
        t("preview_budget", was=before.budget, will=goal.budget, **told),
        t("preview_target", was=before.target, will=goal.target, **told),
    )


def _so_far(doing: Doing, goal: YearlyGoal) -> tuple[str, ...]:
    """How the present year would stand against the goal; nothing where that is not known."""
    t = doing.t
    if goal.year != _present(doing):
        return ()
    try:
        told = consumption_of_site(doing.cache, doing.site).answer
    except (FeedError, NotMadeYet):
        return ()
    rows = (row for row in told.commodities if row.commodity is goal.commodity)
    return tuple(line for row in rows for line in against_goal(beside_goal(row, goal), t))
