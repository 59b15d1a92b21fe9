"""The one place that says whether somebody may do something."""

from __future__ import annotations

from enum import StrEnum

from bms.errors import NotPermitted, NotSignedIn
from bms.model.access.actor import Actor
from bms.model.access.grant import Permission


class Reach(StrEnum):
    """Where something happens that is not at one building."""

    ANYWHERE = "anywhere"
    """At the buildings that the actor may; what is shown is limited to them."""
    EVERYWHERE = "everywhere"
    """At all buildings, those to come included."""


def authorise(
    actor: Actor | None, permission: Permission | None, site: str | Reach, device: str | None = None
) -> Actor:
    """Returns the actor where it is permitted to do this at the site, or at the controller
    ``device`` of it. Without a ``permission`` it is enough to be known.

    Raises ``NotSignedIn`` where nobody is known, ``NotPermitted`` where it is not permitted.
    """
    if actor is None:
        raise NotSignedIn(f"A valid key is needed: {WHERE_TO_GET_A_KEY}")
    if permission is None or _may(actor, permission, site, device):
        return actor
    where = "" if isinstance(site, Reach) else f" at {site}"
    who = f"The key {actor.name!r}" if actor.session is None else repr(actor.name)
    if device is not None:
        raise NotPermitted(f"{who} is not the one of controller {device}")
    words = permission.value.replace("_", " ")
    raise NotPermitted(f"{who} may not {words}{where}; roles are in docs/operate/access.md")


def _may(actor: Actor, permission: Permission, site: str | Reach, device: str | None) -> bool:
    if device is not None:
        return actor.may_fetch(device)
    if site is Reach.EVERYWHERE:
        return actor.may_everywhere(permission)
    return actor.may(permission, None if site is Reach.ANYWHERE else site)


WHERE_TO_GET_A_KEY = "send one as 'Authorization: Bearer bms_…'; make one with 'bms keys create'"
