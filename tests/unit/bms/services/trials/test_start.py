"""Trials of a site are planned, started and stopped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from bms.errors import ConfigError, NotFound
from bms.model.assets.site import Mode
from bms.model.control.evidence import EvidenceKind
from bms.model.savings.trial import ANALYSIS_VERSION
from bms.model.savings.trial_result import Subject
from bms.savings.trials.power import BlockDesign
from bms.services.trials.design import confidence_of
from bms.services.trials.ports import system_lot
from bms.services.trials.start import (
    TrialRequest,
    expected_temperature,
    start_trial,
    stop_trial,
)
from bms.store.memory.trials import MemoryTrials
from tests.rigs.fakes.api import NOW, World, a_world, temperature_c
from tests.rigs.fakes.city import CLOSED, HOUR
from tests.rigs.fakes.store import a_model
from tests.rigs.fakes.trial import a_trial
from tests.rigs.fakes.trial_site import START, begun, in_time, with_lot


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


class TestStart:
    def test_it_begins_at_the_next_local_midnight(self, world: World) -> None:
        trial = begun(world)
        assert trial.start == START
        assert trial.id == "lodge-2018-11-15"
        assert (trial.days, len(trial.arms)) == (42, 14)
        assert [kept.trial for kept in world.store.trials("lodge")] == [trial]

    def test_the_levers_are_sealed(self, world: World) -> None:
        """Those that a plan may write, whether they report or not."""
        assert begun(world).sealed.levers == ("lodge/hall.setpoint",)

    def test_the_lot_is_the_operating_systems_and_is_kept(self, world: World) -> None:
        assert world.city.trials.lot is system_lot
        assert len({system_lot() for _ in range(20)}) == 20
        assert begun(world, lot=2**52 + 1).seed == 2**52 + 1

    def test_stopped_before_its_first_day_and_started_again_it_keeps_its_lot(
        self, world: World
    ) -> None:
        trial = begun(world, lot=7)
        stop_trial(world.city.trials, world.city.site("lodge"), by="Bo", reason="again")
        again = begun(world, lot=8)
        assert (again.id, again.seed, again.arms) == (f"{trial.id}-2", 7, trial.arms)
        assert again.sealed.number == 1

    def test_neither_a_newer_forecast_nor_a_closed_day_gives_another_draw(
        self, world: World
    ) -> None:
        trial, site = begun(world, lot=7), world.city.site("lodge")
        stop_trial(world.city.trials, site, by="Bo", reason="again")
        world.feed.away.add("weather")
        closed = replace(site, closures=((trial.first, trial.first + timedelta(days=9)),))
        asked = TrialRequest(weeks=6, by="Bo", reason="proof")
        again = start_trial(with_lot(world, 8), closed, asked)
        assert (again.draw, again.seed, again.sealed.number) == (trial.draw, trial.seed, 1)
        assert (again.rest, again.limit) == (trial.rest, trial.limit)
        assert trial.first in again.sealed.closed

    def test_of_another_design_no_draw_is_known_before_it_is_made(self, world: World) -> None:
        """The lot of one that was withdrawn can be read: with it, somebody could try every length
        at home and start the draw that pleases."""
        begun(world, lot=7)
        stop_trial(world.city.trials, world.city.site("lodge"), by="Bo", reason="again")
        other = begun(world, lot=8, weeks=7)
        assert (other.seed, other.sealed.number) == (8, 2)
        stop_trial(world.city.trials, world.city.site("lodge"), by="Bo", reason="again")
        assert [begun(world, lot=9).seed] == [7]

    @pytest.mark.parametrize("changes", [{"weeks": 7}, {"design": BlockDesign(2, 1)}])
    def test_whoever_looks_at_another_draw_needs_more_certainty(
        self, world: World, changes: dict[str, object]
    ) -> None:
        """A week that only the starter knows of may be laid on days of own control that way."""
        site = world.city.site("lodge")
        found = []
        for asked in ({}, changes, {}, {"weeks": 9}):
            found.append(begun(world, **asked).sealed.number)
            stop_trial(world.city.trials, site, by="Bo", reason="another one")
        assert found == [1, 2, 2, 3]

    def test_one_that_was_removed_from_the_database_counts(self, world: World) -> None:
        class Lost(MemoryTrials):
            def unproven(self, chain: str, kinds: Collection[EvidenceKind]) -> frozenset[str]:
                return frozenset({"lodge-2018-11-15"} if chain == "lodge" else ())

        removed = replace(world.city.trials, evidence=Lost())
        asked = TrialRequest(weeks=6, by="Bo", reason="proof")
        trial = start_trial(removed, world.city.site("lodge"), asked)
        assert (trial.id, trial.sealed.number) == ("lodge-2018-11-15-2", 2)

    def test_whoever_starts_again_needs_more_certainty(self, world: World) -> None:
        found = [begun(world).sealed.confidence]
        for _ in range(2):
            world.clock.move_to(world.clock.now() + timedelta(days=20))
            stop_trial(world.city.trials, world.city.site("lodge"), by="Bo", reason="again")
            found.append(begun(world).sealed.confidence)
        assert found == [0.9, 0.99, 0.995]
        assert sum(1.0 - confidence_of(n) for n in range(1, 40)) <= 0.12 + 1e-12

    def test_meters_days_comfort_and_outcome_are_sealed_with_the_draw(self, world: World) -> None:
        sealed = begun(world, comfort_margin_kh=2.0).sealed
        site = world.city.site("lodge")
        assert [meter.id for meter in sealed.meters] == ["heat", "el"]
        assert (sealed.zones, sealed.closed) == (site.zones, ())
        assert (sealed.primary, sealed.comfort_margin_kh) == (Subject.HEAT, 2.0)
        assert (sealed.version, sealed.carry_over_days) == (ANALYSIS_VERSION, 1)

    def test_the_wash_out_comes_from_the_identified_time_constant(self, world: World) -> None:
        zone = a_model().zones[0]
        slow = {"c_mass_kwh_per_k": 40.0, "mass_kw_per_k": 1.0, "mass_out_kw_per_k": 0.25}
        model = replace(a_model("lodge"), zones=(replace(zone, parameters=slow),))
        world.store.save_model(model)
        trial = begun(world, weeks=8)
        assert trial.sealed.time_constant_h == pytest.approx(32.0)
        assert (trial.block_days, trial.washout_days) == (5, 3)

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
            ({"primary": Subject.GAS}, "no billed meter or room for gas"),
            ({"comfort_margin_kh": 0.0}, "above 0 and at most 10 K"),
            ({"comfort_margin_kh": 10.1}, "above 0 and at most 10 K"),
            ({"comfort_margin_kh": float("nan")}, "above 0 and at most 10 K"),
            ({"by": " "}, "say who starts"),
            ({"reason": ""}, "say who starts"),
            ({"design": BlockDesign(2, 2)}, "leave nothing to analyse"),
        ],
    )
    def test_what_makes_no_trial_is_refused(
        self, world: World, changes: dict[str, object], says: str
    ) -> None:
        with pytest.raises(ConfigError, match=says):
            begun(world, **changes)
        assert world.store.trials("lodge") == []

    @pytest.mark.parametrize(
        "primary", [None, Subject.COST, Subject.CO2, Subject.PEAK, Subject.COMFORT]
    )
    def test_an_outcome_that_nothing_measures_is_refused(
        self, world: World, primary: Subject | None
    ) -> None:
        bare = replace(world.city.site("lodge"), meters=(), points=())
        asked = TrialRequest(weeks=6, by="Bo", reason="proof", primary=primary)
        with pytest.raises(ConfigError, match="no billed meter or room for"):
            start_trial(world.city.trials, bare, asked)

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
