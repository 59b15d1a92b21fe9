"""A stranger who plans every hour from a full history and brings no model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.model.planning.problem import BuildingModel, History, Problem
from optimizer import identify, plan
from optimizer.planning.model_cache import LEAST_WHOLE_DAYS, identified, whole_days
from tests.rigs.buildings.toy_building import Toy, lived_in
from tests.rigs.buildings.toy_problems import office_only, problem


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=LEAST_WHOLE_DAYS)


def asked(toy: Toy, hours: float = 0.0) -> Problem:
    """The question of now, or of some hours ago, with all the history until then."""
    task = office_only(problem(toy, n=96))
    steps = round(hours * 4)
    assert task.history is not None
    if not steps:
        return task
    short = replace(
        task.history,
        heat_kw=task.history.heat_kw[:-steps],
        weather=replace(
            task.history.weather,
            temp_out_c=task.history.weather.temp_out_c[:-steps],
            ghi_wm2=task.history.weather.ghi_wm2[:-steps],
        ),
    )
    return replace(task, history=short, start=task.start - timedelta(hours=hours))


def past(toy: Toy) -> History:
    history = office_only(problem(toy)).history
    assert history is not None
    return history


class TestWholeDays:
    def test_begin_and_end_at_midnight(self, toy: Toy) -> None:
        whole, history = whole_days(past(toy)), past(toy)
        end = whole.start + timedelta(seconds=whole.step_s * len(whole.heat_kw))
        ends = history.start + timedelta(seconds=history.step_s * len(history.heat_kw))
        assert (whole.start.hour, whole.start.minute) == (end.hour, end.minute) == (0, 0)
        assert timedelta(0) <= whole.start - history.start < timedelta(days=1)
        assert timedelta(0) <= ends - end < timedelta(days=1)

    def test_have_the_values_of_their_moments(self, toy: Toy) -> None:
        whole, history = whole_days(past(toy)), past(toy)
        skip = round((whole.start - history.start) / timedelta(seconds=history.step_s))
        n = len(whole.heat_kw)
        assert whole.heat_kw == history.heat_kw[skip : skip + n]
        assert whole.zones[0].temp_c == history.zones[0].temp_c[skip : skip + n]
        assert whole.zones[0].occupied == history.zones[0].occupied[skip : skip + n]
        assert whole.ventilation[0].run == history.ventilation[0].run[skip : skip + n]

    def test_are_not_cut_where_there_are_few(self, toy: Toy) -> None:
        short = toy.history(days=LEAST_WHOLE_DAYS)
        assert whole_days(replace(short, start=short.start + timedelta(hours=1))).heat_kw == (
            short.heat_kw
        )


class TestTheModel:
    @pytest.mark.slow
    def test_is_the_very_same_an_hour_later(self, toy: Toy) -> None:
        now = past(toy)
        end = now.start + timedelta(seconds=now.step_s * len(now.heat_kw))
        back = 1.0 if end.hour >= 1 else 0.0
        assert identified(asked(toy, back)) is identified(asked(toy))
        assert identified(asked(toy)) is identified(asked(toy))

    @pytest.mark.slow
    def test_is_that_of_the_whole_days(self, toy: Toy) -> None:
        task = asked(toy)
        found = identified(task)
        assert isinstance(found, BuildingModel)
        assert found == identify(replace(task, history=whole_days(past(toy))))

    @pytest.mark.slow
    def test_is_another_for_other_days(self, toy: Toy) -> None:
        task = asked(toy)
        warmer = replace(past(toy), heat_kw=tuple((k or 0.0) * 1.2 for k in past(toy).heat_kw))
        assert identified(replace(task, history=warmer)) != identified(task)

    @pytest.mark.slow
    def test_is_found_from_lists_as_well(self, toy: Toy) -> None:
        task = asked(toy)
        lists = replace(past(toy), heat_kw=list(past(toy).heat_kw))  # type: ignore[arg-type]
        assert identified(replace(task, history=lists)) == identified(task)

    @pytest.mark.parametrize("year", [1, 9999])
    def test_at_the_ends_of_time_is_no_trap(self, toy: Toy, year: int) -> None:
        task = asked(toy)
        far = replace(past(toy), start=datetime(year, 1, 1, tzinfo=UTC))
        assert plan(replace(task, history=far, start=far.start)).reasons
