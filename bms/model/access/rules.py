"""Groups of buildings, and what the groups of a sign-in provider come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bms.model.access.grant import Grant
from bms.model.assets.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules:
    """``groups`` are buildings by the name of their group; ``grants`` are what each group of the
    provider of sign-ins may."""

    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)

    def members(self, sites: Iterable[Site]) -> Mapping[str, frozenset[str]]:
        """The buildings of each group; every use of buildings is a group of its name, too."""
        found = defaultdict[str, set[str]](set)
        for site in sites:
            found[site.use].add(site.id)
        for name, members in self.groups.items():
            found[name] |= members
        return {name: frozenset(members) for name, members in found.items()}

    def of_claims(self, claimed: Iterable[str]) -> tuple[Grant, ...]:
        """What somebody of these groups of the provider may, each once."""
        found = (grant for name in claimed for grant in self.grants.get(name, ()))
        return tuple(dict.fromkeys(found))
