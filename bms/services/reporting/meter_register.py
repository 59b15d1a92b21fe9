"""The register of meters: which there are, how they are read, and when they last told anything."""

from __future__ import annotations

from collections.abc import Iterator

from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import Meter, VirtualMeter
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.fact import Fact, fact
from bms.model.reporting.columns import Record, table_of
from bms.model.reporting.table import ReportTable
from bms.model.reporting.words import MethodFact, ReportFact, Sheet
from bms.services.consumption import measured_point
from bms.services.reporting.scope import Scope, name_of

COLUMNS = (
    *("building", "building_name", "address", "meter_id", "meter_number", "commodity", "billed"),
    *("direction", "behind", "point", "source", "unit", "interval_s", "multiplier"),
    *("register_max", "max_kw", "last_reading", "value"),
)
PRINTED = (
    *("building_name", "meter_id", "meter_number", "commodity", "billed", "unit"),
    *("last_reading", "value"),
)
EXCHANGES = ("building", "building_name", "meter_id", "exchanged_at", "final", "first_register")
METHOD = (fact(MethodFact.METERS),)
VIRTUAL = "virtual"


def register_tables(scope: Scope) -> tuple[tuple[ReportTable, ...], tuple[Fact, ...]]:
    """Every meter and virtual meter, and every exchange of one."""
    rows = list(_meters(scope))
    exchanges: list[Record] = [
        {
            "building": site.id,
            "building_name": name_of(site),
            "meter_id": f"{site.id}/{meter.id}",
            "exchanged_at": each.at,
            "final": each.final,
            "first_register": each.first,
        }
        for site in scope.sites
        for meter in site.meters
        for each in meter.exchanges
    ]
    tables = (
        table_of(Sheet.METERS, COLUMNS, rows, printed=PRINTED),
        table_of(Sheet.EXCHANGES, EXCHANGES, exchanges, printed=EXCHANGES[1:]),
    )
    return tables, (fact(ReportFact.METERS, meters=len(rows), buildings=len(scope.sites)),)


def _meters(scope: Scope) -> Iterator[Record]:
    readings = scope.cache.ports.readings
    for i, site in enumerate(scope.sites):
        points = {meter.id: measured_point(site, meter) for meter in site.meters}
        latest = readings.latest([point.id for point in points.values() if point is not None])
        for meter in site.meters:
            point = points[meter.id]
            reading = None if point is None else latest.get(point.id)
            yield {
                **_meter(site, meter, point),
                "last_reading": None if reading is None else reading.time,
                "value": None if reading is None else reading.value,
            }
        yield from (_virtual(site, meter) for meter in site.virtual_meters)
        scope.progress((i + 1) / len(scope.sites))


def _meter(site: Site, meter: Meter, point: Point | None) -> Record:
    return {
        "building": site.id,
        "building_name": name_of(site),
        "address": site.address,
        "meter_id": f"{site.id}/{meter.id}",
        "meter_number": meter.number,
        "commodity": meter.commodity.value,
        "billed": meter.billed,
        "direction": meter.direction.value,
        "behind": meter.behind,
        "multiplier": meter.multiplier,
        "register_max": meter.register_max,
        "max_kw": meter.max_kw,
        **({} if point is None else _point(point)),
    }


def _point(point: Point) -> Record:
    supplied = isinstance(point.address, SupplierAddress)
    return {
        "point": point.id,
        "source": "supplier" if supplied else point.device,
        "unit": point.unit.value,
        "interval_s": point.interval_s,
    }


def _virtual(site: Site, meter: VirtualMeter) -> Record:
    return {
        "building": site.id,
        "building_name": name_of(site),
        "address": site.address,
        "meter_id": f"{site.id}/{meter.id}",
        "commodity": meter.commodity.value,
        "billed": False,
        "direction": VIRTUAL,
        "source": " ".join(f"{factor:+g}*{name}" for name, factor in meter.terms),
    }
