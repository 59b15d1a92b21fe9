"""Switchback trials of a site: draw and start one, stop it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from bms.errors import ConfigError, FeedError, NotFound
from bms.model.assets.site import Mode, Site
from bms.model.readings.series import Floats
from bms.model.savings.avoided_use import Span
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import Subject
from bms.ports.feeds import Feed
from bms.savings.data.daily import daily
from bms.savings.trials.carry_over import design_for
from bms.savings.trials.power import BlockDesign
from bms.savings.trials.random_allocation import allocate, arms_of, layout
from bms.services.periods import local_date, midnight
from bms.services.site_lookup import mode_in_force
from bms.services.trials.daily_records import rest_days
from bms.services.trials.design import (
    COMFORT_MARGIN_KH,
    can_measure,
    seal_design,
    time_constant,
    trial_number,
    usual_primary,
)
from bms.services.trials.ports import TrialPorts
from bms.services.trials.proof import is_cut, lost_of_building
from bms.services.trials.same_building import trials_of_building
from bms.services.trials.sealed_rates import rates_digest

DAY = timedelta(days=1)
YEAR = 364 * DAY
"""The same weekday a year before."""


def expected_temperature(site: Site, feed: Feed, first: date, days: int, now: datetime) -> Floats:
    """Mean outdoor temperature of the coming days [degC] as far as it is forecast, beyond that of
    the same days a year before; where neither is known, the mean of those that are (or 0: then the
    draw is balanced by weekday and time alone)."""
    ahead = _daily_means(site, feed, first, days, now)
    before = _daily_means(site, feed, first - YEAR, days, now)
    filled = np.where(np.isfinite(ahead), ahead, before)
    known = np.isfinite(filled)
    return np.where(known, filled, filled[known].mean() if known.any() else 0.0)


def _daily_means(site: Site, feed: Feed, first: date, days: int, now: datetime) -> Floats:
    start, end = (midnight(first + n * DAY, site.timezone) for n in (0, days))
    try:
        found = feed.weather(site.latitude, site.longitude, start=start, end=end, now=now)
    except FeedError:
        return np.full(days, np.nan)
    temp = found.temp_out_c.series
    return daily(temp, temp, Span(start=start, end=end), site.timezone).temp_c


LONGEST_WEEKS = 26
LARGEST_MARGIN_KH = 10.0
"""A margin [K h/day] of more discomfort than this proves nothing: any control is within it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """What a person asks for. ``primary`` is the one outcome of which a finding is told, None for
    the usual one of the site; ``design`` None for the wash-out that the building needs."""

    weeks: int
    by: str
    reason: str
    design: BlockDesign | None = None
    primary: Subject | None = None
    comfort_margin_kh: float = COMFORT_MARGIN_KH


def start_trial(ports: TrialPorts, site: Site, request: TrialRequest) -> Trial:
    """Draw a trial that begins at the next local midnight, seal its design with the draw, and keep
    it.

    The lot comes from the operating system; one of the same days and blocks that is started again
    after it was stopped before its first day keeps its draw, any other one has a new lot. Raises
    ``ConfigError`` where the site is not in ``auto``, a trial is open already, or the call makes no
    trial.
    """
    now = ports.clock.now()
    kept = trials_of_building(ports.trials, site)
    refusal = _refusal(mode_in_force(site, ports.decisions), kept, site, request, now)
    if refusal is not None:
        raise ConfigError(refusal)
    if is_cut(ports, site.id):
        raise ConfigError(
            f"the evidence of {site.id} was cut, as by an older copy of the database, so nobody "
            "knows which trials it had; see `bms audit verify` and docs/operating.md, Evidence"
        )
    try:
        made = _drawn(ports, site, kept, request, now)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    ports.trials.add_trial(made)
    return made


