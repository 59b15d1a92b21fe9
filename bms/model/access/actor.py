"""Who asks, and what they may."""

from __future__ import annotations

from dataclasses import dataclass

from bms.model.access.grant import Grant, Permission
from bms.model.assets.address import SupplierAddress
from bms.model.assets.point import Point, Privacy


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person who has signed in, or a key. ``name`` is what stands in the audit; ``session`` is
    the id of the session, None where a key was sent with the request. Grants are resolved."""

    id: str
    name: str
    grants: tuple[Grant, ...]
    session: str | None = None

    def may(self, permission: Permission, site: str | None = None) -> bool:
        """Whether it is permitted at a site; without one, anywhere at all."""
        return any(
            permission in grant.permissions and (site is None or grant.covers(site))
            for grant in self.grants
        )

    def may_everywhere(self, permission: Permission) -> bool:
        """Whether it is permitted at every building, those to come included."""
        return any(permission in g.permissions and g.everywhere for g in self.grants)

    @property
    def may_read(self) -> bool:
        return self.may(Permission.VIEW)

    @property
    def may_operate(self) -> bool:
        return self.may(Permission.OPERATE)

    def may_see(self, point: Point) -> bool:
        """Whether readings of the point may be seen: personal ones are for those who operate."""
        personal = point.privacy is Privacy.PERSONAL
        return self.may(Permission.VIEW, point.site) and (
            not personal or self.may(Permission.VIEW_PERSONAL, point.site)
        )

    def may_fetch(self, device: str) -> bool:
        """Whether the schedule of a controller may be fetched: by its own key, or by who may fetch
        at its building."""
        site = device.partition("/")[0]
        return any(
            Permission.FETCH in grant.permissions
            and grant.covers(site)
            and grant.device in (None, device)
            for grant in self.grants
        )

    def may_push(self, point: Point) -> bool:
        """Whether readings of a point may be pushed: of a supplier's meter, at a building of the
        grant. What we read from a device takes no pushes: they would pass for what it says."""
        supplied = isinstance(point.address, SupplierAddress)
        return supplied and self.may(Permission.PUSH, point.site)
