"""The charts of page and reports: data in, an SVG text out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.savings.avoided_use import SiteSavings, is_lopsided
from bms.model.savings.objection import Verdict
from bms.model.work.finding import EvidenceSeries
from bms.reports import svg
from bms.reports.svg import NARROW, WIDTH, Frame, Map, edges_of, time_ticks
from bms.reports.text import ChartText

Values = Sequence[float | None]

_LEGEND_Y = 22.0
_SWATCH = 24.0
_LETTER = 7.3
"""Mean width of a letter [px]; the words of a legend have to be placed without measuring them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCourse:
    """Temperatures of a zone [degC], all of the length of ``times`` (aware interval starts).

    ``low`` and ``high`` are None outside occupancy; None or NaN anywhere is a gap.
    """

    times: Sequence[datetime]
    temp: Values
    low: Values
    high: Values
    setpoint: Values
    forecast: Values


def band_chart(zone: ZoneCourse, text: ChartText, now: datetime) -> str:
    """Temperatures of a zone against its occupied band, with the setpoints to come, as one of small
    multiples; their lines are named beside them.

    A gap is never bridged.
    """
    frame = Frame(40, 30, NARROW - 10, 176)
    edges = edges_of(zone.times)
    ticks = _temperature_ticks([*zone.temp, *zone.low, *zone.high, *zone.setpoint, *zone.forecast])
    x = svg.linear(edges[0], edges[-1], frame.left, frame.right)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    body = [
        *y_axis(frame, ticks, y, "°C", text),
        *x_axis(frame, edges, x, text, NARROW),
        *_zone_lines(zone, [x(edge) for edge in edges], y),
        *_now(frame, now, edges, x, text.word("now")),
    ]
    return svg.sheet(text.title, text.description, frame.bottom + 30, body, NARROW)


def _zone_lines(zone: ZoneCourse, xs: list[float], y: Map) -> list[str]:
    low, high = _mapped(zone.low, y), _mapped(zone.high, y)
    return [
        svg.path(svg.between(xs, low, high), "area f-band"),
        svg.path(svg.steps(xs, low), "l-band"),
        svg.path(svg.steps(xs, high), "l-band"),
        svg.path(svg.steps(xs, _mapped(zone.setpoint, y)), "l-plan mid"),
        svg.path(svg.line(zip(xs, _mapped(zone.forecast, y), strict=False)), "l-measured mid dash"),
        svg.path(svg.line(zip(xs, _mapped(zone.temp, y), strict=False)), "l-measured thick"),
    ]


def series_line(series: EvidenceSeries, text: ChartText) -> str:
    """One line of the picture of a finding, in its unit; a gap is never bridged."""
    frame = Frame(56, 34, WIDTH - 18, 200)
    step = timedelta(seconds=series.step_s)
    edges = edges_of([series.start + i * step for i in range(len(series.values))])
    known = [v for v in series.values if v is not None and math.isfinite(v)]
    ticks = svg.nice_ticks(min(known), max(known) + 1e-9, 4)
    x = svg.linear(edges[0], edges[-1], frame.left, frame.right)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    xs = [x(edge) for edge in edges]
    body = [
        *y_axis(frame, ticks, y, series.unit, text),
        *x_axis(frame, edges, x, text),
        svg.path(svg.steps(xs, _mapped(series.values, y)), "l-measured mid"),
    ]
    return svg.sheet(text.title, text.description, frame.bottom + 34, body)


