"""Which provider leads, and when two are averaged: on hours that both foresaw, and only where it is
clear."""

from __future__ import annotations

import numpy as np
import pytest

from bms.feeds.weather.skill import LEAST_H, WINDOW_H, Choice, choose

RNG = np.random.default_rng(19)


def errors(spread: float, bias: float = 0.0, *, hours: int = WINDOW_H) -> np.ndarray:
    """Errors of three lead times; the last ``hours`` are known."""
    rows = RNG.normal(bias, spread, (3, WINDOW_H))
    rows[:, : WINDOW_H - hours] = np.nan
    return rows


def test_the_usual_one_leads_where_nothing_is_known() -> None:
    assert choose({"a": errors(2.0, hours=0), "b": errors(0.1)}) == Choice(order=("a", "b"))


def test_the_better_one_leads() -> None:
    same = errors(1.0)
    found = choose({"a": same + 1.5, "b": same})
    assert found.order == ("b", "a")
    assert found.rmse["b"] < found.rmse["a"]
    assert found.second is None, "the other one errs alike, only more"


def test_hardly_better_is_not_better() -> None:
    same = errors(1.0)
    assert choose({"a": 1.03 * same, "b": same}).order == ("a", "b")


def test_a_few_good_days_are_luck() -> None:
    assert choose({"a": errors(2.0), "b": errors(0.1, hours=LEAST_H - 1)}).order == ("a", "b")


def test_errors_of_their_own_are_averaged_away() -> None:
    found = choose({"a": errors(1.0), "b": errors(1.0)})
    assert found.order == ("a", "b")
    assert found.second == "b"
    assert found.weight == pytest.approx(0.5, abs=0.05)


def test_a_mean_that_no_longer_helps_is_not_taken() -> None:
    ours, theirs = errors(1.0), errors(1.0)
    theirs[:, WINDOW_H // 2 :] = 4.0 * ours[:, WINDOW_H // 2 :]
    assert choose({"a": ours, "b": theirs}).second is None


def test_the_best_of_three() -> None:
    a, b, c = errors(2.0), errors(1.0), errors(0.3)
    found = choose({"a": a, "b": b, "c": c})
    assert found.order[0] == "c"
    assert found.second is None
