"""What a trial has found, from stored meters."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bms.errors import NotFound
from bms.model.control.command import Accepted
from bms.model.savings.trial import Subject, TrialOutcome
from bms.services.trials.result import analyse_trial, pool_trials
from tests.rigs.fakes.api import World, a_command, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial_site import START, begun, in_time, lived


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


class TestTheResult:
    def test_a_tenth_less_is_told_of_both_meters(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.10)
        world.clock.move_to(trial.end)
        result = analyse_trial(world.city.trials, world.city.site("lodge")).result
        findings = dict(result.findings)
        assert findings[Subject.HEAT] is findings[Subject.ELECTRICITY] is TrialOutcome.LESS
        shares = {effect.subject: effect.share for effect in result.effects}
        assert shares[Subject.ELECTRICITY] is not None
        assert shares[Subject.ELECTRICITY].value == pytest.approx(0.10, abs=0.01)
        assert shares[Subject.HEAT] is not None
        assert shares[Subject.HEAT].value == pytest.approx(0.10, abs=0.01)
        assert (result.days, result.days_done) == (42, 42)
        assert result.disobeyed == result.idle == ()

    def test_a_trial_that_still_runs_says_so(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.10)
        world.clock.move_to(trial.start + timedelta(days=30, hours=5))
        result = analyse_trial(world.city.trials, world.city.site("lodge")).result
        assert result.days_done == 30
        assert "trial_part" in {reason.code for reason in result.reasons}

    def test_a_trial_that_has_not_begun_tells_nothing(self, world: World) -> None:
        begun(world)
        result = analyse_trial(world.city.trials, world.city.site("lodge")).result
        assert (result.days_done, result.effects) == (0, ())

    def test_days_that_went_another_way_are_named(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.0)
        own = trial.arms.index("own_control")  # type: ignore[arg-type]
        at = trial.block_start(own) + 12 * HOUR
        world.store.add_receipts([Accepted(a_command("odd", at, 18.0), 18.0)], at)
        world.clock.move_to(trial.end)
        result = analyse_trial(world.city.trials, world.city.site("lodge")).result
        assert result.disobeyed == (trial.first + own * 3 * timedelta(days=1),)

    def test_no_such_trial(self, world: World) -> None:
        site = world.city.site("lodge")
        with pytest.raises(NotFound, match="no such trial; there are: none"):
            analyse_trial(world.city.trials, site)
        begun(world)
        with pytest.raises(NotFound, match="there are: lodge-2018-11-15"):
            analyse_trial(world.city.trials, site, "lodge-1999-01-01")

    @pytest.mark.slow
    def test_two_buildings_together(self, tmp_path) -> None:
        answers = []
        for seed in (1, 2):
            world = in_time(a_world(tmp_path / str(seed)), START - 9 * HOUR)
            trial = begun(world, seed=seed)
            lived(world, trial, 0.10, seed=seed)
            world.clock.move_to(trial.end)
            answers.append(analyse_trial(world.city.trials, world.city.site("lodge")))
        pooled = pool_trials(answers)
        assert pooled.shares[Subject.ELECTRICITY].holds(0.10)
        assert pooled.shares[Subject.ELECTRICITY].above_zero
        assert pool_trials(answers[:1]).reasons[0].code == "trial_pool_few"
