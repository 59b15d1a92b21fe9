"""Back from ``auto`` by itself, and where it stays until a named person agrees."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from bms.model.assets.site import Mode, Site
from bms.model.trust.modes import StepBack
from bms.services.control.ports import ControlPorts
from bms.services.modes.bounds import BoundPorts, passed_bound
from bms.services.off_loop import off_loop
from bms.services.site_lookup import mode_in_force

log = logging.getLogger(__name__)

ACTOR = "bms"
"""Who steps back: nobody but the backend itself."""


async def watch_bounds(
    site: Site, now: datetime, ports: ControlPorts, looking_since: datetime | None = None
) -> StepBack | None:
    """A tick: put a site that has passed a bound back to ``advise``. What its plan holds is given
    back by the next tick of dispatch, at once (``bms.services.control.authority.ENDING``).

    ``looking_since`` is when this process began to look. Raises ``StoreUnavailable``.
    """
    return await off_loop(_watch, site, now, ports, looking_since)


def _watch(
    site: Site, now: datetime, ports: ControlPorts, looking_since: datetime | None
) -> StepBack | None:
    since = approved_since(site, ports)
    if since is None:
        return None
    bound = BoundPorts(ports.readings, ports.plans, ports.decisions, ports.ledgers)
    reason = passed_bound(site, now, since, bound, looking_since=looking_since)
    if reason is None:
        return None
    step = StepBack(id=uuid.uuid4().hex, site=site.id, at=now, reason=reason)
    ports.trust.step_back(step, actor=ACTOR)
    log.warning("%s went back from auto by itself: %s", site.id, reason)
    return step


def approved_since(site: Site, ports: ControlPorts) -> datetime | None:
    """When a person said ``auto`` last, where the site is in it now."""
    if mode_in_force(site, ports.decisions) is not Mode.AUTO:
        return None
    said = [word.at for word in ports.decisions.modes_said([site.id]) if word.mode is Mode.AUTO]
    return said[-1] if said else None
