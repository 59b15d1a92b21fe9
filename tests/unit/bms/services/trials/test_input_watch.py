"""A site file that is changed while a trial runs, and changed back, leaves a trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bms.model.assets.site import Site
from bms.model.control.audit import Action, AuditSearch
from bms.model.fact import Day
from bms.services.trials.input_watch import days_of_other_inputs, watch_inputs
from bms.services.trials.report import trial_reports
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial_site import START, begun, in_time

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


def unbilled(site: Site) -> Site:
    return replace(site, meters=tuple(replace(meter, billed=False) for meter in site.meters))


def test_the_days_are_named_once_it_is_as_it_was(world: World) -> None:
    trial, site = begun(world), world.city.site("lodge")
    watch_inputs(world.city.trials, unbilled(site))
    assert days_of_other_inputs(world.city.trials, trial) == ()
    for hours in (1, 2, 30):
        world.clock.move_to(START + hours * HOUR)
        watch_inputs(world.city.trials, unbilled(site))
        watch_inputs(world.city.trials, site)
    world.clock.move_to(trial.end + DAY)
    watch_inputs(world.city.trials, unbilled(site))
    (report,) = trial_reports(world.city.trials, site)
    assert [change.code for change in report.changes] == ["trial_changed_meanwhile"]
    days = report.changes[0].parameters["days"]
    assert days == (Day(date(2018, 11, 15)), Day(date(2018, 11, 16)))
    notes = world.store.audit(AuditSearch(site="lodge", action=Action.CHANGE_TRIAL_INPUTS))
    assert [(note.subject, note.actor) for note in notes] == [(trial.id, "bms")] * 2
    assert "trial_changed_meter" in notes[0].reason


def test_what_is_as_it_was_sealed_is_not_noted(world: World) -> None:
    begun(world)
    world.clock.move_to(START + DAY)
    watch_inputs(world.city.trials, world.city.site("lodge"))
    assert world.store.audit(AuditSearch(action=Action.CHANGE_TRIAL_INPUTS)) == []