def _drawn(
    ports: TrialPorts, site: Site, kept: Sequence[KeptTrial], request: TrialRequest, now: datetime
) -> Trial:
    """``kept`` are the trials that the building had. Raises ``ValueError`` for a design that makes
    no trial."""
    time_constant_h = time_constant(ports, site)
    design = request.design or design_for(time_constant_h)
    first = local_date(now, site.timezone) + DAY
    days = request.weeks * 7 // max(design.block_days, 1) * design.block_days
    ground = _withdrawn(kept, first, days, design) or _new_ground(ports, site, first, days, now)
    blocks = layout(ground.temp_c, ground.rest, design.block_days, design.washout_days)
    allocation = allocate(blocks, ground.lot)
    arms = arms_of(allocation)
    draw = (first, design.block_days, design.washout_days, arms)
    lost = lost_of_building(ports, kept, site)
    sealed = seal_design(
        site,
        first,
        days,
        number=trial_number(kept, draw, lost=len(lost)),
        primary=request.primary or usual_primary(site),
        comfort_margin_kh=request.comfort_margin_kh,
        carry_over_days=design.washout_days,
        time_constant_h=time_constant_h,
    )
    elsewhere = tuple(known.trial.id for known in kept if known.trial.site != site.id)
    return Trial(
        id=_new_id({*lost, *(known.trial.id for known in kept)}, f"{site.id}-{first}"),
        site=site.id,
        timezone=site.timezone,
        first=first,
        block_days=design.block_days,
        washout_days=design.washout_days,
        arms=arms,
        temp_c=ground.temp_c,
        rest=ground.rest,
        seed=ground.lot,
        limit=allocation.limit,
        imbalance=allocation.imbalance,
        sealed=replace(
            sealed, elsewhere=elsewhere, rates=rates_digest(site, ports.tariffs, first, days)
        ),
        started_at=now,
        by=request.by,
        reason=request.reason,
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a draw is made from: temperature [degC] and kind of its days, and the lot."""

    temp_c: tuple[float, ...]
    rest: tuple[bool, ...]
    lot: int


def _withdrawn(
    kept: Sequence[KeptTrial], first: date, days: int, design: BlockDesign
) -> _Ground | None:
    """That of a trial of these days and blocks that was stopped before its first day, as it was:
    neither a newer forecast nor other closed days give another draw. None where there was none."""
    wanted = (first, days, design.block_days, design.washout_days)
    for known in kept:
        then = known.trial
        if known.withdrawn and wanted == (then.first, then.days, *_blocks(then)):
            return _Ground(then.temp_c, then.rest, then.seed)
    return None


def _blocks(trial: Trial) -> tuple[int, int]:
    return trial.block_days, trial.washout_days


def _new_ground(ports: TrialPorts, site: Site, first: date, days: int, now: datetime) -> _Ground:
    """With a new lot: one that somebody has seen would tell the draws of every other design before
    one of them is chosen."""
    temp_c = expected_temperature(site, ports.feed, first, days, now).tolist()
    return _Ground(tuple(temp_c), tuple(rest_days(site, first, days).tolist()), ports.lot())


def stop_trial(ports: TrialPorts, site: Site, *, by: str, reason: str) -> TrialEnd:
    """End the open trial of a site; the plan acts again from the next tick.

    Raises ``NotFound`` where none is open, ``ConfigError`` without a name or reason.
    """
    now = ports.clock.now()
    known = next((each for each in ports.trials.trials(site.id) if each.open(now)), None)
    if known is None:
        raise NotFound(f"no trial is open at {site.id}")
    if not by.strip() or not reason.strip():
        raise ConfigError("say who stops the trial and why: --by NAME --reason TEXT")
    end = TrialEnd(trial=known.trial.id, site=site.id, at=now, by=by, reason=reason)
    ports.trials.end_trial(end)
    return end


def _refusal(
    mode: Mode, kept: Sequence[KeptTrial], site: Site, request: TrialRequest, now: datetime
) -> str | None:
    """Why no trial may start."""
    if mode is not Mode.AUTO:
        return (
            f"{site.id} is in mode {mode.value}, so there is no control of ours to compare; a "
            "trial starts in auto only"
        )
    known = next((each.trial for each in kept if each.open(now)), None)
    if known is not None:
        return (
            f"trial {known.id} is open until {known.end:%Y-%m-%d}; stop it first: "
            f"`bms trial {known.site} stop`"
        )
    if not 1 <= request.weeks <= LONGEST_WEEKS:
        return f"{request.weeks} weeks make no trial; choose 1 to {LONGEST_WEEKS}"
    if not request.by.strip() or not request.reason.strip():
        return "say who starts the trial and why: --by NAME --reason TEXT"
    primary = request.primary or usual_primary(site)
    if not can_measure(site, primary):
        return f"{site.id} has no billed meter or room for {primary.value}; choose another outcome"
    if not 0.0 < request.comfort_margin_kh <= LARGEST_MARGIN_KH:
        return f"the margin of comfort is above 0 and at most {LARGEST_MARGIN_KH:g} K·h/day"
    return None


def _new_id(taken: Collection[str], wanted: str) -> str:
    """``wanted``, with a number behind it where a trial of that day was stopped before."""
    number, free = 1, wanted
    while free in taken:
        number += 1
        free = f"{wanted}-{number}"
    return free
