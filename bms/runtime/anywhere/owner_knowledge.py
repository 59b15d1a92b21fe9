"""What only the owner of a site knows and a plan has to: it goes with the order of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride
from bms.runtime.city import City
from bms.services.collect.device_times import DeviceTimes, LeastTimes
from bms.services.planning.ports import PlanningPorts


@dataclass(frozen=True, slots=True)
class OwnerKnowledge:
    """Of one site: what its journal has, and what its devices told. Implements ``HeldPlaces``."""

    leases: tuple[Lease, ...] = ()
    overrides: tuple[LocalOverride, ...] = ()
    least_times: Mapping[str, LeastTimes] = field(default_factory=dict)

    def leases_of(self, site: str) -> dict[str, Lease]:
        """See ``HeldPlaces``."""
        return {lease.point.id: lease for lease in self.leases if lease.point.site == site}

    def local_overrides(self) -> dict[str, LocalOverride]:
        """See ``HeldPlaces``."""
        return {each.point: each for each in self.overrides}


def knowledge_of(city: City, site: Site) -> str:
    """What this process knows of a site, as JSON. Raises ``GuardError``."""
    known = OwnerKnowledge(
        leases=tuple(city.journal.leases_of(site.id).values()),
        overrides=tuple(o for o in city.journal.local_overrides().values() if o.site == site.id),
        least_times={
            point.id: times
            for point in site.points
            if (times := city.device_times.of(point.id)) != LeastTimes()
        },
    )
    return to_json(known)


def with_knowledge(ports: PlanningPorts, known: str) -> PlanningPorts:
    """The ports of planning as the owner of the site has them; ours where nothing was sent along.

    Raises ``ValueError`` for what another version of the product sent.
    """
    if not known:
        return ports
    owner = from_json(OwnerKnowledge, known)
    return replace(ports, journal=owner, device_times=DeviceTimes.told(owner.least_times))
