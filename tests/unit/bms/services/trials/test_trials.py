"""Trials of a site from its stored meters: planned, started, stopped, told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from bms.errors import ConfigError, InsufficientData, NotFound
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Accepted
from bms.model.readings.reading import Reading
from bms.model.savings.trial import Finding, Subject, Trial
from bms.savings.trials.power import Shape
from bms.services.trials.records import records
from bms.services.trials.result import pool_trials, tell_trial
from bms.services.trials.start import expected_temperature, plan_trial, start_trial, stop_trial
from tests.rigs.fakes.api import CONTROL, NOW, World, a_command, a_world, temperature_c
from tests.rigs.fakes.city import CLOSED, HOUR, lodge
from tests.rigs.fakes.trial import a_trial

WEEKS = 6
START = CONTROL - timedelta(days=60)
"""A local midnight; the trial is drawn nine hours before."""


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


def in_time(world: World, at: datetime) -> World:
    """The same world with its clock put to ``at``."""
    clock = type(world.clock)(at)
    return replace(world, city=replace(world.city, clock=clock), clock=clock)


def begun(world: World, **more) -> Trial:
    return start_trial(
        world.city.trials,
        world.city.site("lodge"),
        **{"weeks": WEEKS, "by": "Bo", "reason": "proof", "seed": 4, **more},
    )


def lived(world: World, trial: Trial, share: float, comfort_c: float = 20.5, seed: int = 1) -> None:
    """Meters and rooms of a year before the trial and of its days, on which we use ``share`` less,
    and the receipts of our days."""
    rng = np.random.default_rng(seed)
    start = trial.start - timedelta(days=366)
    totals = {"heat": 0.0, "el": 0.0}
    readings = []
    for i in range(int((trial.end - start) / HOUR) + 1):
        at = start + HOUR * i
        readings += [Reading(f"lodge/{n}.energy", at, round(v, 3)) for n, v in totals.items()]
        block = trial.block_at(at)
        less = 1.0 if block is None or trial.arms[block] == "own_control" else 1.0 - share
        wobble = 1.0 + 0.03 * rng.normal()
        totals["heat"] += less * wobble * (1.0 + 0.5 * max(0.0, 17.0 - temperature_c(at)))
        totals["el"] += less * wobble * 2.0
        if at >= trial.start:
            readings += [Reading("lodge/hall.temp", at + q * HOUR / 4, comfort_c) for q in range(4)]
    world.store.add_readings(readings)
    for block, arm in enumerate(trial.arms):
        if arm == "optimised":
            for day in range(trial.block_days):
                at = trial.block_start(block) + timedelta(days=day, hours=9)
                world.store.add_receipts([Accepted(a_command(f"c{at}", at, 18.0), 18.0)], at)


class TestStart:
    def test_it_begins_at_the_next_local_midnight(self, world: World) -> None:
        trial = begun(world)
        assert trial.start == START
        assert trial.id == "lodge-2018-11-15"
        assert (trial.days, len(trial.arms)) == (42, 14)
        assert [kept.trial for kept in world.store.trials("lodge")] == [trial]

    def test_the_same_seed_draws_the_same_days(self, world: World, tmp_path) -> None:
        again = in_time(a_world(tmp_path / "other"), START - 9 * HOUR)
        assert begun(world).arms == begun(again).arms

    def test_a_seed_is_drawn_where_none_is_given_and_is_kept(self, world: World) -> None:
        trial = begun(world, seed=None)
        stop_trial(world.city.trials, world.city.site("lodge"), by="Bo", reason="again")
        again = begun(world, seed=trial.seed)
        assert again.arms == trial.arms
        assert again.id == f"{trial.id}-2"

    def test_closed_days_are_rest_days(self, world: World) -> None:
        world = in_time(world, datetime.combine(CLOSED, NOW.timetz()) - timedelta(days=3))
        trial = begun(world)
        assert trial.rest[(CLOSED - trial.first).days]
        assert sum(trial.rest) == 13

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"weeks": 0}, "0 weeks make no trial"),
            ({"weeks": 27}, "27 weeks make no trial"),
            ({"weeks": 2}, "14 days give 4 blocks|12 days give 4 blocks"),
            ({"by": " "}, "say who starts"),
            ({"reason": ""}, "say who starts"),
            ({"shape": Shape(2, 2)}, "leave nothing to analyse"),
        ],
    )
    def test_what_makes_no_trial_is_refused(
        self, world: World, changes: dict[str, object], says: str
    ) -> None:
        with pytest.raises(ConfigError, match=says):
            begun(world, **changes)
        assert world.store.trials("lodge") == []

    @pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.ADVISE])
    def test_never_below_auto(self, world: World, mode: Mode) -> None:
        world.store.set_mode("lodge", mode, actor="bo", at=NOW, reason="not yet")
        with pytest.raises(ConfigError, match=f"in mode {mode.value}.*starts in auto only"):
            begun(world)

    def test_one_at_a_time(self, world: World) -> None:
        trial = begun(world)
        with pytest.raises(ConfigError, match=f"{trial.id} is open until 2018-12-26; stop it"):
            begun(world)


class TestStop:
    def test_it_is_over_at_once(self, world: World) -> None:
        trial, site = begun(world), world.city.site("lodge")
        world.clock.move_to(START + timedelta(days=5))
        end = stop_trial(world.city.trials, site, by="Ann", reason="leak")
        assert (end.trial, end.at) == (trial.id, START + timedelta(days=5))
        with pytest.raises(NotFound, match="no trial is open"):
            stop_trial(world.city.trials, site, by="Ann", reason="leak")

    def test_not_without_a_name(self, world: World) -> None:
        begun(world)
        with pytest.raises(ConfigError, match="say who stops"):
            stop_trial(world.city.trials, world.city.site("lodge"), by="", reason="leak")


class TestTheResult:
    def test_a_tenth_less_is_told_of_both_meters(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.10)
        world.clock.move_to(trial.end)
        result = tell_trial(world.city.trials, world.city.site("lodge")).result
        findings = dict(result.findings)
        assert findings[Subject.HEAT] is findings[Subject.ELECTRICITY] is Finding.LESS
        shares = {effect.subject: effect.share for effect in result.effects}
        assert shares[Subject.ELECTRICITY] is not None
        assert shares[Subject.ELECTRICITY].value == pytest.approx(0.10, abs=0.01)
        assert shares[Subject.HEAT] is not None
        assert shares[Subject.HEAT].value == pytest.approx(0.10, abs=0.01)
        assert (result.days, result.days_done) == (42, 42)
        assert result.disobeyed == result.idle == ()

    def test_the_meter_below_another_is_not_counted_twice(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.0)
        found = records(
            world.city.site("lodge"), world.store, world.feed, trial.first, date(2018, 12, 20)
        )
        assert found[Subject.ELECTRICITY].value.mean() == pytest.approx(48.0, rel=0.02)

    def test_rooms_that_are_warm_enough_are_no_discomfort(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.0, comfort_c=19.0)
        last = trial.first + timedelta(days=trial.days)
        found = records(world.city.site("lodge"), world.store, world.feed, trial.first, last)
        assert found[Subject.COMFORT].value.tolist() == pytest.approx([8.0] * 42)

    def test_a_day_that_nobody_watched_has_no_discomfort_to_tell(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.0)
        first = trial.first - timedelta(days=2)
        found = records(world.city.site("lodge"), world.store, world.feed, first, trial.first)
        assert np.isnan(found[Subject.COMFORT].value).all()
        assert np.isfinite(found[Subject.HEAT].value).all()

    def test_a_trial_that_still_runs_says_so(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.10)
        world.clock.move_to(trial.start + timedelta(days=30, hours=5))
        result = tell_trial(world.city.trials, world.city.site("lodge")).result
        assert result.days_done == 30
        assert "trial_part" in {words.code for words in result.reasons}

    def test_a_trial_that_has_not_begun_tells_nothing(self, world: World) -> None:
        begun(world)
        result = tell_trial(world.city.trials, world.city.site("lodge")).result
        assert (result.days_done, result.effects) == (0, ())

    def test_days_that_went_another_way_are_named(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.0)
        own = trial.arms.index("own_control")  # type: ignore[arg-type]
        at = trial.block_start(own) + 12 * HOUR
        world.store.add_receipts([Accepted(a_command("odd", at, 18.0), 18.0)], at)
        world.clock.move_to(trial.end)
        result = tell_trial(world.city.trials, world.city.site("lodge")).result
        assert result.disobeyed == (trial.first + own * 3 * timedelta(days=1),)

    def test_no_such_trial(self, world: World) -> None:
        site = world.city.site("lodge")
        with pytest.raises(NotFound, match="no such trial; there are: none"):
            tell_trial(world.city.trials, site)
        begun(world)
        with pytest.raises(NotFound, match="there are: lodge-2018-11-15"):
            tell_trial(world.city.trials, site, "lodge-1999-01-01")

    def test_two_buildings_together(self, tmp_path) -> None:
        answers = []
        for seed in (1, 2):
            world = in_time(a_world(tmp_path / str(seed)), START - 9 * HOUR)
            trial = begun(world, seed=seed)
            lived(world, trial, 0.10, seed=seed)
            world.clock.move_to(trial.end)
            answers.append(tell_trial(world.city.trials, world.city.site("lodge")))
        pooled = pool_trials(answers)
        assert pooled.shares[Subject.ELECTRICITY].holds(0.10)
        assert pooled.shares[Subject.ELECTRICITY].above_zero
        assert pool_trials(answers[:1]).words[0].code == "trial_pool_few"


class TestThePlan:
    def test_it_says_how_many_weeks(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.0)
        world.clock.move_to(trial.end)
        plan = plan_trial(world.city.trials, world.city.site("lodge"), aim=0.10)
        subjects = {row.subject for row in plan.rows}
        assert subjects == {Subject.HEAT, Subject.ELECTRICITY, Subject.COMFORT}
        assert [words.code for words in plan.needs] == ["trial_weeks", "trial_weeks"]
        assert plan.needs[0].en.startswith("Electricity: with this building's noise you need")

    def test_a_site_without_meters_has_nothing_to_plan(self, world: World) -> None:
        bare: Site = replace(lodge(), meters=(), points=())
        with pytest.raises(InsufficientData, match="no billed meter"):
            plan_trial(world.city.trials, bare)


class TestTheWeatherOfTheDraw:
    def test_what_is_forecast_is_taken(self, world: World) -> None:
        site = world.city.site("lodge")
        trial = a_trial("lodge")
        found = expected_temperature(site, world.feed, trial.first, 2, NOW)
        hours = [temperature_c(trial.start + i * HOUR) for i in range(24)]
        assert found[0] == pytest.approx(np.mean(hours))

    def test_without_any_weather_the_days_are_alike(self, world: World) -> None:
        world.feed.away.add("weather")
        site = world.city.site("lodge")
        found = expected_temperature(site, world.feed, date(2019, 1, 14), 4, NOW)
        assert found.tolist() == [0.0] * 4
