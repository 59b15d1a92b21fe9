"""Which writable points may be written for a plan: those that were commissioned as they are now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact, Moment, fact
from bms.model.trust.commissioning import CommissionedPoint, declaration
from bms.ports.storage.trust import TrustStore

Flaws = Mapping[str, Fact]
"""Why points are not commissioned, by their id; the others are."""


class Commissioned(Protocol):
    """Knows which points are commissioned."""

    def flaws(self, sites: Collection[Site]) -> dict[str, Flaws]:
        """Why writable points of these sites are not commissioned. Raises ``StoreUnavailable``."""
        ...


class CommissionedPoints:
    """Implements ``Commissioned`` over the signed records, which hold for what the site file said
    of a point then. What a controller fetches it reports itself (clause W15)."""

    def __init__(self, trust: TrustStore) -> None:
        self._trust = trust
        self._declared: dict[str, tuple[Point, Device, str]] = {}

    def flaws(self, sites: Collection[Site]) -> dict[str, Flaws]:
        """See ``Commissioned``."""
        known = self._trust.commissioned([site.id for site in sites])
        return {site.id: dict(self._flaws(site, known[site.id])) for site in sites}

    def _flaws(self, site: Site, known: Mapping[str, CommissionedPoint]) -> list[tuple[str, Fact]]:
        devices = {device.id: device for device in site.devices}
        written = [
            point
            for point in site.points
            if point.write is not None and point.device and not devices[point.device].fetches
        ]
        found = ((p, self._flaw(p, devices[p.device], known.get(p.id))) for p in written)
        return [(point.id, flaw) for point, flaw in found if flaw is not None]

    def _flaw(self, point: Point, device: Device, known: CommissionedPoint | None) -> Fact | None:
        if known is None:
            return fact(RefusalReason.NOT_COMMISSIONED, point=point.id, site=point.site)
        code = RefusalReason.COMMISSIONING_STALE
        if not known.passed:
            code = RefusalReason.COMMISSIONING_FAILED
        elif known.declared == self._declaration(point, device):
            return None
        return fact(code, point=point.id, site=point.site, at=Moment(known.at))

    def _declaration(self, point: Point, device: Device) -> str:
        """``declaration``, made once for each point as it was loaded."""
        known = self._declared.get(point.id)
        if known is None or known[0] is not point or known[1] is not device:
            known = self._declared[point.id] = (point, device, declaration(point, device))
        return known[2]
