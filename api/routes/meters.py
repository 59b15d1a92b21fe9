"""Meters: what there is, what they used, and how far their readings can be trusted."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from api.deps import METER_ID, Cursor, Limit, PortsDep, Reader, SiteDep
from api.ports import ApiPorts
from api.routes.sites import page
from api.schemas.meters import (
    ConsumptionAnswer,
    CoolingAnswer,
    MeterEventAnswer,
    MeterPage,
    MeterQualityAnswer,
    MeterRowAnswer,
    UseRow,
)
from api.schemas.sites import Latest
from bms.errors import ConfigError
from bms.metering.night_minimum import night_minimum
from bms.model.assets.equipment import Meter, VirtualMeter
from bms.model.assets.site import Site
from bms.model.readings.metering import Consumption
from bms.model.readings.units import Commodity
from bms.services.accounts.meter_quality import meter_quality
from bms.services.consumption import (
    all_meters,
    consumption,
    days,
    measured_point,
    meter_named,
    moments,
    months,
)
from bms.services.cooling import cooling
from bms.services.periods import local_date

router = APIRouter(prefix="/meters", tags=["meters"])

MOST_STEPS = 20_000
USUAL = timedelta(days=7)
MOST = timedelta(days=3 * 366)
STEPS = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1)}

MeterId = Annotated[str, Path(pattern=METER_ID, examples=["heat"])]
Start = Annotated[AwareDatetime | None, Query(description="default: 7 days before the end")]
End = Annotated[AwareDatetime | None, Query(description="exclusive; default: now")]
StepName = Annotated[
    Literal["15m", "1h", "1d", "1mo"],
    Query(description="1d: local days, of 23 and 25 hours as well; 1mo: local months"),
]


@router.get("")
def meters(ports: PortsDep, key: Reader, limit: Limit = 100, cursor: Cursor = None) -> MeterPage:
    """Every meter and virtual meter of every site, in the order of their ids."""
    rows = [
        (f"{site.id}/{meter.id}", site, meter)
        for site in ports.sites.values()
        for meter in all_meters(site)
    ]
    chosen, after = page(rows, lambda row: row[0], limit, cursor)
    return MeterPage(meters=_rows(ports, chosen), next=after)


@router.get("/{site_id}/{meter_id}/consumption")
def meter_consumption(
    ports: PortsDep,
    key: Reader,
    site: SiteDep,
    meter_id: MeterId,
    start: Start = None,
    end: End = None,
    step: StepName = "1h",
) -> ConsumptionAnswer:
    """Use per step from ``start`` to ``end``; what cannot be known is null, and an event says why.

    With `1d` every local day that the period touches is whole, with `1mo` every local month; a
    register that is read by the month counts from the readings nearest to its edges.
    """
    first, last = _period(start, end, ports.clock.now())
    if step == "1d":
        dates = _local_days(site, first, last)
        use = days(site, meter_id, ports.planning.readings, *dates)
    elif step == "1mo":
        use = months(site, meter_id, ports.planning.readings, *_local_days(site, first, last))
    else:
        if (last - first) / STEPS[step] > MOST_STEPS:
            raise ConfigError(f"more than {MOST_STEPS} steps; take a longer step or less time")
        use = consumption(site, meter_id, ports.planning.readings, first, last, STEPS[step])
    return _consumption(f"{site.id}/{meter_id}", use, step, site.timezone)


@router.get("/{site_id}/{meter_id}/quality")
def quality_of_meter(
    ports: PortsDep,
    key: Reader,
    site: SiteDep,
    meter_id: MeterId,
    start: Start = None,
    end: End = None,
) -> MeterQualityAnswer:
    """How far the readings of a meter can be trusted: what is missing, and all that happened."""
    first, last = _period(start, end, ports.clock.now())
    use, verdict = meter_quality(site, meter_id, ports.planning.readings, first, last)
    night = None
    if meter_named(site, meter_id).commodity is Commodity.WATER:
        hours = consumption(site, meter_id, ports.planning.readings, first, last, STEPS["1h"])
        night = night_minimum(hours.use, site.timezone)
    return MeterQualityAnswer.of(f"{site.id}/{meter_id}", use, verdict, site.timezone, night)


@router.get("/{site_id}/{meter_id}/cooling")
def cooling_of_meter(
    ports: PortsDep,
    key: Reader,
    site: SiteDep,
    meter_id: MeterId,
    start: Start = None,
    end: End = None,
) -> CoolingAnswer:
    """How far the building cools the water of a district heating meter, weighted by volume."""
    first, last = _period(start, end, ports.clock.now())
    found = cooling(site, meter_id, ports.planning.readings, first, last)
    return CoolingAnswer(
        id=f"{site.id}/{meter_id}",
        start=first,
        end=last,
        mean_k=found.mean,
        volume_m3=found.volume_m3,
        coverage=found.coverage,
        energy_ratio=found.energy_ratio,
    )


def _period(
    start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    last = (end or now).astimezone(UTC)
    first = (start or last - USUAL).astimezone(UTC)
    if not first < last:
        raise ConfigError(f"start {first.isoformat()} has to lie before end {last.isoformat()}")
    if last - first > MOST:
        raise ConfigError(f"start to end may be at most {MOST.days} days; ask in parts")
    return first, last


def _local_days(site: Site, start: datetime, end: datetime) -> tuple[date, date]:
    """The first and the last local day of a period."""
    return (
        local_date(start, site.timezone),
        local_date(end - timedelta(microseconds=1), site.timezone),
    )


def _rows(
    ports: ApiPorts, chosen: list[tuple[str, Site, Meter | VirtualMeter]]
) -> list[MeterRowAnswer]:
    points = {
        name: measured_point(site, meter) if isinstance(meter, Meter) else None
        for name, site, meter in chosen
    }
    latest = ports.planning.readings.latest(
        [point.id for point in points.values() if point is not None]
    )
    answers = []
    for name, site, meter in chosen:
        point = points[name]
        reading = latest.get(point.id) if point is not None else None
        answers.append(
            MeterRowAnswer(
                id=name,
                site=site.id,
                meter=meter.id,
                commodity=meter.commodity,
                billed=isinstance(meter, Meter) and meter.billed,
                direction=meter.direction if isinstance(meter, Meter) else None,
                virtual=isinstance(meter, VirtualMeter),
                number=meter.number if isinstance(meter, Meter) else None,
                unit=None if point is None else point.unit,
                point=None if point is None else point.id,
                latest=None if reading is None else Latest.model_validate(reading),
            )
        )
    return answers


def _consumption(name: str, use: Consumption, step: str, timezone: str) -> ConsumptionAnswer:
    edges = moments(use)
    return ConsumptionAnswer(
        id=name,
        unit=use.unit,
        start=edges[0],
        end=edges[-1],
        step=step,
        total=use.total,
        use=[
            UseRow(start=start, end=end, value=None if math.isnan(value) else value)
            for start, end, value in zip(
                edges[:-1], edges[1:], use.use.values.tolist(), strict=True
            )
        ],
        events=[
            MeterEventAnswer.model_validate(event, context={"timezone": timezone})
            for event in use.events
        ],
    )
