"""Answers that are kept are computed anew when their data change, and only then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.model.control.command import Accepted, Failed
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.model.readings.measurement import Quality, Reading
from bms.model.savings.objection import Verdict
from bms.services.assessment.frozen_baselines import BaselineCode
from bms.services.assessment.savings_cache import SavingsCache, data_version
from tests.rigs.fakes.api import CONTROL, NOW, World, a_command, a_world, live_in, meters
from tests.rigs.fakes.city import HOUR, utc
from tests.rigs.fakes.ledger import an_event

HEAT = "lodge/heat.energy"
IN_BASELINE = CONTROL - timedelta(days=100)
START = CONTROL - timedelta(days=365)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    live_in(made)
    return made


def correct(world: World, at: object = IN_BASELINE, by: float = -0.4) -> None:
    """Another value in place of one reading of the heat register."""
    (old,) = [r for r in world.store.readings(HEAT, at, at + HOUR) if r.time == at]
    assert old.value is not None
    world.store.add_readings([replace(old, value=old.value + by)])


class TestVersion:
    def version(self, world: World) -> object:
        return data_version(world.city.site("lodge"), world.city.assessment, START, NOW)

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

    @pytest.mark.parametrize("years", [(1960, 2019), (2018, 2400), (1960, 1965)])
    def test_periods_without_roll_ups_have_one_too(
        self, world: World, years: tuple[int, int]
    ) -> None:
        first, last = (utc(year, 1, 1) for year in years)
        assert data_version(world.city.site("lodge"), world.city.assessment, first, last)


class TestBook:
    def test_a_correction_in_the_baseline_is_seen_and_told(self, world: World) -> None:
        cache, site = SavingsCache(world.city.assessment), world.city.site("lodge")
        first = cache.site(site).savings
        (kept, _) = world.store.baselines("lodge")
        assert kept.baseline.id == first.meters[0].baseline_id
        correct(world)
        second = cache.site(site).savings
        heat, el = second.meters
        assert heat.baseline_id != kept.baseline.id
        assert heat.reasons[-1].code == BaselineCode.CHANGED
        assert el.reasons == first.meters[1].reasons
        assert Verdict.VERIFIED not in (heat.verdict, second.verdict)
        assert [row.baseline.id for row in world.store.baselines("lodge")] == [
            meter.baseline_id for meter in first.meters
        ]

    def test_a_correction_that_is_taken_back_gives_the_same_baseline(self, world: World) -> None:
        cache, site = SavingsCache(world.city.assessment), world.city.site("lodge")
        first = cache.site(site).savings
        correct(world, by=-0.5)
        correct(world, by=0.5)
        assert cache.site(site).savings == first

    @pytest.mark.slow
    def test_an_event_is_in_the_next_answer(self, world: World) -> None:
        cache, site = SavingsCache(world.city.assessment), world.city.site("lodge")
        before = cache.site(site).savings
        entry = an_event(start=CONTROL, end=CONTROL + timedelta(days=7))
        world.store.add_event(entry)
        after = cache.site(site).savings
        assert before.saving_kwh is not None
        assert after.saving_kwh == pytest.approx(before.saving_kwh + 200.0)
        assert after.unadjusted is not None
        assert after.unadjusted.saving_kwh == before.saving_kwh
        total = cache.portfolio(cache.sites())
        assert total.saving_kwh == pytest.approx(after.saving_kwh)
        assert total.unadjusted is not None
        assert total.unadjusted.saving_kwh == pytest.approx(before.saving_kwh)

    @pytest.mark.slow
    def test_only_the_baseline_of_our_control_is_put_away(self, world: World) -> None:
        """Whoever asks for other periods looks, and uses nothing."""
        cache, site = SavingsCache(world.city.assessment), world.city.site("lodge")
        cache.site(site, reporting="2019-01-14..2019-01-24")
        cache.site(site, baseline="2018-02-01..2019-01-14")
        assert world.store.baselines("lodge") == []

    def test_without_control_there_is_nothing_to_hold_to(self, tmp_path: Path) -> None:
        world = a_world(tmp_path)
        SavingsCache(world.city.assessment).site(world.city.site("lodge"))
        assert world.store.baselines("lodge") == []


def test_only_writes_that_happened_begin_our_control(tmp_path):
    world = a_world(tmp_path)
    site = world.city.site("lodge")
    cache = SavingsCache(world.city.assessment)
    early = NOW - timedelta(days=9)
    world.store.add_receipts(
        [Failed(a_command("f", early, 18.0), fact(ReceiptReason.NOT_READ_BACK), retryable=True)],
        early,
    )
    assert cache.periods(site).control_start is None
    late = NOW - timedelta(days=3)
    world.store.add_receipts([Accepted(a_command("a", late, 18.0), 18.0)], late)
    assert cache.periods(site).control_start == late


class Counting:
    """A feed that counts how often the weather is asked for."""

    def __init__(self, feed):
        self._feed = feed
        self.asked = 0

    def weather(self, *args, **kwargs):
        self.asked += 1
        return self._feed.weather(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self._feed, name)


@pytest.mark.slow
def test_a_saving_is_computed_again_when_an_hour_of_readings_came(tmp_path):
    made = a_world(tmp_path)
    live_in(made)
    counting = Counting(made.feed)
    world = made.rewired(feed=counting)
    cache = SavingsCache(world.city.assessment)
    site = world.city.site("lodge")
    first = cache.site(site)
    assert cache.site(site).savings is first.savings
    asked = counting.asked
    (last,) = world.store.latest(["lodge/el.energy"]).values()
    soon = Reading("lodge/el.energy", last.time + timedelta(minutes=15), last.value)
    world.store.add_readings([soon])
    cache.site(site)
    assert counting.asked == asked
    later = Reading("lodge/el.energy", last.time + HOUR, last.value)
    world.store.add_readings([later])
    cache.site(site)
    assert counting.asked > asked


@pytest.mark.slow
def test_the_cache_is_bounded(tmp_path):
    world = a_world(tmp_path)
    site = world.city.site("lodge")
    cache = SavingsCache(world.city.assessment, size=2)
    asked = [f"2019-01-{day:02d}..2019-01-{day + 2:02d}" for day in range(1, 6)]
    answers = [cache.site(site, reporting=text).savings for text in asked]
    assert cache.site(site, reporting=asked[-1]).savings is answers[-1]
    assert cache.site(site, reporting=asked[0]).savings is not answers[0]


def test_days_add_up_to_the_assessed_meter(tmp_path):
    """The chart's days and the assessment come from the same model."""
    world = a_world(tmp_path)
    gap = CONTROL + timedelta(days=4, hours=12)
    world.store.add_readings([reading for reading in meters() if reading.time != gap])
    at = a_command("c1", CONTROL, 18.0)
    world.store.add_receipts([Accepted(at, 18.0)], CONTROL)
    cache = SavingsCache(world.city.assessment)
    site = world.city.site("lodge")
    told, days = cache.site(site), cache.days(site)
    assert [row.meter for row in days] == ["heat", "el"]
    for row, meter in zip(days, told.savings.meters, strict=True):
        assert len(row.dates) == 14
        assert row.measured_kwh.sum() == pytest.approx(meter.measured_kwh)
        assert row.adjusted_baseline_kwh.sum() == pytest.approx(meter.adjusted_baseline_kwh)
