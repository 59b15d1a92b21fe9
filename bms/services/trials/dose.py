"""The dose of a trial: how much of each day was our control, by what acted at the levers (W15).

A value of ours acts from the receipt that shows it until the next receipt of its point, or until
its lease is over. What a fetching controller says it applied counts alike. Hours under a fallback
plan are the rule-based timetable, and none of ours. The estimate itself goes by what was drawn
(intention to treat); the dose stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

from bms.errors import NotFound
from bms.model.control.command import AnyReceipt, Command
from bms.model.planning.plan import PlanStatus
from bms.model.savings.trial import Trial
from bms.model.savings.trial_result import Arm, ArmDose, DayDose
from bms.ports.storage.plans import PlanStore
from bms.services.effective_control import DatedReceipts, in_effect, point_of_receipt

DAY = timedelta(days=1)
SPELL = timedelta(hours=6)
"""How long a receipt may stand for its renewals (``LedgerStore.add_receipts``)."""

Interval = tuple[datetime, datetime]
IsFallback = Callable[[str], bool]
Counts = Callable[[Command], bool]


def fallback_of(plans: PlanStore) -> IsFallback:
    """Whether the plan of an id was the rule-based timetable; each is asked for once."""

    @cache
    def is_fallback(plan_id: str) -> bool:
        try:
            return plans.kept_plan(plan_id).schedule.status is PlanStatus.FALLBACK
        except NotFound:
            return False

    return is_fallback


def daily_dose(
    trial: Trial, receipts: DatedReceipts, done: int, is_fallback: IsFallback
) -> tuple[DayDose, ...]:
    """The dose of each of the ``done`` days that are over: the mean over the sealed levers of the
    share of the day at which our value acted; a lever that reports nothing has none. ``receipts``
    are those of the site in the order of time."""
    levers = _by_lever(receipts, trial.sealed.levers).values()
    acting = [list(_acting(rows, _of_a_plan(is_fallback))) for rows in levers]
    written = [list(_acting(rows, _of_people)) for rows in levers]
    edges = [trial.day_start(i) for i in range(done + 1)]
    return tuple(
        DayDose(
            day=trial.first + i * DAY,
            arm=trial.arms[i // trial.block_days],
            share=_mean_share(acting, edges[i], edges[i + 1]),
            people=_mean_share(written, edges[i], edges[i + 1]),
        )
        for i in range(done)
    )


def arm_doses(days: Sequence[DayDose]) -> tuple[ArmDose, ...]:
    """The mean dose of each arm."""
    found = []
    for arm in Arm:
        shares = [each.share for each in days if each.arm is arm]
        mean = sum(shares) / len(shares) if shares else None
        found.append(ArmDose(arm=arm, days=len(shares), share=mean))
    return tuple(found)


def _by_lever(
    receipts: DatedReceipts, levers: Sequence[str]
) -> dict[str, list[tuple[datetime, AnyReceipt]]]:
    """The receipts of each lever; of each point that reports, where no levers were sealed."""
    found: dict[str, list[tuple[datetime, AnyReceipt]]] = {point: [] for point in levers}
    for at, receipt in receipts:
        point = point_of_receipt(receipt)
        if point in levers or not levers:
            found.setdefault(point, []).append((at, receipt))
    return found


def _of_a_plan(is_fallback: IsFallback) -> Counts:
    """Whether a command is of a plan that is no fallback."""
    return lambda command: command.plan is not None and not is_fallback(command.plan)


def _of_people(command: Command) -> bool:
    return command.plan is None


def _acting(rows: Sequence[tuple[datetime, AnyReceipt]], counts: Counts) -> Iterator[Interval]:
    """When a value acted at a point whose command counts."""
    for (at, receipt), (then, following) in pairwise((*rows, (None, None))):
        assert at is not None
        assert receipt is not None
        command = in_effect(receipt)
        if command is None or not counts(command):
            continue
        after = None if following is None else in_effect(following)
        renewed = then is not None and after is not None and after.value == command.value
        if then is not None and renewed and then - at <= SPELL:
            yield at, then
        else:
            yield at, command.lease_end if then is None else min(then, command.lease_end)


def _mean_share(levers: Sequence[Sequence[Interval]], start: datetime, end: datetime) -> float:
    if not levers:
        return 0.0
    held = sum(
        (
            max(min(last, end) - max(first, start), timedelta(0))
            for intervals in levers
            for first, last in intervals
        ),
        timedelta(0),
    )
    return min(held / (end - start) / len(levers), 1.0)
