"""What a role or the scope of a key permits, and at which buildings.

A grant is written ``role``, ``role@site,site`` or ``role@group:schools``; several are joined by
``;``. Scopes of keys are grants as well: ``read``, ``operate``, ``ingest``, ``ingest:<site>`` and
``controller:<site>/<device>``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from bms.errors import ConfigError


class Permission(StrEnum):
    """What a route does for whoever asks."""

    VIEW = "view"
    """See buildings, their readings, plans and savings."""
    VIEW_PERSONAL = "view_personal"
    """See series of the class ``personal``, too."""
    OPERATE = "operate"
    """Override, release, set modes, book, plan now, run trials."""
    RECORD = "record"
    """Enter what happened: measures and events."""
    ASSESS = "assess"
    """Accept baselines, set budgets and targets."""
    PUSH = "push"
    """Push readings of suppliers' meters."""
    FETCH = "fetch"
    """Fetch the schedule of a controller, and report what it made of it."""
    AUDIT = "audit"
    """See who did what, and who saw what about people."""
    TRACE = "trace"
    """Follow a value at a point back to its command, plan and readings."""
    ADMINISTER = "administer"
    """See and end sessions of people."""


class PersonRole(StrEnum):
    """What a person is to the buildings."""

    VIEWER = "viewer"
    FACILITY_MANAGER = "facility_manager"
    ENERGY_TEAM = "energy_team"
    CONTROLLER = "controller"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


_P = Permission
PERMITTED: Mapping[str, frozenset[Permission]] = {
    PersonRole.VIEWER: frozenset({_P.VIEW}),
    PersonRole.FACILITY_MANAGER: frozenset(
        {_P.VIEW, _P.VIEW_PERSONAL, _P.OPERATE, _P.RECORD, _P.TRACE}
    ),
    PersonRole.ENERGY_TEAM: frozenset({_P.VIEW, _P.RECORD, _P.ASSESS}),
    PersonRole.CONTROLLER: frozenset({_P.FETCH}),
    PersonRole.ADMINISTRATOR: frozenset(Permission),
    PersonRole.AUDITOR: frozenset({_P.VIEW, _P.TRACE, _P.AUDIT}),
    "read": frozenset({_P.VIEW}),
    "operate": frozenset(Permission) - {_P.ADMINISTER},
    "ingest": frozenset({_P.PUSH}),
}
"""What each role, and each scope of a key, permits."""

_SITE = r"[a-z0-9][a-z0-9_-]{0,63}"
_NAMES = "|".join(sorted(PERMITTED))
_PLACE = rf"(?:group:)?{_SITE}"
WRITTEN = re.compile(
    rf"(?P<name>{_NAMES})(?:@(?P<places>{_PLACE}(?:,{_PLACE}){{0,999}}))?"
    rf"|ingest:(?P<supplied>{_SITE})"
    rf"|controller:(?P<device>{_SITE}/[A-Za-z0-9_.-]{{1,128}})"
)
KNOWN = (
    "read, operate, ingest, ingest:SITE or controller:SITE/DEVICE, or a role: viewer,"
    " facility_manager, energy_team, controller, administrator, auditor; of some buildings only"
    " with @SITE,SITE or @group:NAME after it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """``name`` is a role or a scope. ``sites`` and ``groups`` limit it; both empty is everywhere.
    ``device`` is the only controller that a key is for."""

    name: str
    sites: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    device: str | None = None

    @classmethod
    def of(cls, text: str) -> Grant:
        """The grant that is written so. Raises ``ConfigError``."""
        found = WRITTEN.fullmatch(text) if len(text) <= LONGEST else None
        if found is None:
            raise ConfigError(f"scope {text[:80]!r} is not known; use {KNOWN}")
        if supplied := found["supplied"]:
            return cls(name="ingest", sites=frozenset({supplied}))
        if device := found["device"]:
            site = frozenset({device.partition("/")[0]})
            return cls(name="controller", sites=site, device=device)
        places = (found["places"] or "").split(",") if found["places"] else []
        groups = frozenset(p.removeprefix("group:") for p in places if p.startswith("group:"))
        sites = frozenset(p for p in places if not p.startswith("group:"))
        return cls(name=found["name"], sites=sites, groups=groups)

    @property
    def text(self) -> str:
        """How the grant is written."""
        if self.device is not None:
            return f"controller:{self.device}"
        if self.name == "ingest" and len(self.sites) == 1 and not self.groups:
            return f"ingest:{min(self.sites)}"
        places = [*sorted(self.sites), *(f"group:{name}" for name in sorted(self.groups))]
        return f"{self.name}@{','.join(places)}" if places else self.name

    @property
    def permissions(self) -> frozenset[Permission]:
        return PERMITTED[self.name]

    @property
    def everywhere(self) -> bool:
        """Whether it is limited to no building."""
        return not self.sites and not self.groups

    def covers(self, site: str) -> bool:
        """Whether the site is among those of the grant, its groups apart (``resolved``)."""
        return self.everywhere or site in self.sites

    def resolved(self, members: Mapping[str, frozenset[str]]) -> Grant:
        """The grant with the sites of its groups among its sites.

        The groups stay: a group that has no building any more permits nothing.
        """
        found = frozenset[str]().union(*(members.get(name, frozenset()) for name in self.groups))
        return replace(self, sites=self.sites | found)


LONGEST = 20_000
"""Characters [1] of a grant."""


def grants_of(text: str) -> tuple[Grant, ...]:
    """Grants as they are kept of a person or a session. Raises ``ConfigError``."""
    return tuple(Grant.of(part) for part in text.split(";") if part)


def grants_text(grants: tuple[Grant, ...]) -> str:
    """How grants are kept."""
    return ";".join(grant.text for grant in grants)
