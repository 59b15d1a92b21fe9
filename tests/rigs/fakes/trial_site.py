"""A site with a trial of six weeks on alternating days, and the meters of a year before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np

from bms.model.control.command import Accepted, Command
from bms.model.readings.measurement import Reading
from bms.model.savings.trial import Trial
from bms.services.trials.ports import TrialPorts
from bms.services.trials.start import TrialRequest, start_trial
from tests.rigs.fakes.api import CONTROL, World, a_command, temperature_c
from tests.rigs.fakes.city import HOUR

WEEKS = 6
START = CONTROL - timedelta(days=60)
"""A local midnight; the trial is drawn nine hours before."""


def in_time(world: World, at: datetime) -> World:
    """The same world with its clock put to ``at``."""
    clock = type(world.clock)(at)
    return replace(world, city=replace(world.city, clock=clock), clock=clock)


def with_lot(world: World, lot: int) -> TrialPorts:
    """The ports of trials with the number that the operating system would give."""
    return replace(world.city.trials, lot=lambda: lot)


def begun(world: World, lot: int = 4, **more: object) -> Trial:
    asked = TrialRequest(**{"weeks": WEEKS, "by": "Bo", "reason": "proof", **more})
    return start_trial(with_lot(world, lot), world.city.site("lodge"), asked)


@cache
def _shown(trial: Trial, share: float, comfort_c: float, seed: int) -> tuple[Reading, ...]:
    rng = np.random.default_rng(seed)
    start = trial.start - timedelta(days=366)
    totals = {"heat": 0.0, "el": 0.0}
    readings = []
    for i in range(int((trial.end - start) / HOUR) + 1):
        at = start + HOUR * i
        readings += [Reading(f"lodge/{n}.energy", at, round(v, 3)) for n, v in totals.items()]
        block = trial.block_at(at)
        less = 1.0 if block is None or trial.arms[block] == "own_control" else 1.0 - share
        wobble = 1.0 + 0.03 * rng.normal()
        totals["heat"] += less * wobble * (1.0 + 0.5 * max(0.0, 17.0 - temperature_c(at)))
        totals["el"] += less * wobble * 2.0
        if at >= trial.start:
            readings += [Reading("lodge/hall.temp", at + q * HOUR / 4, comfort_c) for q in range(4)]
    return tuple(readings)


def ours_for_six_hours(at: datetime) -> Command:
    return replace(a_command(f"c{at}", at, 18.0), lease_end=at + timedelta(hours=6))


def lived(world: World, trial: Trial, share: float, comfort_c: float = 20.5, seed: int = 1) -> None:
    """Meters and rooms of a year before the trial and of its days, on which we use ``share`` less,
    and the receipts of our days."""
    world.store.add_readings(_shown(trial, share, comfort_c, seed))
    for block, arm in enumerate(trial.arms):
        if arm == "optimised":
            for part in range(4 * trial.block_days):
                at = trial.block_start(block) + timedelta(hours=6 * part)
                world.store.add_receipts([Accepted(ours_for_six_hours(at), 18.0)], at)
