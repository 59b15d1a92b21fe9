"""Sites by their id, and the mode that each of them is in."""

from __future__ import annotations

from collections.abc import Mapping

from bms.errors import NotFound
from bms.model.assets.site import Mode, Site
from bms.ports.storage.decisions import DecisionStore


def site_named(sites: Mapping[str, Site], site_id: str) -> Site:
    """The site of this id. Raises ``NotFound`` with the ids there are."""
    try:
        return sites[site_id]
    except KeyError:
        known = ", ".join(sorted(sites)) or "none"
        raise NotFound(f"no site {site_id!r}; there are: {known}") from None


def mode_in_force(site: Site, decisions: DecisionStore) -> Mode:
    """The mode that a person set, as far as the site file allows it; ``advise`` at most where
    nobody did. Raises ``StoreUnavailable``."""
    return site.mode_by(decisions.mode(site.id))
