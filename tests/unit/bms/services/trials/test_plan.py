"""How long a trial of a site has to run, and what one of a given length shows."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bms.errors import ConfigError, InsufficientData
from bms.model.assets.site import Site
from bms.model.savings.trial_result import Subject
from bms.savings.trials.power import BlockDesign
from bms.services.trials.plan import expected_of, plan_trial
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import HOUR, lodge
from tests.rigs.fakes.trial_site import START, begun, in_time, lived
from tests.rigs.sentences import english


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


class TestThePlan:
    @pytest.mark.slow
    def test_it_says_how_many_weeks(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.0)
        world.clock.move_to(trial.end)
        plan = plan_trial(world.city.trials, world.city.site("lodge"), aim=0.10)
        subjects = {row.subject for row in plan.rows}
        assert {Subject.HEAT, Subject.ELECTRICITY, Subject.COMFORT} <= subjects
        assert len(plan.needs) == 2
        assert all(need.code.startswith("trial_weeks") for need in plan.needs)
        assert max(row.weeks for row in plan.rows) == 26
        assert english(plan.needs[0]).startswith("Electricity: with this building's noise you need")

    def test_blocks_of_wash_out_alone_are_refused(self, world: World) -> None:
        site = world.city.site("lodge")
        for blocks in (BlockDesign(1, 1), BlockDesign(3, 7), BlockDesign(2, -1)):
            with pytest.raises(ConfigError, match="leave nothing to analyse"):
                plan_trial(world.city.trials, site, design=blocks)

    def test_without_a_past_it_does_not_blame_the_noise(self, world: World) -> None:
        plan = plan_trial(world.city.trials, world.city.site("lodge"))
        assert {need.code for need in plan.needs} == {"trial_past_too_short"}

    def test_a_site_without_meters_has_nothing_to_plan(self, world: World) -> None:
        bare: Site = replace(lodge(), meters=(), points=())
        with pytest.raises(InsufficientData, match="no billed meter"):
            plan_trial(world.city.trials, bare)


class TestWhatIsExpectedOfALength:
    @pytest.mark.slow
    def test_the_least_effect_of_the_primary_outcome_while_somebody_waits(
        self, world: World
    ) -> None:
        """The whole plan of three outcomes and nine lengths took fifteen seconds in the request."""
        trial = begun(world)
        lived(world, trial, 0.0)
        world.clock.move_to(trial.end)
        began = time.process_time()
        (said,) = expected_of(world.city.trials, world.city.site("lodge"), 8)
        assert time.process_time() - began < 3.0
        assert said.parameters["count"] == 8
        assert english(said).startswith("Heat: 8 weeks show an effect of ")

    def test_with_too_short_a_past_that_is_said(self, world: World) -> None:
        (said,) = expected_of(world.city.trials, world.city.site("lodge"), 8)
        assert said.code == "trial_past_too_short"

    def test_without_meters_there_is_nothing_to_expect(self, world: World) -> None:
        bare: Site = replace(lodge(), meters=(), points=())
        with pytest.raises(InsufficientData, match="no days of comfort"):
            expected_of(world.city.trials, bare, 8)
