"""Hand readings that waited on disk to the database."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bms.errors import StoreError
from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Site
from bms.model.readings.measurement import Ingested
from bms.model.readings.spool import Importance
from bms.ports.storage.readings import Forwarding
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)


async def forward(forwarding: Forwarding) -> Ingested:
    """What became of those that waited; a database that refuses is logged, and they wait on."""
    try:
        return await off_loop(forwarding.forward)
    except StoreError as error:
        log.error("readings that wait on disk cannot be handed on: %s", error)
        return Ingested(waiting=sum(forwarding.state().waiting.values()))


REGISTERS = frozenset({Role.METER_ENERGY, Role.METER_VOLUME})


def importance_of(point: Point) -> Importance:
    """Registers of meters first: bills and savings rest on them. Data about people last."""
    if point.meter is not None and point.role in REGISTERS:
        return Importance.REGISTER
    return Importance.PERSONAL if point.privacy is Privacy.PERSONAL else Importance.OTHER


def importances(sites: Iterable[Site]) -> dict[str, Importance]:
    """By point id; a point that is in no site file is ``OTHER``."""
    return {point.id: importance_of(point) for site in sites for point in site.points}
