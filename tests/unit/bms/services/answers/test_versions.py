"""Versions differ where something differs that an answer rests on, and only there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.model.assets.site import YearlyGoal
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.services.answers.versions import VersionPorts, Versions, code_version
from tests.rigs.fakes.api import CONTROL, World, a_world, live_in
from tests.rigs.fakes.city import HOUR, FlatTariffs, utc
from tests.rigs.fakes.ledger import an_event

HEAT = "lodge/heat.energy"
IN_BASELINE = CONTROL - timedelta(days=100)
SPAN = Span(start=CONTROL - timedelta(days=365), end=utc(2019, 1, 27, 23))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    live_in(made)
    return made


def versions(world: World) -> Versions:
    ports = world.city.assessment
    return Versions(
        VersionPorts(
            rollups=ports.rollups, ledgers=ports.ledgers, feed=ports.feed, tariffs=ports.tariffs
        )
    )


def correct(world: World) -> None:
    """Another value in place of one reading of the heat register."""
    (old,) = world.store.readings(HEAT, IN_BASELINE, IN_BASELINE + HOUR)
    assert old.value is not None
    world.store.add_readings([replace(old, value=old.value - 0.4)])


class TestVersion:
    def version(self, world: World) -> object:
        return versions(world).of(world.city.site("lodge"), SPAN, "periods")

    def test_asking_again_changes_nothing(self, world: World) -> None:
        assert self.version(world) == self.version(world)

    def test_a_corrected_reading_does(self, world: World) -> None:
        before = self.version(world)
        correct(world)
        assert self.version(world) != before

    def test_a_late_reading_does(self, world: World) -> None:
        before = self.version(world)
        at = IN_BASELINE + timedelta(minutes=30)
        (near,) = world.store.readings(HEAT, IN_BASELINE, IN_BASELINE + timedelta(minutes=1))
        world.store.add_readings([Reading(HEAT, at, near.value)])
        assert self.version(world) != before

    def test_a_reading_that_turns_out_bad_does(self, world: World) -> None:
        before = self.version(world)
        world.store.add_readings([Reading(HEAT, IN_BASELINE, None, Quality.DEVICE_ERROR)])
        assert self.version(world) != before

    def test_an_event_does(self, world: World) -> None:
        before = self.version(world)
        world.store.add_event(an_event())
        assert self.version(world) != before

    def test_what_meters_do_not_say_does_not(self, world: World) -> None:
        before = self.version(world)
        world.store.add_readings([Reading("lodge/hall.temp", IN_BASELINE, 21.0)])
        assert self.version(world) == before

    def test_readings_of_the_next_hours_do_until_they_cannot_matter(self, world: World) -> None:
        before = self.version(world)
        later = SPAN.end + timedelta(hours=4, minutes=30)
        world.store.add_readings([Reading(HEAT, later, 1e6)])
        assert self.version(world) == before
        world.store.add_readings([Reading(HEAT, SPAN.end + timedelta(minutes=30), 1e6)])
        assert self.version(world) != before

    def test_the_point_that_changed_is_named(self, world: World) -> None:
        before, site = versions(world).data(world.city.site("lodge"), SPAN), "lodge"
        correct(world)
        after = versions(world).data(world.city.site(site), SPAN)
        assert [name for name in after if after[name] != before[name]] == [HEAT]

    def test_a_tariff_does(self, world: World) -> None:
        class Dearer(FlatTariffs):
            def heat(self, *args):
                series = super().heat(*args)
                return replace(series, values=series.values + 1.0)

        before = self.version(world)
        assert self.version(world.rewired(tariffs=Dearer())) != before

    def test_what_the_site_file_says_of_consumption_does(self, world: World) -> None:
        known, site = versions(world), world.city.site("lodge")
        goal = YearlyGoal(year=2019, commodity=Commodity.HEAT, budget=1.0)
        assert known.site(replace(site, goals=(goal,))) != known.site(site)
        assert known.site(replace(site, zones=())) == known.site(site)
        assert known.site(replace(site, closed_dates=frozenset())) != known.site(site)

    def test_weather_that_comes_late_does(self, world: World) -> None:
        known, site = versions(world), world.city.site("lodge")
        world.feed.away.add("weather")
        without = known.of(site, SPAN, "")
        world.feed.away.clear()
        assert known.of(site, SPAN, "") != without

    @pytest.mark.parametrize("years", [(1960, 2019), (2018, 2400), (1960, 1965)])
    def test_periods_without_roll_ups_have_one_too(
        self, world: World, years: tuple[int, int]
    ) -> None:
        first, last = (utc(year, 1, 1) for year in years)
        site = world.city.site("lodge")
        versions(world).data(site, Span(start=first, end=last))


def test_the_code_has_one() -> None:
    assert len(code_version()) == 24
