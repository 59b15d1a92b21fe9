"""The days of the meter tell what each kind of decision brings."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.planning.decision_day import DecisionDay, DecisionLedger, KindWorth
from bms.model.planning.plan import DecisionKind
from bms.services.planning.decisions.worth import PRIOR_SHARE, PRIOR_SPREAD, worth_by_kind

TRUE = {DecisionKind.SETBACK: 0.95, DecisionKind.STORING: 0.4}


def days(n: int, noise_dkk: float, seed: int = 3) -> list[DecisionDay]:
    """Days on which setbacks bring 95 % of what they were to, and storing 40 %."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n):
        told = {DecisionKind.SETBACK: float(rng.uniform(5, 30))}
        if k % 2 == 0:
            told[DecisionKind.STORING] = float(rng.uniform(5, 25))
        came = sum(TRUE[kind] * dkk for kind, dkk in told.items()) + rng.normal(0.0, noise_dkk)
        found.append(
            DecisionDay(
                day=date(2026, 1, 1) + timedelta(days=k),
                predicted=told,
                predicted_dkk=sum(told.values()),
                came_dkk=float(came),
                predicted_kwh=0.0,
                came_kwh=0.0,
            )
        )
    return found


def worth(rows: list[DecisionDay], kind: DecisionKind) -> KindWorth:
    return next(each for each in worth_by_kind(rows) if each.kind is kind)


def test_no_days_tell_nothing() -> None:
    assert worth_by_kind([]) == ()


@pytest.mark.parametrize("kind", TRUE)
def test_four_weeks_tell_what_came_of_each_kind(kind: DecisionKind) -> None:
    found = worth(days(28, noise_dkk=1.0), kind)
    assert found.share == pytest.approx(TRUE[kind], abs=0.1)
    assert abs(found.share - TRUE[kind]) <= 2.5 * found.share_error
    assert found.came_dkk == pytest.approx(found.share * found.predicted_dkk)


def test_a_share_starts_careful_and_moves_as_days_tell() -> None:
    shares = [worth(days(n, noise_dkk=8.0), DecisionKind.STORING) for n in (1, 8, 28)]
    assert abs(shares[0].share - PRIOR_SHARE) < PRIOR_SPREAD
    assert shares[0].share_error > shares[1].share_error > shares[2].share_error
    assert abs(shares[2].share - 0.4) < abs(shares[0].share - 0.4)


@pytest.mark.parametrize(("n", "known"), [(8, False), (10, True)])
def test_storing_is_planned_with_from_five_days_on(n: int, known: bool) -> None:
    rows = days(n, noise_dkk=1.0)
    ledger = DecisionLedger(site="s", days=tuple(rows), kinds=worth_by_kind(rows))
    assert (ledger.storing_share is not None) is known