def energy_chart(
    times: Sequence[datetime],
    measured: Values,
    adjusted_baseline: Values,
    text: ChartText,
    unit: str = "kWh",
    width: float = WIDTH,
) -> str:
    """Measured use [unit] against the adjusted baseline, per interval of ``times`` (aware starts).

    Between the two lies what was saved, or what was used beyond the baseline. None is a gap.
    """
    lower = 0 if width > svg.NARROW else 18  # the legend has two rows there
    frame = Frame(60, 60 + lower, width - 14, 280 + lower)
    edges = edges_of(times)
    values = [v for v in (*measured, *adjusted_baseline) if v is not None and math.isfinite(v)]
    ticks = svg.nice_ticks(min([0.0, *values]), max([1e-3, *values]))
    x = svg.linear(edges[0], edges[-1], frame.left, frame.right)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    xs = [x(edge) for edge in edges]
    use, base = _mapped(measured, y), _mapped(adjusted_baseline, y)
    below, above = _parted(use, base)
    body = [
        *y_axis(frame, ticks, y, unit, text),
        *x_axis(frame, edges, x, text, width),
        svg.path(svg.between(xs, below, base), "wash f-band"),
        svg.path(svg.between(xs, base, above), "wash f-more"),
        svg.path(svg.steps(xs, base), "l-text mid dash"),
        svg.path(svg.steps(xs, use), "l-measured thick"),
        *_legend(
            frame.left,
            [
                (_line_swatch("l-measured thick"), text.word("measured")),
                (_line_swatch("l-text mid dash"), text.word("baseline")),
                (_box_swatch("wash f-band"), text.word("less")),
                (_box_swatch("wash f-more"), text.word("more")),
            ],
            width,
        ),
    ]
    return svg.sheet(text.title, text.description, frame.bottom + 34, body, width)


def savings_bars(
    rows: Sequence[SiteSavings], text: ChartText, names: Mapping[str, str] | None = None
) -> str:
    """Saving per building [kWh] with its interval and verdict; bars grow from the zero line.

    ``names`` turns ids of buildings into names.
    """
    row_px, top = 46.0, 46.0
    frame = Frame(150, top, WIDTH - 186, top + row_px * max(len(rows), 1))
    bounds = [v for r in rows for v in (r.saving_low_kwh, r.saving_high_kwh) if v is not None]
    ticks = svg.nice_ticks(min([0.0, *bounds]), max([0.0, *bounds]), 5)
    x = svg.linear(ticks[0], ticks[-1], frame.left, frame.right)
    body = [
        part
        for tick in ticks
        for part in (
            svg.rule(x(tick), frame.top, x(tick), frame.bottom, "axis" if tick == 0 else "grid"),
            svg.text(x(tick), frame.bottom + 18, text.translator.number(tick), anchor="middle"),
        )
    ]
    for i, row in enumerate(rows):
        name = (names or {}).get(row.id, row.id)
        body += _bar(row, name, frame, frame.top + row_px * (i + 0.5), x, text)
    body += _legend(frame.left, _bar_legend(text))
    return svg.sheet(text.title, text.description, frame.bottom + 30, body)


_BAR_CLASS = {
    Verdict.VERIFIED: "bar f-band l-band",
    Verdict.INDICATIVE: "bar hatch l-band",
    Verdict.NOT_CLAIMABLE: "bar hollow l-quiet",
}


def _bar(row: SiteSavings, name: str, frame: Frame, y: float, x: Map, text: ChartText) -> list[str]:
    verdict = text.word(f"verdict_{row.verdict.value}")
    out = [svg.text(frame.left - 12, y + 4.5, name, cls="strong", anchor="end")]
    saving, low, high = row.saving_kwh, row.saving_low_kwh, row.saving_high_kwh
    if saving is None or low is None or high is None:
        return [*out, svg.text(frame.right + 14, y + 4.5, text.word("unknown"))]
    number = text.translator.number
    value = f"{number(saving)} {_spread(saving, low, high, text)} kWh"
    left, right = sorted((x(0.0), x(saving)))
    drawing = (
        svg.rect(left, y - 12, max(right - left, 0.5), 24, _BAR_CLASS[row.verdict]),
        svg.rule(x(low), y, x(high), y, "l-text mid"),
        svg.rule(x(low), y - 6, x(low), y + 6, "l-text mid"),
        svg.rule(x(high), y - 6, x(high), y + 6, "l-text mid"),
    )
    return [
        *out,
        svg.group(drawing, title=f"{name}: {value}, {verdict}"),
        svg.text(frame.right + 14, y - 3, value, cls="strong"),
        svg.text(frame.right + 14, y + 14, verdict),
    ]


def _spread(saving: float, low: float, high: float, text: ChartText) -> str:
    if is_lopsided(saving, low, high):
        return text.word("interval_ends", low=low, high=high)
    return f"± {text.translator.number((high - low) / 2.0)}"


