"""Answers that are kept are computed anew when their data change, and only then."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.model.control.command import Accepted, Failed
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.model.readings.measurement import Reading
from bms.model.savings.kept_answer import AnswerKind
from bms.model.savings.objection import Verdict
from bms.services.answers.kept import MAKERS
from bms.services.assessment.frozen_baselines import BaselineCode
from bms.services.assessment.savings_cache import SavingsCache
from tests.rigs.fakes.api import CONTROL, NOW, World, a_command, a_world, live_in, meters
from tests.rigs.fakes.city import HOUR
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
def test_a_new_hour_of_today_changes_no_answer_and_one_of_the_period_does(tmp_path):
    made = a_world(tmp_path)
    live_in(made)
    counting = Counting(made.feed)
    world = made.rewired(feed=counting)
    cache = SavingsCache(world.city.assessment)
    site = world.city.site("lodge")
    first = cache.site(site)
    assert cache.site(site) == first
    asked = counting.asked
    (last,) = world.store.latest(["lodge/el.energy"]).values()
    world.store.add_readings([Reading("lodge/el.energy", last.time + HOUR, last.value + 2.0)])
    cache.site(site)
    assert counting.asked == asked
    correct(world)
    assert cache.site(site).savings != first.savings
    assert counting.asked > asked


def test_an_answer_outlives_the_process(tmp_path):
    world = a_world(tmp_path)
    live_in(world)
    site = world.city.site("lodge")
    first = SavingsCache(world.city.assessment).site(site)
    counting = Counting(world.feed)
    again = SavingsCache(world.rewired(feed=counting).city.assessment)
    assert again.site(site) == first
    assert counting.asked == 1, "the weather of the last days alone, to see whether it is new"
    assert first.savings.saving_kwh is not None
    assert first.made_at == NOW


class TestReader:
    """What the API reads is what a job has made."""

    def reader(self, world: World) -> SavingsCache:
        return SavingsCache(world.city.assessment, reader=True)

    def test_an_answer_stands_until_the_job_makes_it_anew(self, world: World) -> None:
        cache, site = self.reader(world), world.city.site("lodge")
        before = cache.site(site)
        correct(world)
        assert cache.site(site) == before
        SavingsCache(world.city.assessment).site(site)
        assert cache.site(site).savings != before.savings

    def test_what_people_enter_is_in_it_at_once(self, world: World) -> None:
        cache, site = self.reader(world), world.city.site("lodge")
        before = cache.site(site).savings
        world.store.add_event(an_event(start=CONTROL, end=CONTROL + timedelta(days=7)))
        after = cache.site(site).savings
        assert after.saving_kwh == pytest.approx(before.saving_kwh + 200.0)

    def test_that_something_newer_is_under_way_is_said(self, world: World) -> None:
        cache, site = self.reader(world), world.city.site("lodge")
        assert not cache.site(site).newer_under_way
        world.store.mark_outdated("lodge", [(AnswerKind.SAVINGS, "")], NOW)
        assert cache.site(site).newer_under_way
        (row,) = cache.sites()
        assert row.newer_under_way
        assert cache.freshness(AnswerKind.SAVINGS).outdated == 1

    def test_an_answer_of_yesterday_is_shown_and_said_to_be_old(self, world: World) -> None:
        cache, site = self.reader(world), world.city.site("lodge")
        before = cache.site(site)
        world.clock.move_to(NOW + timedelta(days=1))
        shown = cache.site(site)
        assert shown.newer_under_way
        assert (shown.made_at, shown.savings) == (before.made_at, before.savings)

    def test_while_others_are_made_the_rest_is_named_and_nobody_waits(self, world: World) -> None:
        cache = self.reader(world)
        with contextlib.ExitStack() as stack:
            for _ in range(MAKERS):
                stack.enter_context(cache.answers._makers)
            (row,) = cache.sites()
        assert row.made_at is None
        assert row.newer_under_way
        assert [reason.code for reason in row.savings.reasons] == ["answer_not_made_yet"]
        (row,) = cache.sites()
        assert row.savings.saving_kwh is not None

    def test_the_sum_is_computed_anew_where_one_of_its_parts_is(self, world: World) -> None:
        cache = self.reader(world)
        first = cache.portfolio(cache.sites())
        assert cache.portfolio(cache.sites()) is first
        correct(world)
        SavingsCache(world.city.assessment).site(world.city.site("lodge"))
        assert cache.portfolio(cache.sites()) != first


def test_a_row_that_cannot_be_read_is_made_anew(tmp_path):
    world = a_world(tmp_path)
    site = world.city.site("lodge")
    SavingsCache(world.city.assessment).site(site)
    kept = world.store.answer(AnswerKind.SAVINGS, "lodge", "")
    world.store.keep_answer(replace(kept, body='{"of": "another version"}'))
    told = SavingsCache(world.city.assessment).site(site)
    assert told.savings.id == "lodge"


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
