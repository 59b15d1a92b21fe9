"""Identification on real rooms and on a building whose truth is known."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bms.model.plan import BuildingModel, History, NoModel, Problem, Weather, ZoneHistory
from optimizer.fit import fit_ladder
from optimizer.identify import Score, identify, record_of, score
from optimizer.past import past_of
from optimizer.shares import fit_shares
from tests.toy_building import AREA, HOT_WATER_KW, Toy, lived_in, problem

ROOMS = Path(__file__).parent.parent / "data" / "rooms"


@pytest.fixture(scope="module")
def toy() -> Toy:
    return lived_in(days=21)


@pytest.fixture(scope="module")
def model(toy: Toy) -> BuildingModel:
    answer = identify(problem(toy))
    assert isinstance(answer, BuildingModel)
    return answer


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


def test_the_same_history_gives_the_same_model(toy: Toy, model: BuildingModel) -> None:
    assert identify(problem(toy)) == model


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
    whole = problem(toy)
    assert whole.history is not None
    zones = tuple(replace(zone, **zone_changes) for zone in whole.history.zones)  # type: ignore[arg-type]
    return replace(whole, history=replace(whole.history, zones=zones))


def codes(answer: BuildingModel | NoModel) -> set[str]:
    assert isinstance(answer, NoModel)
    return {words.code for words in answer.reasons}


def test_a_stuck_sensor_is_named(toy: Toy) -> None:
    assert codes(identify(changed(toy, temp_c=(21.0,) * len(toy.rows)))) == {"sensor_stuck"}


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
    assert codes(identify(replace(whole, history=flat))) == {"no_excitation"}


def test_temperatures_that_follow_nothing_are_refused(toy: Toy) -> None:
    noise = np.random.default_rng(1).normal(0.0, 1.5, len(toy.rows) // 48 + 1)
    jumpy = tuple(float(20.0 + noise[i // 48]) for i in range(len(toy.rows)))
    assert codes(identify(changed(toy, temp_c=jumpy))) == {"too_uncertain"}


@pytest.mark.parametrize(
    ("model", "persistence", "last_week", "beaten", "held"),
    [
        (0.5, 0.7, 0.9, False, False),
        (0.8, 0.7, 0.9, False, False),
        (1.0, 0.7, 0.9, True, False),
        (0.3, 0.2, 0.2, True, True),
        (0.7, 0.2, 0.2, True, False),
        (float("nan"), 0.7, 0.9, True, False),
        (0.5, 0.7, float("nan"), True, False),
    ],
)
def test_when_rivals_win(
    model: float, persistence: float, last_week: float, beaten: bool, held: bool
) -> None:
    result = Score(model, persistence, last_week, 1.0)
    assert (result.beaten, result.held) == (beaten, held)


def test_a_held_room_is_judged_on_its_heat(toy: Toy) -> None:
    """Rooms at one temperature day and night: heat from another building does not fit them."""
    whole = problem(toy)
    assert whole.history is not None
    steady = tuple(20.0 + 0.1 * (i // 3 % 2) for i in range(len(toy.rows)))
    level = np.random.default_rng(4).uniform(0.1, 1.0, len(toy.rows) // 96 + 1)
    valve = tuple(float(100.0 * level[i // 96]) for i in range(len(toy.rows)))
    heat = tuple(v * 0.4 for v in valve)
    zones = tuple(replace(z, temp_c=steady, valve_pct=valve) for z in whole.history.zones)
    history = replace(whole.history, zones=zones, heat_kw=heat)
    answer = identify(replace(whole, history=history))
    assert codes(answer) <= {"rivals_better", "too_uncertain"}


def room(name: str) -> Problem:
    """A room of the shared data as a building of one zone with its own heat meter."""
    step_s, temp, heat, outdoors, sun, use = READERS[name]()
    n = len(temp)
    history = History(
        start=datetime(2020, 1, 1, tzinfo=UTC),
        step_s=step_s,
        weather=Weather(temp_out_c=outdoors, ghi_wm2=sun),
        heat_kw=heat,
        zones=(
            ZoneHistory(
                id="office",
                temp_c=temp,
                setpoint_c=(None,) * n,
                valve_pct=(None,) * n,
                occupied=use,
            ),
        ),
    )
    toy = lived_in(days=1)
    return replace(problem(toy), history=history, ventilation=(), zones=problem(toy).zones[:1])


def columns(file: str, delimiter: str, names: tuple[str, ...]) -> list[tuple[float | None, ...]]:
    with (ROOMS / file).open() as stream:
        rows = list(csv.DictReader(stream, delimiter=delimiter))
    return [tuple(float(row[n]) if row[n] else None for row in rows) for n in names]


def read_house() -> tuple:
    temp, heat, outdoors = columns("house_hourly.csv", ",", ("Ti", "Ph", "Ta"))
    return 3600, temp, heat, outdoors, (0.0,) * len(temp), (True,) * len(temp)


def read_dwelling() -> tuple:
    temp, heat, outdoors, sun = columns("dwelling_15min.csv", ";", ("yTi", "Thm", "Ta", "Ps"))
    return 900, temp, heat, outdoors, sun, (False,) * len(temp)


READERS = {"house": read_house, "dwelling": read_dwelling}


@pytest.mark.parametrize(("name", "at_most_k"), [("house", 0.35), ("dwelling", 0.62)])
def test_real_rooms_a_day_ahead(name: str, at_most_k: float) -> None:
    """First 60 % to learn, last 40 % to test, a restart every hour; the best of two nodes."""
    task = room(name)
    assert task.history is not None
    past = past_of(task, task.history, ["office"])
    shares = fit_shares(
        heat=past.heat,
        valve_pct=past.valve,
        temp_out=past.temp_out,
        run=past.building_run,
        use=past.building_use,
        area_m2=past.area,
        coil_share=past.coil_share,
    )
    record = record_of(past, shares, 0)
    limit = int(0.6 * past.steps)
    fits = {fit.order: fit for fit in fit_ladder(record, last=limit)}
    result = score(record, fits["2R2C"], limit)
    assert result.model <= at_most_k
    assert result.persistence == pytest.approx({"house": 0.874, "dwelling": 0.697}[name], abs=0.01)
    assert result.last_week == pytest.approx({"house": 0.296, "dwelling": 0.962}[name], abs=0.01)
