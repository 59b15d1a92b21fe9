"""Devices that are silent, and points and meters without values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from bms.model.assets.address import SupplierAddress
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.epoch import from_micros
from bms.model.fact import MessageCode, Moment, fact
from bms.model.readings.measurement import Reading
from bms.model.work.finding import Severity
from bms.model.work.item import Cause, WorkKind, cause_key
from bms.services.work.life import Look
from bms.services.work.ports import WorkPorts

SILENT = timedelta(hours=1)
POINT_MISSING = timedelta(days=1)
METER_MISSING = timedelta(days=3)
"""Suppliers deliver once a day, and miss a day or two."""
BACK = timedelta(days=35)
"""How far back a last good value is looked for."""
LOOKED_AT = 3
"""Points of a silent device whose last good value is looked for [1]."""
KINDS = frozenset({WorkKind.DEVICE_SILENT, WorkKind.DATA_MISSING})


class DataCode(MessageCode):
    """What is missing, and what to look for."""

    DEVICE_SILENT = "work_device_silent"
    SITE_SILENT = "work_site_silent"
    CITY_SILENT = "work_city_silent"
    POINT_MISSING = "work_point_missing"
    METER_MISSING = "work_meter_missing"
    LOOK_AT_DEVICE = "look_at_silent_device"
    LOOK_AT_NETWORK = "look_at_silent_site"
    LOOK_AT_OURSELVES = "look_at_silent_city"
    LOOK_AT_POINT = "look_at_missing_point"
    LOOK_AT_SUPPLIER = "look_at_missing_meter"


def data_look(site: Site, now: datetime, ports: WorkPorts) -> Look:
    """Silent devices with their points, and points and meters that give no values."""
    latest = ports.readings.latest([point.id for point in site.points])
    polled: dict[str, list[Point]] = defaultdict(list)
    for point in site.points:
        if point.device and not isinstance(point.address, SupplierAddress):
            polled[point.device].append(point)
    silent = {
        device: _last_good(points[:LOOKED_AT], latest, now, ports)
        for device, points in polled.items()
        if not any(_is_fresh(point, latest.get(point.id), now, ports) for point in points)
    }
    ports.silent[site.id] = bool(silent) and len(silent) == len(polled)
    causes = (
        *_silent_devices(site, silent, len(polled), now),
        *_missing_points(site, polled, silent, latest, ports, now),
        *_missing_meters(site, latest, now),
    )
    return Look(causes=causes, kinds=KINDS)


def _is_fresh(point: Point, reading: Reading | None, now: datetime, ports: WorkPorts) -> bool:
    """Whether the newest reading of a point is good and not older than three polls."""
    if reading is None or reading.good_value is None:
        return False
    return now - reading.time <= max(3 * ports.poll, timedelta(seconds=3 * point.interval_s))


def _last_good(
    points: Sequence[Point], latest: Mapping[str, Reading], now: datetime, ports: WorkPorts
) -> datetime:
    """When one of the points last had a good value; as far back as was looked where none had."""
    found = now - BACK
    for point in points:
        reading = latest.get(point.id)
        if reading is not None and reading.good_value is not None:
            found = max(found, reading.time)
            continue
        times, _ = ports.readings.good(point.id, found, now)
        if times.size:
            found = max(found, from_micros(int(times[-1])))
    return found


def _silent_devices(
    site: Site, silent: Mapping[str, datetime], devices: int, now: datetime
) -> Iterator[Cause]:
    every = len(silent) == devices and devices > 1
    if every:
        since = max(silent.values())
        yield Cause(
            kind=WorkKind.DEVICE_SILENT,
            site=site.id,
            subject=site.id,
            what=fact(DataCode.SITE_SILENT, count=devices, since=Moment(since)),
            look_for=fact(DataCode.LOOK_AT_NETWORK),
            since=since,
            severity=Severity.HIGH,
            delay=SILENT,
            clears=SILENT / 2,
        )
    root = cause_key(WorkKind.DEVICE_SILENT, site.id, site.id) if every else None
    for device, since in silent.items():
        yield Cause(
            kind=WorkKind.DEVICE_SILENT,
            site=site.id,
            subject=device,
            what=fact(
                DataCode.DEVICE_SILENT, device=device.rpartition("/")[2], since=Moment(since)
            ),
            look_for=fact(DataCode.LOOK_AT_DEVICE),
            since=since,
            severity=Severity.MEDIUM,
            delay=SILENT,
            clears=SILENT / 2,
            root=root,
        )


def _missing_points(
    site: Site,
    polled: Mapping[str, Sequence[Point]],
    silent: Mapping[str, datetime],
    latest: Mapping[str, Reading],
    ports: WorkPorts,
    now: datetime,
) -> Iterator[Cause]:
    for device, points in polled.items():
        for point in points:
            if _is_fresh(point, latest.get(point.id), now, ports):
                continue
            dead = device in silent
            since = silent[device] if dead else _last_good([point], latest, now, ports)
            root = cause_key(WorkKind.DEVICE_SILENT, site.id, device) if dead else None
            yield _missing(site, point, since, root)


def _missing(site: Site, point: Point, since: datetime, root: str | None) -> Cause:
    name = point.id.rpartition("/")[2]
    return Cause(
        kind=WorkKind.DATA_MISSING,
        site=site.id,
        subject=point.id,
        what=fact(DataCode.POINT_MISSING, point=name, since=Moment(since)),
        look_for=fact(DataCode.LOOK_AT_POINT),
        since=since,
        severity=Severity.LOW,
        delay=POINT_MISSING,
        clears=SILENT,
        root=root,
    )


def _missing_meters(site: Site, latest: Mapping[str, Reading], now: datetime) -> Iterator[Cause]:
    """Meters of suppliers that once told something and do no more."""
    for meter in site.meters:
        points = [
            p for p in site.points if p.meter == meter.id and isinstance(p.address, SupplierAddress)
        ]
        times = [latest[p.id].time for p in points if p.id in latest]
        if not times or now - max(times) < METER_MISSING:
            continue
        yield Cause(
            kind=WorkKind.DATA_MISSING,
            site=site.id,
            subject=f"{site.id}/{meter.id}",
            what=fact(DataCode.METER_MISSING, meter=meter.id, since=Moment(max(times))),
            look_for=fact(DataCode.LOOK_AT_SUPPLIER),
            since=max(times),
            severity=Severity.LOW,
            delay=METER_MISSING,
            clears=SILENT,
        )
