"""The word of people in charge: it is put on record, and what we hold is given back at once."""

from __future__ import annotations

import uuid
from datetime import datetime

from bms.errors import ConfigError, NotFound
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Override, ReleaseReceipt
from bms.model.fact import Explained
from bms.ports.storage.decisions import DecisionStore
from bms.services.control.ports import ControlPorts
from bms.services.control.release import keep_receipts, release_points
from bms.services.control.trial_block import end_trials
from bms.services.off_loop import off_loop
from bms.services.planning.shadow_period import shadow_gap


async def override(
    site: Site,
    *,
    now: datetime,
    ports: ControlPorts,
    point: str | None,
    until: datetime | None,
    reason: str,
    actor: str,
) -> tuple[Override, list[ReleaseReceipt]]:
    """Suspend our writes to a point, or to all of a site (``point`` None), from now on.

    Raises ``NotFound`` for a point that the site does not have.
    """
    chosen = [p for p in site.points if p.write is not None and point in (None, p.id)]
    if not chosen:
        raise NotFound(f"{site.id} has no writable point {point or ''}".rstrip())
    made = Override(
        id=uuid.uuid4().hex,
        site=site.id,
        point=point,
        since=now,
        until=until,
        reason=reason,
        actor=actor,
    )
    await off_loop(ports.decisions.add_override, made)
    receipts = await release_points(
        site, chosen, now=now, drivers=ports.drivers, journal=ports.journal
    )
    await keep_receipts(ports.ledgers, receipts, now)
    return made, receipts


def end_override(
    site: Site, override_id: str, *, now: datetime, decisions: DecisionStore, actor: str
) -> None:
    """Take back an override of the site. Raises ``NotFound`` for one that is not in force."""
    if all(known.id != override_id for known in decisions.overrides(site.id, now)):
        raise NotFound(f"no override {override_id} is in force at {site.id}")
    decisions.remove_override(override_id, actor=actor, at=now)


class NotReady(Explained, ConfigError):
    """The shadow period of a site has not met its gate."""


async def change_mode(
    site: Site, mode: Mode, *, now: datetime, ports: ControlPorts, reason: str, actor: str
) -> list[ReleaseReceipt]:
    """Set how far the site is trusted to us; below ``auto`` everything is given back,
    and a switchback trial is over.

    Raises ``NotReady`` for ``auto`` before the shadow period is over, unless the site file
    itself says ``auto``.
    """

    def work() -> None:
        gap = None
        if mode is Mode.AUTO and site.mode is not Mode.AUTO:
            gap = shadow_gap(site, ports.plans, now)
        if gap is not None:
            raise NotReady("not ready for auto", (gap,))
        ports.decisions.set_mode(site.id, mode, actor=actor, at=now, reason=reason)

    await off_loop(work)
    if mode is Mode.AUTO:
        return []
    receipts = await release_points(
        site, site.points, now=now, drivers=ports.drivers, journal=ports.journal
    )
    await keep_receipts(ports.ledgers, receipts, now)
    await off_loop(end_trials, site.id, ports.trials, at=now, by=actor, reason=reason)
    return receipts
