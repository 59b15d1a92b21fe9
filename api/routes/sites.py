"""What is there: sites and their points with the newest reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from fastapi import APIRouter

from api.deps import Cursor, Limit, PortsDep, Reader, SiteDep
from api.ports import ApiPorts
from api.schemas.base import FactAnswer
from api.schemas.sites import (
    DeviceAnswer,
    DeviceHealthAnswer,
    DeviceHealthRow,
    DevicePage,
    HandsOffAnswer,
    LocalOverrideAnswer,
    MeterAnswer,
    OverrideAnswer,
    PointAnswer,
    PointPage,
    SiteAnswer,
    SitePage,
    SiteRow,
    TrialAnswer,
    VentilationAnswer,
    ZoneAnswer,
    at_building,
)
from bms.model.assets.device import Device
from bms.model.assets.site import Site
from bms.ports.drivers import DeviceHealth
from bms.services.effective_control import LOOK_BACK, controlled_points
from bms.services.modes.gate import stepped_back
from bms.services.site_lookup import mode_in_force

router = APIRouter(prefix="/sites", tags=["sites"])
T = TypeVar("T")


def page(
    rows: Sequence[T], id_of: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[list[T], str | None]:
    """Rows after ``cursor`` in the order of their ids, and the cursor of the next page."""
    ordered = sorted(rows, key=id_of)
    after = [row for row in ordered if cursor is None or id_of(row) > cursor]
    return after[:limit], id_of(after[limit - 1]) if len(after) > limit else None


def _row(ports: ApiPorts, site: Site) -> SiteRow:
    return SiteRow(
        id=site.id,
        name_da=site.name_da,
        name_en=site.name_en,
        use=site.use,
        area_m2=site.area_m2,
        timezone=site.timezone,
        mode=mode_in_force(site, ports.control.decisions),
    )


@router.get("")
def sites(ports: PortsDep, key: Reader, limit: Limit = 100, cursor: Cursor = None) -> SitePage:
    """Every site, in the order of their ids."""
    rows, after = page(list(ports.sites.values()), lambda site: site.id, limit, cursor)
    return SitePage(sites=[_row(ports, site) for site in rows], next=after)


@router.get("/{site_id}")
def site(ports: PortsDep, key: Reader, site: SiteDep) -> SiteAnswer:
    """One site: its zones, ventilation, meters, devices and the overrides in force."""
    now = ports.clock.now()
    overrides = ports.control.decisions.overrides(site.id, now)
    local = at_building(site.id, ports.control.journal)
    went_back = stepped_back(site.id, ports.control.trust)
    return SiteAnswer(
        **_row(ports, site).model_dump(),
        latitude=site.latitude,
        longitude=site.longitude,
        heat_source=site.heat_source,
        power=site.power,
        zones=[ZoneAnswer.model_validate(zone) for zone in site.zones],
        ventilation=[VentilationAnswer.model_validate(unit) for unit in site.ventilation],
        meters=[MeterAnswer.model_validate(meter) for meter in site.meters],
        devices=[DeviceAnswer.model_validate(device) for device in site.devices],
        overrides=[OverrideAnswer.of(known, local) for known in overrides],
        local_overrides=[LocalOverrideAnswer.model_validate(each) for each in local],
        hands_off=HandsOffAnswer.standing(ports.control.hands_off, ports.clock.reading(), site.id),
        went_back=None if went_back is None else FactAnswer.of(went_back),
        trial=TrialAnswer.of(ports.control.trials.trials(site.id), now),
    )


@router.get("/{site_id}/points")
def points(
    ports: PortsDep, key: Reader, site: SiteDep, limit: Limit = 500, cursor: Cursor = None
) -> PointPage:
    """The points of a site with their newest reading; that of a point of the class ``personal`` is
    for keys that may operate."""
    rows, after = page(site.points, lambda point: point.id, limit, cursor)
    latest = ports.planning.readings.latest([point.id for point in rows if key.may_see(point)])
    now = ports.clock.now()
    receipts = ports.control.ledgers.receipts(site.id, now - LOOK_BACK)
    ours = controlled_points(receipts, now)
    answers = [PointAnswer.of(p, latest.get(p.id), controlled=p.id in ours) for p in rows]
    return PointPage(points=answers, next=after)


@router.get("/{site_id}/devices")
def devices(
    ports: PortsDep, key: Reader, site: SiteDep, limit: Limit = 100, cursor: Cursor = None
) -> DevicePage:
    """The devices of a site and how they have been doing since this process began to ask them."""
    rows, after = page(site.devices, lambda device: device.id, limit, cursor)
    health = ports.control.drivers.health()
    return DevicePage(devices=[_with_health(device, health) for device in rows], next=after)


def _with_health(device: Device, known: Mapping[str, DeviceHealth]) -> DeviceHealthRow:
    health = known.get(device.id)
    return DeviceHealthRow(
        id=device.id,
        protocol=device.protocol,
        health=None if health is None else DeviceHealthAnswer.of(health),
    )
