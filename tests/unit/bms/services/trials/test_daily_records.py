"""The days of a trial from stored meters and rooms."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.savings.trial_result import Subject
from bms.services.trials.daily_records import records
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial_site import START, begun, in_time, lived


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


class TestRecords:
    @pytest.mark.slow
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
