"""Trials of sites that are no longer in the files are sealed, and ended where nobody obeys them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bms.errors import NotFound
from bms.model.savings.trial_result import TrialState
from bms.services.trials.gone_sites import close_gone_trials, gone_sites, site_with_trials
from bms.services.trials.report import trial_reports
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial_site import START, begun, in_time, lived

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


def close(world: World, at: datetime, since: dict[str, datetime], *sites: str) -> None:
    world.clock.move_to(at)
    close_gone_trials(world.city.trials, sites, since)


def test_only_those_that_had_a_trial_are_gone(world: World) -> None:
    assert gone_sites(world.store, []) == []
    begun(world)
    assert gone_sites(world.store, ["lodge"]) == []
    assert [site.id for site in gone_sites(world.store, ["hut"])] == ["lodge"]


def test_an_open_trial_ends_once_its_site_is_gone_for_a_block(world: World) -> None:
    """Otherwise its file could be removed instead of stopping it, and it would be told to its
    planned end."""
    trial = begun(world)
    since: dict[str, datetime] = {}
    seen = trial.start + 9 * DAY
    close(world, seen, since)
    close(world, seen + 2 * DAY, since)
    assert world.store.trials("lodge")[0].ended is None
    close(world, seen + 3 * DAY, since)
    (report,) = trial_reports(world.city.trials, gone_sites(world.store, [])[0], gone=True)
    assert report.result.state is TrialState.STOPPED
    assert report.ended is not None
    assert (report.ended.by, report.ended.at) == ("bms", seen + 3 * DAY)


def test_nor_does_one_whose_site_comes_back_in_time(world: World) -> None:
    trial = begun(world)
    since: dict[str, datetime] = {}
    for day, sites in ((9, ()), (11, ("lodge",)), (12, ()), (14, ())):
        close(world, trial.start + day * DAY, since, *sites)
    assert world.store.trials("lodge")[0].ended is None


@pytest.mark.slow
def test_one_that_ran_to_its_end_before_is_sealed_with_its_effects(world: World) -> None:
    trial = begun(world)
    lived(world, trial, 0.10)
    close(world, trial.end, {})
    (known,) = world.store.trials("lodge")
    assert known.result is not None
    assert known.result.result.effects != ()


def test_a_site_is_found_by_its_own_name(world: World) -> None:
    begun(world)
    site = site_with_trials(world.store, {}, "lodge")
    assert [meter.id for meter in site.meters] == ["heat", "el"]
    assert site_with_trials(world.store, world.city.sites, "lodge") == world.city.site("lodge")
    with pytest.raises(NotFound, match="no site 'hut'"):
        site_with_trials(world.store, world.city.sites, "hut")
