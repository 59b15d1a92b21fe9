"""The days of a trial from stored meters and rooms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.assets.equipment import Meter, MeterDirection
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.model.readings.units import Commodity
from bms.model.savings.trial import Trial
from bms.model.savings.trial_result import Subject
from bms.services.trials.daily_records import records
from bms.services.trials.design import changed_inputs, seal_design, sealed_site
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


def with_panels(site: Site) -> Site:
    """The site with panels, whose part in the use its meters tell."""
    (read,) = (p for p in site.points if p.id == "lodge/el.energy")
    meters = {"pv": MeterDirection.PRODUCTION, "out": MeterDirection.EXPORT}
    return replace(
        site,
        meters=(
            *site.meters,
            *(
                Meter(id=name, commodity=Commodity.ELECTRICITY, billed=False, direction=way)
                for name, way in meters.items()
            ),
        ),
        points=(
            *site.points,
            *(replace(read, id=f"lodge/{name}.energy", meter=name) for name in meters),
        ),
    )


class TestPanels:
    def sealed(self, world: World, site: Site, trial: Trial) -> Trial:
        design = seal_design(
            site,
            trial.first,
            trial.days,
            number=1,
            primary=Subject.ELECTRICITY,
            comfort_margin_kh=1.0,
            carry_over_days=1,
            time_constant_h=None,
        )
        return replace(trial, sealed=design)

    def test_a_building_with_panels_is_analysed_by_its_own_use(self, world: World) -> None:
        """As it is planned: 2 kWh an hour from the grid, 3 made, 1 sold."""
        before = begun(world)
        lived(world, before, 0.0)
        site = with_panels(world.city.site("lodge"))
        trial = self.sealed(world, site, before)
        world.store.add_readings(
            [
                Reading(f"lodge/{name}.energy", trial.start + i * HOUR, kwh * i)
                for i in range(24 * 8)
                for name, kwh in (("pv", 3.0), ("out", 1.0))
            ]
        )
        days = {"first": trial.first, "last": trial.first + timedelta(days=7)}
        live, sealed = (
            records(each, world.store, world.feed, **days)[Subject.ELECTRICITY].value
            for each in (site, sealed_site(site, trial))
        )
        assert live.mean() == pytest.approx(4.0 * 24, rel=0.02)
        assert sealed.tolist() == live.tolist()

    def test_their_meters_are_named_when_they_are_changed(self, world: World) -> None:
        site = with_panels(world.city.site("lodge"))
        trial = self.sealed(world, site, begun(world))
        assert changed_inputs(site, trial) == ()
        (said,) = changed_inputs(replace(site, meters=site.meters[:-1]), trial)
        assert said.parameters == {"meter": "out"}
