"""What decides at one moment who may write what at a site: read once, then only looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bms.errors import StoreError
from bms.model.assets.site import Mode, Site
from bms.model.clock_reading import ClockReading, Elapsed
from bms.model.control.command import Override
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride
from bms.model.fact import Fact
from bms.model.planning.plan import Plan
from bms.model.savings.trial import KeptTrial
from bms.services.control.ports import ControlPorts
from bms.services.control.trial_block import TrialBlock, next_own_control, trial_block_at
from bms.services.control.ventilation_minimum import bookings_ahead, moves_air
from bms.services.occupancy import Use
from bms.services.rooms.missing_temperature import Sight
from bms.services.trust.commissioned import Flaws

PLAN_MAX_AGE = timedelta(hours=6)
"""Older plans are not written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """Mode, plan, and what people and trials hold, of one site at ``now``, and at ``elapsed`` by
    running time.

    ``plan_edited`` is whether the plan does not match its digest, ``plan_objections`` are those of
    the checker to it as it was loaded. ``uncommissioned`` says why points are not commissioned.
    ``leases`` and ``local_overrides`` are those of the site, by point id; ``trial`` is the block of
    a switchback trial that is on, ``own_control_from`` when the next one of own control begins;
    ``use`` is who is in when, None where no point of the site moves air; ``sight`` is which rooms
    are seen. ``owned`` is whether this process may
    write there.
    """

    site: Site
    now: datetime
    elapsed: Elapsed
    mode: Mode
    plan: Plan | None
    uncommissioned: Flaws
    plan_edited: bool = False
    plan_objections: tuple[Fact, ...] = ()
    overrides: tuple[Override, ...] = ()
    leases: Mapping[str, Lease] = field(default_factory=dict)
    local_overrides: Mapping[str, LocalOverride] = field(default_factory=dict)
    trial: TrialBlock | None = None
    own_control_from: datetime | None = None
    use: Use | None = None
    sight: Sight = field(default_factory=dict)
    plan_max_age: timedelta = PLAN_MAX_AGE
    owned: bool = True

    @property
    def at(self) -> ClockReading:
        """``now`` by the calendar and by running time."""
        return ClockReading(self.now, self.elapsed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRecords:
    """What the database says of a site."""

    mode: Mode | None
    plan: Plan | None
    overrides: Sequence[Override]
    trials: Sequence[KeptTrial]
    uncommissioned: Flaws
    use: Use | None
    sight: Sight


RecordsOf = Callable[[Collection[Site], datetime, ControlPorts], Mapping[str, ControlRecords]]


def state_of(
    site: Site, now: datetime, ports: ControlPorts, plan_max_age: timedelta = PLAN_MAX_AGE
) -> SiteState:
    """Mode, plan, overrides, leases and trial as they are now.

    Overrides that were made since ``now`` are among them: while the tick is at work, or before the
    clock went back. Raises
    ``StoreUnavailable`` or ``GuardError`` when one of them cannot be read.
    """
    records = ControlRecords(
        mode=ports.decisions.mode(site.id),
        plan=ports.plans.plan_in_force(site.id, now),
        overrides=ports.decisions.overrides(site.id, now),
        trials=ports.trials.trials(site.id),
        uncommissioned=ports.commissioned.flaws([site])[site.id],
        use=bookings_ahead(site, ports.decisions, now),
        sight=ports.rooms.look(site, now),
    )
    return replace(_state(site, now, records, ports), plan_max_age=plan_max_age)


def records_of(
    sites: Collection[Site], now: datetime, ports: ControlPorts
) -> dict[str, ControlRecords]:
    """The records of many sites, by their id: the database is asked once for all of them."""
    names = [site.id for site in sites]
    decisions = ports.decisions
    modes, plans = decisions.modes(names), ports.plans.plans_in_force(names, now)
    overrides, trials = decisions.overrides_of(names, now), ports.trials.trials_of(names)
    flaws = ports.commissioned.flaws(sites)
    bookings = decisions.bookings_of(names, now)
    ports.rooms.look_ahead(sites, now)
    return {
        site.id: ControlRecords(
            mode=modes.get(site.id),
            plan=plans.get(site.id),
            overrides=overrides[site.id],
            trials=trials[site.id],
            uncommissioned=flaws[site.id],
            use=Use(site, tuple(bookings[site.id])) if moves_air(site) else None,
            sight=ports.rooms.look(site, now),
        )
        for site in sites
    }


def states_of(
    sites: Collection[Site], now: datetime, ports: ControlPorts, records: RecordsOf = records_of
) -> dict[str, SiteState]:
    """``state_of`` of many sites, by their id, over what ``records`` knows of all of them."""
    with ports.snapshot():
        found = records(sites, now, ports)
        return {site.id: _state(site, now, found[site.id], ports) for site in sites}


def _state(site: Site, now: datetime, records: ControlRecords, ports: ControlPorts) -> SiteState:
    return SiteState(
        site=site,
        now=now,
        elapsed=ports.clock.elapsed(),
        mode=site.mode_by(records.mode),
        plan=records.plan,
        uncommissioned=records.uncommissioned,
        plan_edited=ports.plan_check.edited(records.plan),
        plan_objections=ports.plan_check.objections(records.plan),
        overrides=tuple(records.overrides),
        leases=ports.journal.leases_of(site.id),
        local_overrides={
            id_: each
            for id_, each in ports.journal.local_overrides().items()
            if each.site == site.id
        },
        trial=trial_block_at(records.trials, now),
        own_control_from=next_own_control(records.trials, now),
        use=records.use,
        sight=records.sight,
        owned=ports.owned.may_send(site.id),
    )


def read_again(state: SiteState, ports: ControlPorts) -> SiteState:
    """The state as it is now, later in the same tick; without the database with the leases alone.

    Raises ``GuardError``.
    """
    try:
        return state_of(state.site, state.now, ports, state.plan_max_age)
    except StoreError:
        return replace(state, leases=ports.journal.leases_of(state.site.id))
