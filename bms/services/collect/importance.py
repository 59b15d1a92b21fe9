"""Which readings are kept longest where there is too little room for those that wait on disk."""

from __future__ import annotations

from collections.abc import Iterable

from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Site
from bms.model.readings.spool import Importance

REGISTERS = frozenset({Role.METER_ENERGY, Role.METER_VOLUME})


def importance_of(point: Point) -> Importance:
    """Registers of meters first: bills and savings rest on them. Data about people last."""
    if point.meter is not None and point.role in REGISTERS:
        return Importance.REGISTER
    return Importance.PERSONAL if point.privacy is Privacy.PERSONAL else Importance.OTHER


def importances(sites: Iterable[Site]) -> dict[str, Importance]:
    """By point id; a point that is in no site file is ``OTHER``."""
    return {point.id: importance_of(point) for site in sites for point in site.points}
