"""Trials of which the evidence is not whole count for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bms.errors import ConfigError, StoreError
from bms.model.control.evidence import ChainHead
from bms.services.trials.ports import TrialPorts
from bms.services.trials.proof import is_cut, unproven_trials
from bms.services.trials.report import seal_results, site_trials
from bms.services.trials.start import TrialRequest, start_trial, stop_trial
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial_site import START, begun, in_time


@dataclass
class Heads:
    """Implements ``KnownHeads``."""

    known: dict[str, ChainHead] = field(default_factory=dict)
    away: bool = False

    def heads(self) -> dict[str, ChainHead]:
        if self.away:
            raise StoreError("cannot be read")
        return self.known

    def keep(self, heads: Mapping[str, ChainHead]) -> None:
        self.known |= heads


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


def known_beside(world: World, heads: Heads) -> TrialPorts:
    return replace(world.city.trials, known_heads=heads)


def test_a_chain_that_goes_on_is_whole(world: World) -> None:
    begun(world)
    heads = Heads(world.store.chain_heads(["lodge"]))
    stop_trial(world.city.trials, world.city.site("lodge"), by="Bo", reason="leak")
    ports = known_beside(world, heads)
    assert not is_cut(ports, "lodge")
    assert unproven_trials(ports, "lodge", world.store.trials("lodge")) == frozenset()
    assert not is_cut(known_beside(world, Heads(away=True)), "lodge")
    assert not is_cut(world.city.trials, "lodge")


def test_an_older_copy_of_the_database_takes_no_end_back(world: World) -> None:
    """A trial that was stopped runs again in it, and would be told to its planned end."""
    trial, site = begun(world), world.city.site("lodge")
    (head,) = world.store.chain_heads(["lodge"]).values()
    ports = known_beside(world, Heads({"lodge": replace(head, number=head.number + 3)}))
    (report,) = site_trials(ports, site).reports
    assert (report.proven, report.changes[0].code) == (False, "trial_changed_unproven")
    world.clock.move_to(trial.end + timedelta(days=20))
    assert seal_results(ports, site) == []
    asked = TrialRequest(weeks=6, by="Bo", reason="proof")
    with pytest.raises(ConfigError, match="the evidence of lodge was cut"):
        start_trial(ports, site, asked)
    assert start_trial(world.city.trials, site, asked).sealed.number == 2
