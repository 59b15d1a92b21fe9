"""The past of a point, as it was read or on a regular grid."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.deps import FULL_ID, PortsDep, Reader, Tracer, ViewsDep
from api.ports import ApiPorts
from api.schemas.readings import ReadingRow, ReadingsAnswer
from api.schemas.trace import TraceAnswer
from bms.errors import ConfigError, NotFound
from bms.model.assets.point import Point
from bms.model.readings.measurement import Quality
from bms.model.readings.series import grid_length
from bms.ports.storage.readings import Fold
from bms.services.consumption import counts, point_use
from bms.services.evidence.trace import TracePorts, trace
from bms.services.site_lookup import site_named

router = APIRouter(prefix="/points", tags=["readings"])

MOST_ROWS = 20_000
MOST_DAYS = 366 * 3
DAY = timedelta(days=1)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
STEP = re.compile(r"([1-9][0-9]{0,5})([smhd])")

PointId = Annotated[str, Path(pattern=FULL_ID, examples=["school/gym.temp"])]
Step = Annotated[
    str | None,
    Query(pattern=f"^{STEP.pattern}$", description="grid, e.g. 15m, 1h, 1d (UTC)"),
]
Rows = Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows in this answer")]


def seen_point(ports: PortsDep, key: Reader, views: ViewsDep, point_id: PointId) -> Point:
    """The point of the path, which whoever asks may see; that they do is noted."""
    point = _point(ports, point_id)
    if not key.may_see(point):
        raise HTTPException(403, f"{point.id} is personal data; scope 'operate' may see it")
    views.note(key, point, ports.clock.now())
    return point


SeenPoint = Annotated[Point, Depends(seen_point)]


@router.get("/{point_id:path}/readings", response_model=ReadingsAnswer)
def readings(
    ports: PortsDep,
    point: SeenPoint,
    start: AwareDatetime | None = None,
    end: AwareDatetime | None = None,
    step: Step = None,
    fold: Fold | None = None,
    limit: Rows = MOST_ROWS,
) -> Response:
    """Readings from ``start`` up to ``end`` (exclusive; default: the last 24 hours).

    Without ``step`` as they were read, oldest first, each with its quality; ``next`` is the
    ``start`` of the page after. With ``step`` on a grid: means, for registers and amounts of
    meters the use per step; ``fold`` says otherwise. What is missing is null. Points of the class
    ``personal`` (presence, CO2) are for keys that may operate.
    """
    first, last = _span(start, end, ports.clock.now())
    if step is None:
        answer = _as_read(ports, point, first, last, limit)
    else:
        answer = _on_grid(ports, point, first, last, _step(step), fold)
    # written here: the framework would look at each of thousands of rows once more
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/{point_id:path}/trace")
def trace_point(
    ports: PortsDep, key: Tracer, point_id: PointId, at: AwareDatetime | None = None
) -> TraceAnswer:
    """The way from what stood at a point at a moment (default: now) back to its command, plan,
    problem, forecast and readings."""
    site = site_named(ports.sites, _point(ports, point_id).site)
    found = trace(
        site,
        point_id,
        at or ports.clock.now(),
        TracePorts(
            ledgers=ports.control.ledgers,
            plans=ports.control.plans,
            evidence=ports.evidence,
            readings=ports.planning.readings,
        ),
    )
    return TraceAnswer.of(found, site.timezone)


def _point(ports: ApiPorts, point_id: str) -> Point:
    site = ports.sites.get(point_id.split("/", 1)[0])
    point = next((p for p in site.points if p.id == point_id), None) if site else None
    if point is None:
        raise NotFound(f"no point {point_id!r}; /v1/sites/…/points lists those there are")
    return point


def _span(start: datetime | None, end: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    last = (end or now).astimezone(UTC)
    first = (start or last - DAY).astimezone(UTC)
    if not first < last:
        raise ConfigError(f"start {first.isoformat()} has to lie before end {last.isoformat()}")
    if last - first > DAY * MOST_DAYS:
        raise ConfigError(f"start to end may be at most {MOST_DAYS} days; ask in parts")
    return first, last


def _step(text: str) -> timedelta:
    found = STEP.fullmatch(text)
    assert found is not None
    return timedelta(seconds=int(found[1]) * SECONDS[found[2]])


def _as_read(
    ports: ApiPorts, point: Point, start: datetime, end: datetime, limit: int
) -> ReadingsAnswer:
    rows = ports.planning.readings.readings(point.id, start, end, most=limit + 1)
    return ReadingsAnswer(
        point=point.id,
        unit=point.unit,
        start=start,
        end=end,
        step_s=None,
        fold=None,
        readings=[ReadingRow(r.time, r.value, r.quality, r.detail) for r in rows[:limit]],
        next=rows[limit].time if len(rows) > limit else None,
    )


def _on_grid(
    ports: ApiPorts,
    point: Point,
    start: datetime,
    end: datetime,
    step: timedelta,
    fold: Fold | None,
) -> ReadingsAnswer:
    n = grid_length(start, end, step)
    if n > MOST_ROWS:
        raise ConfigError(f"{n} steps are more than {MOST_ROWS}; take a longer step or less time")
    counting = counts(point)
    way = fold or (Fold.DELTA if counting else Fold.MEAN)
    if counting and way is Fold.DELTA:
        series = point_use(
            site_named(ports.sites, point.site), point, ports.planning.readings, start, end, step
        ).use
    else:
        series = ports.planning.readings.series(point.id, start, end, step, way)
    return ReadingsAnswer(
        point=point.id,
        unit=point.unit,
        start=start,
        end=end,
        step_s=int(step.total_seconds()),
        fold=way,
        readings=[
            ReadingRow(time, None, Quality.ABSENT)
            if math.isnan(value)
            else ReadingRow(time, value, Quality.GOOD)
            for time, value in zip(series.times(), series.values.tolist(), strict=True)
        ],
        next=None,
    )
