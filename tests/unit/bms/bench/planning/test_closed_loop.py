"""The closed loops of the bench, as far as they need no EnergyPlus: what is asked and priced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from bms.bench.planning.closed_loop import (
    DAY,
    FLAT_PRICE,
    LEARNING_STEPS,
    LOW_C,
    Loop,
    PlannedWorld,
    moving_price,
    result_of,
)
from bms.bench.planning.energyplus import Plant, PlantRecord, groups_of, weather_file
from optimizer import check, plan

PLANT = Plant("any", {"north": "_N", "south": "_S"})
LOOP = Loop("toy", PLANT, lambda day, hour: day < 5 and 8 <= hour < 16, planned_days=2)
ZONES = ("ROOM_N1", "ROOM_S1", "ROOM_N2", "PLENUM")


def record(room_c: float = 20.5) -> PlantRecord:
    n = LOOP.days * DAY
    rows = np.ones((len(ZONES), n))
    own = np.where(LOOP.use(n), 21.0, 15.6)
    return PlantRecord(
        start=LOOP.first,
        zones=ZONES,
        area=np.array([100.0, 50.0, 300.0, 20.0]),
        outdoor=np.full(n, 4.0),
        ghi=np.zeros(n),
        heat=np.full(n, 10.0),
        room=room_c * rows,
        setpoint=own * rows,
    )


def upto(seen: PlantRecord, k: int) -> PlantRecord:
    cut = {name: getattr(seen, name)[..., :k] for name in ("outdoor", "ghi", "heat")}
    rows = {name: getattr(seen, name)[:, :k] for name in ("room", "setpoint")}
    return replace(seen, **cut, **rows)


def test_zones_are_grouped_by_their_names() -> None:
    assert groups_of(PLANT, ZONES) == {"north": [0, 2], "south": [1]}


def test_only_planned_days_are_priced() -> None:
    seen = record(room_c=LOW_C - 0.5)
    result = result_of(LOOP, seen, np.full(len(seen), FLAT_PRICE))
    assert result.heat_kwh == pytest.approx(2 * 24 * 10.0)
    assert result.cost_dkk == pytest.approx(2 * 24 * 10.0 * FLAT_PRICE)
    hours = LOOP.use(len(seen))[LEARNING_STEPS:].sum() / 4
    grouped = len(ZONES) - 1
    assert result.discomfort_kh == pytest.approx([0.5 * hours] * grouped)


def test_the_question_is_one_that_can_be_planned() -> None:
    own = record()
    world = PlannedWorld(LOOP, own, moving_price(LOOP))
    asked = world.problem(upto(own, LEARNING_STEPS), 21, None)
    schedule = plan(asked)
    assert [zone.area_m2 for zone in asked.zones] == [400.0, 50.0]
    assert asked.history is not None
    assert len(asked.history.heat_kw) == LEARNING_STEPS
    assert not check(asked, schedule)


def test_the_moving_price_is_dear_in_the_evening() -> None:
    price = moving_price(LOOP).reshape(-1, 24, 4).mean(axis=(0, 2))
    assert price[17:21].mean() > 2 * price[0:6].mean()


@pytest.mark.slow
def test_the_weather_is_written_with_the_split_of_the_sun() -> None:
    rows = [line.split(",") for line in weather_file(2019).splitlines()[8:]]
    assert len(rows) == 8760
    assert [int(cell) for cell in rows[0][:4]] == [2019, 1, 1, 1]
    assert datetime(2019, 6, 21, 12, tzinfo=UTC).timetuple().tm_yday == 172
    noon = rows[171 * 24 + 12]
    ghi, direct, diffuse = (float(cell) for cell in noon[13:16])
    assert 0.0 < diffuse <= ghi
    assert 0.0 <= direct < 1200.0
    night = rows[171 * 24]
    assert {float(cell) for cell in night[13:16]} == {0.0}
