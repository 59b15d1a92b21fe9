"""Charts: valid, honest about gaps, readable in light and dark."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.messages import translator
from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.objection import Verdict
from bms.reports import svg
from bms.reports.charts import ZoneCourse, band_chart, energy_chart, savings_bars
from bms.reports.text import ChartText
from tests.rigs.fakes.objections import reasons_for

NS = {"s": "http://www.w3.org/2000/svg"}
NAN = float("nan")
SERIES = ("times", "temp", "low", "high", "setpoint", "forecast")
START = datetime(2019, 1, 15, 23, tzinfo=UTC)
BAND = ChartText(
    title="Rådhus <nord>",
    description="Temperatur & bånd",
    translator=translator("da", "Europe/Copenhagen"),
)
ENERGY = ChartText(
    title="Heat", description="Heat per day", translator=translator("en", "Europe/Copenhagen")
)
BARS = ChartText(title="Besparelse", description="Pr. bygning", translator=translator("da"))


def total(name, saving, half, verdict):
    known = saving is not None
    return SiteSavings(
        id=name,
        meters=(),
        adjusted_baseline_kwh=20000.0,
        measured_kwh=20000.0 - saving if known else None,
        saving_kwh=saving,
        saving_low_kwh=saving - half if known else None,
        saving_high_kwh=saving + half if known else None,
        confidence=0.9,
        reasons=reasons_for(verdict),
    )


def band(temp, now=START + timedelta(hours=3), low=None, high=None):
    n = len(temp)
    times = [START + timedelta(hours=i) for i in range(n)]
    zone = ZoneCourse(
        times=times,
        temp=temp,
        low=[20.0] * n if low is None else low,
        high=[24.0] * n if high is None else high,
        setpoint=[21.0] * n,
        forecast=[None] * n,
    )
    return band_chart(zone, BAND, now)


def parsed(chart):
    return ET.fromstring(chart)


def words(chart):
    return [t.text for t in parsed(chart).iterfind(".//s:text", NS)]


def paths(chart, name):
    found = parsed(chart).iterfind(".//s:path", NS)
    return [p.get("d") for p in found if name in p.get("class").split()]


def all_charts():
    times = [START + timedelta(days=i) for i in range(5)]
    return [
        band([20.0, 21.0, NAN, None, 22.0, 21.0]),
        energy_chart(times, [5.0, None, 7.0, NAN, 3.0], [6.0, 6.0, 6.0, 6.0, None], ENERGY),
        savings_bars(
            [
                total("townhall", 4310.0, 2600.0, Verdict.VERIFIED),
                total("school", -350.0, 1900.0, Verdict.NOT_CLAIMABLE),
                total("hall", None, None, Verdict.NOT_CLAIMABLE),
            ],
            BARS,
            {"townhall": "Rådhuset"},
        ),
    ]


@pytest.mark.parametrize("chart", all_charts(), ids=["band", "energy", "bars"])
def test_charts_are_accessible_and_self_contained(chart):
    root = parsed(chart)
    title, desc = root.find("s:title", NS), root.find("s:desc", NS)
    assert title.text
    assert desc.text
    assert root.get("role") == "img"
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    assert "nan" not in chart.lower()
    assert "None" not in chart
    assert "<script" not in chart
    assert re.findall(r"https?://[^\"]+", chart) == ["http://www.w3.org/2000/svg"]


def test_text_stays_above_eleven_pixels_where_charts_are_smallest():
    assert svg.FONT_PX * svg.SMALLEST_PX / svg.WIDTH >= 11.0


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [svg.LIGHT, svg.DARK], ids=["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(palette):
    """WCAG 2.2: 4.5:1 for text (1.4.3), 3:1 for lines (1.4.11)."""
    paper = luminance(palette["paper"])
    for name in palette.keys() - {"paper"}:
        darker, lighter = sorted((paper, luminance(palette[name])))
        contrast = (lighter + 0.05) / (darker + 0.05)
        assert contrast >= (4.5 if name == "text" else 3.0), name


def test_a_line_breaks_where_values_are_missing():
    (line,) = paths(band([20.0, 21.0, None, NAN, 22.0, 21.0]), "thick")
    assert line.count("M") == 2
    assert line.count("L") == 2


def test_the_band_is_drawn_only_where_there_is_one():
    temp = [20.0] * 6
    chart = band(temp, low=[None, 20, 20, None, 20, None], high=[None, 24, 24, None, 24, None])
    (area,) = paths(chart, "area")
    assert area.count("Z") == 2


def test_words_are_those_of_the_language():
    shown = words(band([20.0] * 6))
    assert {"nu", "°C"} <= set(shown), "its lines are named beside the charts"
    assert parsed(band([20.0] * 6)).find("s:title", NS).text == "Rådhus <nord>"


def test_now_is_left_out_when_it_is_not_in_the_picture():
    assert "nu" not in words(band([20.0] * 6, now=START + timedelta(days=9)))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (18.2, 23.9, [18.0, 20.0, 22.0, 24.0]),
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-350.0, 6910.0, [-2000.0, 0.0, 2000.0, 4000.0, 6000.0, 8000.0]),
        (5.0, 5.0, [4.0, 4.5, 5.0, 5.5, 6.0]),
    ],
)
def test_ticks_are_round_and_cover_the_values(low, high, ticks):
    assert svg.nice_ticks(low, high) == ticks


def test_bars_show_value_interval_and_verdict_and_start_at_zero():
    chart = all_charts()[2]
    assert {"Rådhuset", "4.310 ± 2.600 kWh", "Dokumenteret", "−350 ± 1.900 kWh"} <= set(
        words(chart)
    )
    assert words(chart).count("Ikke opgjort") == 1
    bars = [r for r in parsed(chart).iterfind(".//s:rect", NS) if r.get("height") == "24.0"]
    assert len(bars) == 2
    gain, loss = bars
    zero = float(gain.get("x"))
    assert float(loss.get("x")) + float(loss.get("width")) == pytest.approx(zero, abs=0.2)
    assert float(gain.get("width")) > float(loss.get("width"))


def test_a_bar_whose_interval_lies_off_its_value_names_both_ends():
    row = replace(total("a", 1000.0, 300.0, Verdict.VERIFIED), saving_low_kwh=200.0)
    assert "1.000 (200 til 1.300) kWh" in words(savings_bars([row], BARS))


def test_energy_shades_savings_and_losses_apart():
    times = [START + timedelta(days=i) for i in range(3)]
    chart = energy_chart(times, [5.0, 8.0, None], [6.0, 6.0, 6.0], ENERGY)
    saved, beyond = paths(chart, "wash")
    heights = [{round(float(y), 1) for y in re.findall(r" (\d+\.\d)", d)} for d in (saved, beyond)]
    assert all(len(h) == 2 for h in heights)  # the baseline and the measured use beside it
    assert min(heights[0]) == max(heights[1])  # they meet at the baseline


def test_empty_charts_still_draw():
    for chart in (
        band_chart(ZoneCourse(**dict.fromkeys(SERIES, ())), BAND, START),
        energy_chart([], [], [], ENERGY),
        savings_bars([], BARS),
    ):
        assert parsed(chart).find("s:title", NS) is not None
