"""Each folder of tests/cases/meters: what a meter told, and what has to become of it."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bms.metering.interval import interval_use
from bms.metering.local_days import local_day_edges
from bms.metering.quality import assess_quality
from bms.metering.register.use_per_step import register_use
from bms.metering.step_edges import from_micros, to_micros
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.metering import Consumption, MeterExchange
from bms.model.readings.units import Unit
from tests.rigs.metering import asked
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "meters"


def utc(moment: datetime) -> datetime:
    """YAML loses the zone of a UTC time stamp."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def readings_of(folder: Path) -> list[Reading]:
    with (folder / "input.csv").open(encoding="utf-8") as file:
        return [
            Reading(
                "site/meter",
                datetime.fromisoformat(row["time"]),
                float(row["value"]) if row["value"] else None,
                Quality.GOOD if row["value"] else Quality.NO_REPLY,
            )
            for row in csv.DictReader(file)
        ]


def period_of(meter: dict[str, Any]) -> dict[str, Any]:
    if "days" in meter:
        first, last = (date.fromisoformat(str(day)) for day in meter["days"])
        edges = local_day_edges(first, last, meter["timezone"])
        ends = from_micros(int(edges[0])), from_micros(int(edges[-1]))
        return {"start": ends[0], "end": ends[1], "step": timedelta(days=1), "edges": edges}
    step = timedelta(seconds=meter["step_s"])
    return {"start": utc(meter["start"]), "end": utc(meter["end"]), "step": step}


def consumption_of(meter: dict[str, Any], readings: list[Reading]) -> Consumption:
    times = np.array([to_micros(reading.time) for reading in readings], dtype=np.int64)
    values = np.array([np.nan if r.value is None else r.value for r in readings])
    told = {key: meter[key] for key in ("multiplier", "max_per_hour") if key in meter}
    told |= {"unit": Unit(meter["unit"])} | period_of(meter)
    if meter["kind"] == "interval":
        return interval_use(times, values, interval_s=meter["interval_s"], **asked(**told))
    exchanges = tuple(
        MeterExchange(at=utc(each["at"]), final=each["final"], first=each["first"])
        for each in meter.get("exchanges", ())
    )
    return register_use(
        times, values, maximum=meter.get("maximum"), exchanges=exchanges, **asked(**told)
    )


@pytest.mark.parametrize("folder", sorted(CASES.iterdir()), ids=lambda folder: folder.name)
def test_every_case_comes_out_as_it_has_to(folder: Path) -> None:
    meter = yaml.load((folder / "meter.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    readings = readings_of(folder)
    found = consumption_of(meter, readings)
    state = assess_quality(found, readings)

    assert [
        (event.flaw.value, event.fact.code, event.start, event.end) for event in found.events
    ] == [
        (e["flaw"], e["code"], datetime.fromisoformat(e["start"]), datetime.fromisoformat(e["end"]))
        for e in expected["events"]
    ]
    assert [event.amount for event in found.events] == [
        None if e["amount"] is None else pytest.approx(e["amount"], abs=1e-3)
        for e in expected["events"]
    ]
    if expected["total"] is None:
        assert found.total is None
    else:
        assert found.total == pytest.approx(expected["total"], abs=1e-3)
    if "use" in expected:
        assert found.use.values.tolist() == pytest.approx(expected["use"], abs=1e-3)
    known = found.use.values[np.isfinite(found.use.values)]
    assert len(found.use) - len(known) == expected["missing"] == state.missing
    assert known.min() >= 0
    assert known.max() < expected["largest_below"]
    assert state.verdict.code == expected["verdict"]
    if "silent_h" in expected:
        assert state.silent_for == timedelta(hours=expected["silent_h"])
    assert state.without_value == expected.get("without_value", 0)


def test_every_case_tells_its_story() -> None:
    for folder in CASES.iterdir():
        assert (folder / "README.md").read_text("utf-8").strip()