def _bar_legend(text: ChartText) -> list[tuple[str, str]]:
    boxes = [(_box_swatch(_BAR_CLASS[v]), text.word(f"verdict_{v.value}")) for v in Verdict]
    whisker = (
        svg.rule(0, -4, _SWATCH, -4, "l-text mid")
        + svg.rule(0, -9, 0, 1, "l-text mid")
        + svg.rule(_SWATCH, -9, _SWATCH, 1, "l-text mid")
    )
    return [*boxes, (whisker, text.word("interval", confidence=0.9))]


def _temperature_ticks(values: Values) -> list[float]:
    """Ticks that cover the values with at least 4 K between the ends."""
    present = [v for v in values if v is not None and math.isfinite(v)]
    low, high = (min(present), max(present)) if present else (18.0, 24.0)
    missing = max(0.0, 4.0 - (high - low)) / 2.0
    return svg.nice_ticks(low - missing - 0.2, high + missing + 0.2)


def _mapped(values: Values, y: Map) -> list[float | None]:
    return [y(v) if v is not None and math.isfinite(v) else None for v in values]


def _parted(
    use: Sequence[float | None], base: Sequence[float | None]
) -> tuple[list[float | None], list[float | None]]:
    """Heights [px] of the use clipped to below and to above the baseline (px grow downwards)."""
    pairs = list(zip(use, base, strict=True))
    below = [None if u is None or b is None else max(u, b) for u, b in pairs]
    above = [None if u is None or b is None else min(u, b) for u, b in pairs]
    return below, above


def y_axis(frame: Frame, ticks: list[float], y: Map, unit: str, text: ChartText) -> list[str]:
    step = ticks[1] - ticks[0]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    out = []
    for tick in ticks:
        label = text.translator.number(tick, decimals)
        out.append(svg.rule(frame.left, y(tick), frame.right, y(tick), "grid"))
        out.append(svg.text(frame.left - 8, y(tick) + 4.5, label, anchor="end"))
    place = (frame.left - 8, "end") if len(unit) <= 4 else (6.0, "start")
    return [*out, svg.text(place[0], frame.top - 11, unit, cls="strong", anchor=place[1])]


def x_axis(
    frame: Frame, edges: list[float], x: Map, text: ChartText, width: float = WIDTH
) -> list[str]:
    """The axis of time with its ticks; fewer on a chart that is less wide."""
    out = [svg.rule(frame.left, frame.bottom, frame.right, frame.bottom, "axis")]
    free = 0.0
    for stamp, label in time_ticks(edges[0], edges[-1], text, 9.0 * width / WIDTH):
        at, half = x(stamp), _LETTER * len(label) / 2.0
        out.append(svg.rule(at, frame.top, at, frame.bottom, "grid"))
        out.append(svg.rule(at, frame.bottom, at, frame.bottom + 5, "axis"))
        if at - half >= free and at + half <= width:
            out.append(svg.text(at, frame.bottom + 21, label, anchor="middle"))
            free = at + half + 4
    return out


def _now(frame: Frame, now: datetime, edges: list[float], x: Map, word: str) -> list[str]:
    stamp = now.timestamp()
    if not edges[0] <= stamp <= edges[-1]:
        return []
    at = x(stamp)
    anchor = "end" if at > frame.right - 40 else "start"
    return [
        svg.rule(at, frame.top, at, frame.bottom, "l-text"),
        svg.text(
            at + (-6 if anchor == "end" else 6),
            frame.top + 13,
            word,
            cls="halo strong",
            anchor=anchor,
        ),
    ]


def _line_swatch(cls: str) -> str:
    return svg.rule(0, -4, _SWATCH, -4, cls)


def _box_swatch(*classes: str) -> str:
    return "".join(svg.rect(0, -10, _SWATCH, 12, cls) for cls in classes)


def _legend(left: float, items: Sequence[tuple[str, str]], width_px: float = WIDTH) -> list[str]:
    """Swatches with their words in one row, from ``left`` or from where they still fit; in two rows
    of two where they do not."""
    widths = [_SWATCH + 7 + _LETTER * len(words) + 16 for _, words in items]
    first = at = min(left, max(8.0, width_px - sum(widths)))
    y, out = _LEGEND_Y, []
    for width, (swatch, words) in zip(widths, items, strict=True):
        if at + width - 16 > width_px and at > first:
            at, y = first, y + 20.0
        out.append(svg.group((swatch, svg.text(_SWATCH + 7, 0, words)), at=(at, y)))
        at += width
    return out
