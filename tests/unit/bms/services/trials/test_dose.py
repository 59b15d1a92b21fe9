"""How much of a day was our control, from what acted at the levers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Command,
    Overridden,
    Released,
)
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.model.planning.plan import PlanStatus
from bms.model.savings.trial import Trial
from bms.model.savings.trial_result import Arm
from bms.services.trials.dose import arm_doses, daily_dose, fallback_of
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import SETPOINT, a_command, a_lodge_plan
from tests.rigs.fakes.trial import SEALED, a_trial

HOUR = timedelta(hours=1)
TRIAL = a_trial(sealed=replace(SEALED, levers=(SETPOINT,)))
OTHER = f"{SETPOINT}2"
TWO_LEVERS = replace(TRIAL, sealed=replace(SEALED, levers=(SETPOINT, OTHER)))
START = TRIAL.block_start(1)
"""Midnight before the first of our days."""
Row = tuple[datetime, AnyReceipt]


def ours(at: datetime, hours: float, **changes: object) -> Command:
    return replace(a_command(f"c{at}", at, 18.0), lease_end=at + hours * HOUR, **changes)


def written(first: int, last: int, **changes: object) -> list[Row]:
    """A value of ours each hour from one hour of the day to before another."""
    return [
        (START + h * HOUR, Accepted(ours(START + h * HOUR, 1, **changes), 18.0))
        for h in range(first, last)
    ]


def share(rows: list[Row], fallbacks: frozenset[str] = frozenset(), trial: Trial = TRIAL) -> float:
    return daily_dose(trial, rows, 3, fallbacks.__contains__)[2].share


def test_a_whole_day_of_ours() -> None:
    assert share(written(0, 24)) == pytest.approx(1.0)
    assert share([]) == 0.0


def test_what_people_wrote_is_theirs() -> None:
    """On days of own control it makes the other side of the comparison."""
    (day,) = daily_dose(TRIAL, written(0, 12, plan=None, actor="Bo"), 3, {}.__contains__)[2:]
    assert (day.share, day.people) == (0.0, pytest.approx(0.5))
    (day,) = daily_dose(TRIAL, written(0, 12), 3, {}.__contains__)[2:]
    assert (day.share, day.people) == (pytest.approx(0.5), 0.0)


def test_where_no_levers_were_sealed_those_that_report_count() -> None:
    """Trials of older versions sealed none."""
    before = replace(TRIAL, sealed=replace(SEALED, levers=()))
    assert share(written(0, 24), trial=before) == pytest.approx(1.0)
    assert share([], trial=before) == 0.0


def test_an_override_of_a_day_leaves_nothing() -> None:
    taken = Overridden(ours(START, 24), None, 21.0, fact(Holder.PERSON, name="Bo"))
    assert share([(START, taken)]) == 0.0
    half = [*written(0, 12), (START + 12 * HOUR, taken)]
    assert share(half) == pytest.approx(0.5)


def test_a_fallback_plan_is_none_of_ours() -> None:
    rows = [*written(0, 18), *written(18, 24, plan="sad")]
    assert share(rows, frozenset({"sad"})) == pytest.approx(0.75)


def test_the_status_of_a_plan_is_that_of_the_store() -> None:
    store = MemoryStore()
    made = a_lodge_plan("sad")
    store.add_plan(replace(made, schedule=replace(made.schedule, status=PlanStatus.FALLBACK)))
    store.add_plan(a_lodge_plan("glad"))
    is_fallback = fallback_of(store)
    assert [is_fallback(each) for each in ("sad", "glad", "gone")] == [True, False, False]


def test_what_a_fetching_controller_applied_counts_alike() -> None:
    """Its report is a receipt of its moment; what it gave back ends it."""
    rows: list[Row] = [
        (START, Accepted(ours(START, 24, actor="controller"), 18.0)),
        (START + 6 * HOUR, Released(SETPOINT, 21.0)),
    ]
    assert share(rows) == pytest.approx(0.25)


def test_renewals_of_which_the_first_and_the_last_are_kept_are_one_stretch() -> None:
    rows: list[Row] = [
        (START, Accepted(ours(START, 1), 18.0)),
        (START + 5.5 * HOUR, Accepted(ours(START + 5.5 * HOUR, 0.5), 18.0)),
    ]
    assert share(rows) == pytest.approx(6 / 24)


def test_a_lever_of_two_that_was_taken_over_is_half() -> None:
    taken = Overridden(ours(START, 24, point=OTHER), None, 21.0, fact(Holder.PERSON, name="Bo"))
    assert share([*written(0, 24), (START, taken)], trial=TWO_LEVERS) == pytest.approx(0.5)


def test_a_lever_that_never_reports_is_none_of_ours() -> None:
    assert share(written(0, 24), trial=TWO_LEVERS) == pytest.approx(0.5)


def test_a_lever_that_was_not_sealed_does_not_count() -> None:
    assert share(written(0, 24, point=OTHER)) == 0.0
    assert share([*written(0, 12), *written(0, 24, point=OTHER)]) == pytest.approx(0.5)


def test_the_dose_of_an_arm_is_the_mean_of_its_days() -> None:
    doses = {
        each.arm: each for each in arm_doses(daily_dose(TRIAL, written(0, 12), 4, lambda _: False))
    }
    assert (doses[Arm.OPTIMISED].days, doses[Arm.OPTIMISED].share) == (2, pytest.approx(0.25))
    assert (doses[Arm.OWN_CONTROL].days, doses[Arm.OWN_CONTROL].share) == (2, 0.0)
