"""Whatever is missing or contradicts itself: the planner answers, and the checker accepts it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.model.planning.problem import Problem, Weather
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import lived_in
from tests.rigs.buildings.toy_problems import DAYS, problem, toy_model
from tests.rigs.examples import examples

OPTIMIZER = Optimizer()
STEPS = 48

number_or_gap = st.one_of(st.none(), st.floats(-40.0, 45.0), st.just(float("nan")))
price = st.one_of(st.none(), st.floats(-2.0, 8.0))


@cache
def task() -> Problem:
    return problem(lived_in(days=DAYS), n=STEPS, days=2, model=toy_model())


def blocks(values: st.SearchStrategy, length: int = STEPS) -> st.SearchStrategy[tuple]:
    """Series in eight pieces."""
    return st.lists(values, min_size=8, max_size=8).map(
        lambda eight: tuple(eight[i * 8 // length] for i in range(length))
    )


@given(
    temp=blocks(number_or_gap),
    sun=blocks(st.one_of(st.none(), st.floats(0.0, 1100.0))),
    heat=blocks(price),
    electricity=blocks(price),
    low=blocks(st.floats(5.0, 30.0)),
    width=blocks(st.floats(-0.2, 9.0).map(lambda width: max(width, 0.0))),
    reversed_limits=st.booleans(),
    used=blocks(st.booleans()),
    room=st.lists(number_or_gap, min_size=4, max_size=4),
    asked=st.lists(number_or_gap, min_size=6, max_size=6),
    asked_now=number_or_gap,
)
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_always_an_answer_that_may_be_written(
    temp: tuple,
    sun: tuple,
    heat: tuple,
    electricity: tuple,
    low: tuple,
    width: tuple,
    reversed_limits: bool,
    used: tuple,
    room: list,
    asked: list,
    asked_now: float | None,
) -> None:
    good = task()
    assert good.history is not None
    high = tuple(a + b for a, b in zip(low, width, strict=True))
    band = {"low_c": high, "high_c": low} if reversed_limits else {"low_c": low, "high_c": high}
    first = replace(good.zones[0], occupied=used, setpoint_c=asked_now, **band)
    n = len(good.history.heat_kw)
    measured = replace(good.history.zones[1], temp_c=tuple(room[i * 4 // n] for i in range(n)))
    setpoints = tuple(asked[i * 6 // n] for i in range(n))
    moved = replace(good.history.zones[0], setpoint_c=setpoints)
    history = replace(good.history, zones=(moved, measured))
    spoilt = replace(
        good,
        weather=Weather(temp_out_c=temp, ghi_wm2=sun),
        heat_dkk_per_kwh=heat,
        electricity_dkk_per_kwh=electricity,
        zones=(first, good.zones[1]),
        history=history,
    )
    schedule = OPTIMIZER.plan(spoilt)
    assert [str(words) for words in OPTIMIZER.check(spoilt, schedule)] == []
    assert schedule.reasons
    assert OPTIMIZER.plan(spoilt) == schedule
