"""TODO"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.assets.site import Mode, Site
from bms.model.control.command import Lease, Override
from bms.model.fact import Fact
from bms.model.planning.plan import Plan
from bms.services.control.ports import ControlPorts
from bms.services.control.trial_block import Turn, next_rest, turn_at
from bms.services.control.ventilation_minimum import bookings_ahead
from bms.services.occupancy import Use
from bms.services.site_lookup import mode_in_force

TICK_MAX = timedelta(minutes=10)
"""How long after its ``now`` a tick may still be at work: what people say meanwhile counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a tick starts from. ``leases`` are those of this site, by point id; ``turn`` is the
    block of a switchback trial that is on, ``rests_at`` when the next one of own control begins;
    ``use`` is who is in when, None where no air may be written."""

    site: Site
    now: datetime
    mode: Mode
    plan: Plan | None
    overrides: tuple[Override, ...]
    leases: Mapping[str, Lease]
    turn: Turn | None = None
    rests_at: datetime | None = None
    use: Use | None = None

    @property
    def rest(self) -> Fact | None:
        """Why the plan keeps away although it may act: a trial's days of own control."""
        return self.turn.words if self.turn is not None and self.turn.rests else None


def scene_of(site: Site, now: datetime, ports: ControlPorts) -> Scene:
    """Mode, plan, overrides, leases and trial as they are now.

    Overrides that were made since ``now``, while the tick is at work, are among them. Raises
    ``StoreUnavailable`` or ``GuardError`` when one of them cannot be read.
    """
    trials = ports.trials.trials(site.id)
    overrides = {
        o.id: o for at in (now, now + TICK_MAX) for o in ports.decisions.overrides(site.id, at)
    }
    return Scene(
        site=site,
        now=now,
        mode=mode_in_force(site, ports.decisions),
        plan=ports.plans.plan_in_force(site.id),
        overrides=tuple(overrides.values()),
        leases={
            id_: held for id_, held in ports.journal.leases().items() if held.point.site == site.id
        },
        turn=turn_at(trials, now),
        rests_at=next_rest(trials, now),
        use=bookings_ahead(site, ports.decisions, now),
    )
