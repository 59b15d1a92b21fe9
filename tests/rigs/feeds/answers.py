"""Answers of providers, made up to fit a question: numbers that one can work out by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.rigs.feeds.server import Asked

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


def told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def dmi_forecast(
    start: datetime, hours: int, *, kelvin: float = 280.0, watt: float = 100.0
) -> bytes:
    """Steady: ``hours`` + 1 moments from ``start``, radiation summed up from there."""
    moments = [start + HOUR * i for i in range(hours + 1)]
    return json.dumps(
        {
            "type": "Coverage",
            "domain": {"axes": {"t": {"values": [f"{told(at)}.000Z" for at in moments]}}},
            "ranges": {
                "temperature-2m": {"values": [kelvin] * len(moments)},
                "global-radiation-flux": {"values": [watt * 3600 * i for i in range(len(moments))]},
            },
        }
    ).encode()


def metno_forecast(
    start: datetime, hours: int, *, celsius: float = 5.0, cloud: float = 100.0, step: int = 1
) -> bytes:
    rows = [
        {
            "time": f"{told(start + HOUR * i)}Z",
            "data": {
                "instant": {"details": {"air_temperature": celsius, "cloud_area_fraction": cloud}}
            },
        }
        for i in range(0, hours + 1, step)
    ]
    meta = {"updated_at": f"{told(start)}Z"}
    return json.dumps({"properties": {"meta": meta, "timeseries": rows}}).encode()


def observations(asked: Asked) -> bytes:
    """Whatever is asked for: the hour of the day [degC], or ten times that [W/m2]; every hour of
    the range, at a station 11 km to the north and at one further away."""
    parameter = asked.query["parameterId"]
    since, until = (
        datetime.fromisoformat(text.replace("Z", "+00:00"))
        for text in asked.query["datetime"].split("/")
    )
    first = since.replace(minute=0, second=0) + (HOUR if since.minute or since.second else 0 * HOUR)
    times = [first + HOUR * i for i in range(int((until - first) / HOUR) + 1)]
    stations = {"06074": 56.26, "06070": 56.46}
    wanted = [asked.query["stationId"]] if "stationId" in asked.query else list(stations)
    scale = 1.0 if parameter == "temp_mean_past1h" else 10.0
    features = [
        {
            "geometry": {"type": "Point", "coordinates": [10.2, stations[station]]},
            "properties": {
                "parameterId": parameter,
                "stationId": station,
                "observed": f"{told(at)}Z",
                "value": scale * (at - HOUR).hour,
            },
        }
        for station in wanted
        for at in times
    ]
    return json.dumps({"features": features, "numberReturned": len(features), "links": []}).encode()


def prices(asked: Asked, *, last: datetime | None = None) -> bytes:
    """All quarters that are asked for, up to ``last``: 1000 times the hour of the day (UTC)
    [DKK/MWh] in DK1, and one more in DK2; in EUR at 7.5."""
    since, until = (_asked_for(asked.query[name]) for name in ("start", "end"))
    rows = [
        {
            "TimeUTC": told(at),
            "PriceArea": area,
            "DayAheadPriceDKK": 1000.0 * at.hour + more,
            "DayAheadPriceEUR": (1000.0 * at.hour + more) / 7.5,
        }
        for at in _range(since, min(until, last or until), QUARTER)
        for area, more in (("DK1", 0.0), ("DK2", 1.0))
    ]
    return envelope(rows)


def elspot(asked: Asked) -> bytes:
    since, until = (_asked_for(asked.query[name]) for name in ("start", "end"))
    rows = [
        {
            "HourUTC": told(at),
            "PriceArea": area,
            "SpotPriceDKK": 2000.0 + at.hour,
            "SpotPriceEUR": (2000.0 + at.hour) / 7.5,
        }
        for at in _range(since, until, HOUR)
        for area in ("DK1", "DK2")
    ]
    return envelope(rows)


def emissions(asked: Asked, *, last: datetime | None = None, gram: float = 10.0) -> bytes:
    """``gram`` times the hour of the day (UTC) [g/kWh] every five minutes up to ``last``."""
    since, until = (_asked_for(asked.query[name]) for name in ("start", "end"))
    rows = [
        {"Minutes5UTC": told(at), "PriceArea": area, "CO2Emission": gram * at.hour}
        for at in _range(since, min(until, last or until), timedelta(minutes=5))
        for area in ("DK1", "DK2")
    ]
    return envelope(rows)


def envelope(rows: list[dict[str, object]], total: int | None = None) -> bytes:
    return json.dumps({"total": len(rows) if total is None else total, "records": rows}).encode()


def _asked_for(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _range(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    return [start + step * i for i in range(max(0, -((start - end) // step)))]
