"""A stored plan is checked again before it is written (clause W16)."""

from __future__ import annotations

from bms.model.fact import Fact
from bms.model.planning.plan import Plan
from bms.model.planning.plan_digest import is_sealed
from bms.ports.planner import Checker


class PlanCheck:
    """What the independent checker says of the plans in force, asked once for each digest.

    The objections that are stored with a plan are those of the moment in which it was made; whoever
    edits the row may edit them and the digest, too.
    """

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._known: dict[str, tuple[str, tuple[Fact, ...]]] = {}
        self._edited: dict[str, tuple[Plan, bool]] = {}

    def objections(self, plan: Plan | None) -> tuple[Fact, ...]:
        """Every objection to the plan as it was loaded; a plan whose digest is not its own is
        refused for that (``plan_digest.is_sealed``), whatever is said here."""
        if plan is None:
            return ()
        digest, found = self._known.get(plan.site, ("", ()))
        if digest != plan.digest or not digest:
            found = self._checker.check(plan.problem, plan.schedule)
            self._known[plan.site] = (plan.digest, found)
        return found

    def edited(self, plan: Plan | None) -> bool:
        """Whether the plan does not match its digest, looked at once for each plan that is loaded
        (``plan_digest.is_sealed``)."""
        if plan is None:
            return False
        known, found = self._edited.get(plan.site, (None, False))
        if known is not plan:
            found = not is_sealed(plan)
            self._edited[plan.site] = (plan, found)
        return found
