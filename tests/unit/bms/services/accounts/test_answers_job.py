"""The job makes anew what has changed, says so before, and leaves the rest alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.model.savings.kept_answer import AnswerKind
from bms.services.accounts.answers_job import AnswersJob
from bms.services.accounts.city_year import consumption_question
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.consumption import HOUR
from tests.rigs.fakes.api import CONTROL, NOW, World, a_world, live_in
from tests.rigs.fakes.ledger import an_event

STANDING = 6
"""Answers that are kept of a lodge: savings, days, key figures, consumption, states of meters."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = a_world(tmp_path)
    live_in(made)
    return made


def kept(world: World) -> int:
    job = AnswersJob(world.city.assessment)
    return job.keep(world.city.site("lodge"), world.clock.now())


def test_everything_is_made_once_and_then_only_what_has_changed(world: World) -> None:
    assert kept(world) == STANDING
    assert kept(world) == 0
    world.store.add_event(an_event(start=CONTROL, end=CONTROL + timedelta(days=7)))
    assert kept(world) == 2, "savings and days rest on the ledger"
    (old,) = world.store.readings("lodge/heat.energy", CONTROL, CONTROL + HOUR)
    world.store.add_readings([replace(old, value=old.value + 0.3)])
    assert kept(world) == STANDING
    world.clock.move_to(NOW + timedelta(days=1))
    assert kept(world) == STANDING, "a day has ended"


def test_a_reader_finds_what_the_job_has_made(world: World) -> None:
    kept(world)
    told = SavingsCache(world.city.assessment, reader=True).site(world.city.site("lodge"))
    assert told == SavingsCache(world.city.assessment).site(world.city.site("lodge"))
    assert (told.made_at, told.newer_under_way) == (NOW, False)


def test_what_is_under_way_is_said_while_it_is_made(world: World) -> None:
    kept(world)
    (old,) = world.store.readings("lodge/heat.energy", CONTROL, CONTROL + HOUR)
    world.store.add_readings([replace(old, value=old.value + 0.3)])
    reader = SavingsCache(world.city.assessment, reader=True)
    seen: list[bool] = []

    class Looking:
        """A feed at whose questions somebody reads the page."""

        def __getattr__(self, name: str) -> object:
            return getattr(world.feed, name)

        def weather(self, *args: object, **kwargs: object) -> object:
            seen.append(reader.site(world.city.site("lodge")).newer_under_way)
            return world.feed.weather(*args, **kwargs)

    kept(world.rewired(feed=Looking()))
    assert seen[-1] is False
    assert True in seen
    assert not reader.site(world.city.site("lodge")).newer_under_way


def test_sums_of_the_city_and_of_each_use_are_kept(world: World) -> None:
    kept(world)
    job = AnswersJob(world.city.assessment)
    job.keep_city()
    whole = world.store.answer(AnswerKind.SAVINGS_SUM, "portfolio", "")
    group = world.store.answer(AnswerKind.SAVINGS_SUM, "use other", "")
    assert whole is not None
    assert group is not None
    job.keep_city()
    assert world.store.answer(AnswerKind.SAVINGS_SUM, "portfolio", "") == whole
    reader = SavingsCache(world.city.assessment, reader=True)
    rows = reader.sites()
    assert reader.portfolio(rows).saving_kwh == rows[0].savings.saving_kwh


def test_answers_that_nobody_makes_anew_go(world: World) -> None:
    job = AnswersJob(world.city.assessment)
    cache, site = SavingsCache(world.city.assessment), world.city.site("lodge")
    cache.site(site, reporting="2019-01-14..2019-01-24")
    assert job.forget(NOW) == 0
    assert job.forget(NOW + timedelta(days=60)) == 1


def test_the_present_year_by_its_number_is_the_answer_that_is_kept_up_to_date(world: World) -> None:
    cache, site = SavingsCache(world.city.assessment), world.city.site("lodge")
    assert consumption_question(cache, site, NOW.year).key == consumption_question(cache, site).key
    assert consumption_question(cache, site, 2018).text == "2018"
