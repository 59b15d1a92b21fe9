"""City-wide lists of missing data and of how well meters were read."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.metering.quality import MeterState
from bms.model.readings.measurement import Quality, Reading
from bms.services.accounts.meter_states import portfolio_missing_data, portfolio_quality
from bms.services.assessment.savings_cache import SavingsCache
from tests.rigs.fakes.api import CONTROL, World, a_world, live_in

GONE = CONTROL + timedelta(days=3)


@pytest.fixture
def cache(tmp_path: Path) -> SavingsCache:
    world: World = a_world(tmp_path)
    live_in(world)
    lost = world.store.readings("lodge/heat.energy", GONE, GONE + timedelta(hours=10))
    world.store.add_readings([Reading(r.point, r.time, None, Quality.NO_REPLY) for r in lost])
    return SavingsCache(world.city.assessment)


def test_the_longest_gap_comes_first_with_its_reason(cache: SavingsCache) -> None:
    rows = portfolio_missing_data(cache)
    first = rows[0]
    assert (first.meter, first.hours) == ("lodge/heat", 11.0)
    assert first.start == GONE - timedelta(hours=1)
    assert first.why is not None
    assert first.why.code == "no_usable_readings"


def test_states_name_every_meter_with_a_point_the_worst_first(cache: SavingsCache) -> None:
    rows = portfolio_quality(cache)
    states = [row.state for row in rows]
    assert states == sorted(states, key=list(MeterState).index)
    heat = next(row for row in rows if row.meter == "lodge/heat")
    assert heat.without_value == 10
    assert heat.missing_hours == 11.0
    assert heat.coverage == pytest.approx(1.0 - 11.0 / 720.0)


def test_a_period_may_be_asked_for(cache: SavingsCache) -> None:
    rows = portfolio_quality(cache, date(2018, 6, 1), date(2018, 7, 1))
    heat = next(row for row in rows if row.meter == "lodge/heat")
    assert (heat.missing_hours, heat.state) == (0.0, MeterState.GOOD)
    with pytest.raises(ConfigError, match="no day that is over"):
        portfolio_quality(cache, date(2030, 1, 1))
    with pytest.raises(ConfigError, match="longer than"):
        portfolio_quality(cache, date(2010, 1, 1), date(2019, 1, 1))
