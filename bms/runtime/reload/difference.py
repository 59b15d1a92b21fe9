"""What differs between the sites that run and those of the files now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bms.errors import Mistake
from bms.model.assets.site import Site
from bms.model.control.lease import Lease


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids of sites, each in one of the four."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @classmethod
    def between(cls, old: Mapping[str, Site], new: Mapping[str, Site]) -> Difference:
        """What was added to ``old``, changed in it and removed from it."""
        both = old.keys() & new.keys()
        return cls(
            added=tuple(sorted(new.keys() - both)),
            changed=tuple(sorted(id_ for id_ in both if old[id_] != new[id_])),
            removed=tuple(sorted(old.keys() - both)),
            unchanged=tuple(sorted(id_ for id_ in both if old[id_] == new[id_])),
        )

    @property
    def touched(self) -> tuple[str, ...]:
        """The sites at which what runs is not what the files say."""
        return (*self.changed, *self.removed)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """what became of a request to take site files in."""

    difference: Difference | None
    """None where nothing was taken in: ``mistakes`` say why."""
    given_back: tuple[str, ...] = ()
    """Points that were held and are the building's own again."""
    still_held: tuple[str, ...] = ()
    """Points that could not be given back yet; the guard goes on."""
    mistakes: tuple[Mistake, ...] = ()
    """Of the files that are left out."""


def outdated_leases(leases: Iterable[Lease], new: Mapping[str, Site]) -> list[Lease]:
    """The leases of points that the sites of the files do not have, or have in another way."""
    return [lease for lease in leases if not _is_as_leased(lease, new)]


def _is_as_leased(lease: Lease, new: Mapping[str, Site]) -> bool:
    site = new.get(lease.point.site)
    if site is None:
        return False
    return lease.point in site.points and lease.device in site.devices
