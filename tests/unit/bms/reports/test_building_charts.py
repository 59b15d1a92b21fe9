"""Charts of a building's pages: what is drawn, and that a phone gets as much of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from bms.messages import translator
from bms.reports.building_charts import (
    HistorySeries,
    PlannedRow,
    PlannedStep,
    SignatureSeason,
    history_chart,
    signature_chart,
    timeline_chart,
)
from bms.reports.svg import NARROW, WIDTH
from bms.reports.text import ChartText

NS = {"s": "http://www.w3.org/2000/svg"}
START = datetime(2026, 1, 12, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = ChartText(
    title="A <chart>", description="of it", translator=translator("da", "Europe/Copenhagen")
)
BOTH = pytest.mark.parametrize("width", [WIDTH, NARROW])


def parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)


def words(drawn: str) -> list[str]:
    return [each.text or "" for each in parsed(drawn).iter("{http://www.w3.org/2000/svg}text")]


def inside(drawn: str, width: float) -> bool:
    """Whether every box and text lies within the sheet."""
    places = [float(e.get("x", "0")) for e in parsed(drawn).iter() if e.get("x") is not None]
    return all(0 <= x <= width for x in places)


def step(first: int, last: int, label: str, level: float = 1.0) -> PlannedStep:
    return PlannedStep(
        start=START + first * HOUR,
        end=START + last * HOUR,
        level=level,
        label=label,
        why="brugen slutter",
    )


@BOTH
def test_a_value_to_come_has_its_reason_under_the_pointer(width: float) -> None:
    rows = [PlannedRow(name="Hal", steps=[step(-2, 10, "21,0 °C"), step(10, 40, "18 °C", 0.0)])]
    drawn = timeline_chart(rows, START, START + 24 * HOUR, TEXT, width)
    titles = [e.text for e in parsed(drawn).iterfind(".//s:g/s:title", NS)]
    assert titles == ["Hal: 21,0 °C. brugen slutter", "Hal: 18 °C. brugen slutter"]
    assert {"Hal", "21,0 °C"} <= set(words(drawn))
    assert inside(drawn, width)


@BOTH
def test_seasons_are_told_apart_by_form_as_well(width: float) -> None:
    seasons = [SignatureSeason(name=f"{y}", temp_c=[0, 5], kwh=[90, 50]) for y in range(2020, 2026)]
    drawn = signature_chart(seasons, TEXT, width)
    shown = [each for each in words(drawn) if each.startswith("20")]
    assert shown == ["2025", "2024", "2023", "2022"], "the newest four, the newest first"
    assert "hollow l-plan" in drawn
    assert "f-measured" in drawn
    assert inside(drawn, width)


@BOTH
def test_history_leaves_gaps_open(width: float) -> None:
    times = [START + i * HOUR for i in range(5)]
    series = [
        HistorySeries(name="nu", values=[20.0, 21.0, None, 22.0, 23.0]),
        HistorySeries(name="før", values=[None] * 5),
    ]
    drawn = history_chart(times, series, "°C", TEXT, width)
    lines = [e.get("d", "") for e in parsed(drawn).iterfind(".//s:path", NS)]
    assert [line.count("M") for line in lines] == [2]
    assert {"nu", "før", "°C"} <= set(words(drawn))
    assert inside(drawn, width)


def test_a_narrow_chart_may_shrink_and_a_broad_one_scrolls() -> None:
    assert 'class="bms-chart"' in history_chart([START], [], "", TEXT, NARROW)
    assert 'class="bms-chart broad"' in history_chart([START], [], "", TEXT, WIDTH)
