"""What a job found of the readings behind a sealed result is told by whoever shows the trial."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from bms.errors import FeedError
from bms.model.readings.measurement import Reading
from bms.model.savings.kept_answer import AnswerHead, AnswerKind, AnswerVersion, KeptAnswer
from bms.model.savings.trial import Trial
from bms.model.savings.trial_result import Subject
from bms.services.trials.readings_check import compare_readings, readings_checks
from bms.services.trials.report import TrialReport, seal_results, trial_reports
from tests.rigs.fakes.api import World, YearFeed, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial import a_sealed_result
from tests.rigs.fakes.trial_site import START, begun, in_time, lived

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


class NoWeather(YearFeed):
    """Nobody knows the weather."""

    def weather(self, *place: float, **when: object) -> NoReturn:
        raise FeedError("no weather")


def only(world: World) -> TrialReport:
    (report,) = trial_reports(world.city.trials, world.city.site("lodge"))
    return report


def sealed_with(world: World, digest: str) -> Trial:
    """A trial whose sealed result rests on values of heat of that digest."""
    trial = begun(world)
    lived(world, trial, 0.0)
    world.clock.move_to(trial.end)
    made = a_sealed_result("lodge", trial.id, trial.end)
    world.store.seal_trial(replace(made, inputs=((Subject.HEAT, digest),)))
    return trial


@pytest.mark.slow
def test_right_after_the_seal_nothing_has_changed(world: World) -> None:
    trial = begun(world)
    lived(world, trial, 0.10)
    world.clock.move_to(trial.end)
    seal_results(world.city.trials, world.city.site("lodge"))
    assert (only(world).compared_at, only(world).changes) == (trial.end, ())
    world.store.add_readings(
        [Reading("lodge/hall.temp", trial.end - 13 * HOUR + timedelta(minutes=5), 45.0)]
    )
    assert only(world).changes == ()
    world.clock.move_to(trial.end + DAY)
    compare_readings(world.city.trials, world.city.site("lodge"))
    assert only(world).compared_at == trial.end + DAY
    (check,) = readings_checks(world.city.trials, "lodge").values()
    assert check.changed == (Subject.COMFORT,)


def test_a_trial_is_told_what_was_found_last(world: World) -> None:
    """By a job; without weather the comparison of before stays."""
    trial = sealed_with(world, "0" * 64)
    assert only(world).compared_at is None
    compare_readings(world.city.trials, world.city.site("lodge"))
    assert only(world).compared_at == trial.end
    assert [change.code for change in only(world).changes][-1] == "trial_changed_readings"
    world.clock.move_to(trial.end + DAY)
    without = world.rewired(feed=NoWeather())
    compare_readings(without.city.trials, world.city.site("lodge"))
    assert only(world).compared_at == trial.end


def test_what_was_found_of_another_seal_is_not_told(world: World) -> None:
    trial = sealed_with(world, "0" * 64)
    ports = world.city.trials

    def kept(body: str) -> None:
        head = AnswerHead(
            kind=AnswerKind.TRIAL_READINGS,
            subject="lodge",
            question="",
            made_at=trial.end,
            version=AnswerVersion(),
        )
        ports.answers.keep_answer(KeptAnswer(head=head, body=body))

    kept(f'[{{"trial":"{trial.id}","seal":"ab","at":"2019-01-01T00:00:00Z","changed":["heat"]}}]')
    assert set(readings_checks(ports, "lodge")) == {trial.id}
    assert only(world).compared_at is None
    kept('[{"of another version":1}]')
    assert readings_checks(ports, "lodge") == {}
    assert only(world).compared_at is None
