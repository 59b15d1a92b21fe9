"""Identification on real rooms and on a building whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.planning.problem import BuildingModel, NoModel, Problem
from optimizer.identification.holdout_score import HoldoutScore
from optimizer.identification.identify import identify
from tests.rigs.buildings.toy_building import AREA, HOT_WATER_KW, Toy, lived_in
from tests.rigs.buildings.toy_problems import DAYS, office_only, problem, toy_model


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=DAYS)


@pytest.fixture(scope="module")
def model() -> BuildingModel:
    return toy_model()


def test_the_heat_of_zones_adds_up_and_finds_the_hot_water(model: BuildingModel) -> None:
    base = sum(zone.parameters["base_kw"] for zone in model.zones)
    assert base == pytest.approx(HOT_WATER_KW, rel=0.15)
    parts = [zone.parameters["heat_part"] for zone in model.zones]
    assert parts == pytest.approx([2 / 3, 1 / 3], abs=0.05)


def test_the_heat_loss_is_found_to_a_tenth(model: BuildingModel) -> None:
    for zone, area in zip(model.zones, AREA, strict=True):
        p = zone.parameters
        to_walls = 1.0 / (1.0 / (0.005 * area) + 1.0 / (0.0008 * area))
        through_mass = (
            1.0 / (1.0 / p["mass_kw_per_k"] + 1.0 / p["mass_out_kw_per_k"])
            if p["mass_out_kw_per_k"] > 0
            else 0.0
        )
        assert p["ua_kw_per_k"] + through_mass == pytest.approx(0.0005 * area + to_walls, rel=0.15)


def test_it_is_close_a_day_ahead_and_says_what_its_rivals_are(model: BuildingModel) -> None:
    for zone in model.zones:
        assert zone.rmse_24h_k < 0.2
        assert zone.persistence_k > 0
        assert zone.last_week_k > 0


@pytest.mark.slow
def test_the_same_history_gives_the_same_model(toy: Toy) -> None:
    assert identify(problem(toy)) == toy_model()


@pytest.mark.slow
def test_gaps_in_the_history_do_not_stop_it(toy: Toy) -> None:
    whole = problem(toy)
    assert whole.history is not None
    holes = tuple(
        None if 400 <= i < 420 or i % 97 == 0 else value
        for i, value in enumerate(whole.history.heat_kw)
    )
    zones = tuple(
        replace(
            zone,
            temp_c=tuple(None if 900 <= i < 1000 else t for i, t in enumerate(zone.temp_c)),
        )
        for zone in whole.history.zones
    )
    history = replace(whole.history, heat_kw=holes, zones=zones)
    answer = identify(replace(whole, history=history))
    assert isinstance(answer, BuildingModel)
    assert all(zone.rmse_24h_k < 0.3 for zone in answer.zones)


def changed(toy: Toy, **zone_changes: object) -> Problem:
    whole = office_only(problem(toy))
    assert whole.history is not None
    zones = tuple(replace(zone, **zone_changes) for zone in whole.history.zones)  # type: ignore[arg-type]
    return replace(whole, history=replace(whole.history, zones=zones))


def codes(answer: BuildingModel | NoModel) -> set[str]:
    assert isinstance(answer, NoModel)
    return {words.code for words in answer.reasons}


def test_a_stuck_sensor_is_named(toy: Toy) -> None:
    assert codes(identify(changed(toy, temp_c=(21.0,) * len(toy.rows)))) == {"sensor_stuck"}


@pytest.mark.slow
def test_a_sensor_that_got_stuck_a_week_ago_is_named(toy: Toy) -> None:
    """Its weeks before would do for a model, but nobody knows how warm the room is now."""
    history = problem(toy).history
    assert history is not None
    shown = history.zones[0].temp_c
    week = 7 * 96
    answer = identify(changed(toy, temp_c=(*shown[:-week], *(shown[-week],) * week)))
    assert isinstance(answer, NoModel)
    assert answer.reasons[0].code == "sensor_stuck"


def test_a_missing_sensor_is_named(toy: Toy) -> None:
    answer = identify(changed(toy, temp_c=(None,) * len(toy.rows)))
    assert codes(answer) == {"zone_temp_missing"}


def test_too_few_days_are_refused(toy: Toy) -> None:
    assert codes(identify(problem(toy, days=5))) == {"too_few_days"}


def test_no_history_is_refused(toy: Toy) -> None:
    assert codes(identify(replace(problem(toy), history=None))) == {"no_history"}


def test_heat_that_never_changes_teaches_nothing(toy: Toy) -> None:
    whole = problem(toy)
    assert whole.history is not None
    flat = replace(whole.history, heat_kw=(0.0,) * len(toy.rows))
    assert codes(identify(replace(whole, history=flat))) == {"no_excitation_building"}


@pytest.mark.slow
def test_temperatures_that_follow_nothing_are_refused(toy: Toy) -> None:
    noise = np.random.default_rng(1).normal(0.0, 1.5, len(toy.rows) // 48 + 1)
    jumpy = tuple(float(20.0 + noise[i // 48]) for i in range(len(toy.rows)))
    assert "too_uncertain" in codes(identify(changed(toy, temp_c=jumpy)))


@pytest.mark.parametrize(
    ("model", "persistence", "last_week", "beats_both", "held"),
    [
        (0.5, 0.7, 0.9, True, False),
        (0.8, 0.7, 0.9, False, False),
        (0.8, 0.9, 0.7, False, False),
        (1.0, 0.7, 0.9, False, False),
        (0.3, 0.2, 0.2, False, True),
        (0.3, 0.2, 0.9, False, True),
        (0.5, 0.61, 0.9, True, False),
        (0.7, 0.2, 0.2, False, False),
        (float("nan"), 0.7, 0.9, False, False),
        (0.5, 0.7, float("nan"), False, False),
    ],
)
def test_a_model_has_to_beat_both_rivals(
    model: float, persistence: float, last_week: float, beats_both: bool, held: bool
) -> None:
    result = HoldoutScore(model, persistence, last_week, 1.0)
    assert (result.beats_both, result.held) == (beats_both, held)


@pytest.mark.slow
def test_a_held_room_is_judged_on_its_heat(toy: Toy) -> None:
    """Rooms at one temperature day and night: heat from another building does not fit them."""
    whole = office_only(problem(toy))
    assert whole.history is not None
    steady = tuple(20.0 + 0.1 * (i // 3 % 2) for i in range(len(toy.rows)))
    level = np.random.default_rng(4).uniform(0.1, 1.0, len(toy.rows) // 96 + 1)
    valve = tuple(float(100.0 * level[i // 96]) for i in range(len(toy.rows)))
    heat = tuple(v * 0.4 for v in valve)
    zones = tuple(replace(z, temp_c=steady, valve_pct=valve) for z in whole.history.zones)
    history = replace(whole.history, zones=zones, heat_kw=heat)
    answer = identify(replace(whole, history=history))
    assert isinstance(answer, NoModel)
    first, *hints = [words.code for words in answer.reasons]
    assert first in {"heat_rivals_better", "rivals_better", "too_uncertain"}
    assert "held_still" in hints
