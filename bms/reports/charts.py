"""The charts of page and reports: data in, an SVG text out. Words come from the caller."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.model.savings.objection import Verdict
from bms.model.savings.savings import SiteSavings
from bms.reports import svg
from bms.reports.svg import WIDTH, Frame, Map

Values = Sequence[float | None]

_LEGEND_Y = 22.0
_SWATCH = 24.0
_LETTER = 7.3
"""Mean width of a letter [px]; the words of a legend have to be placed without measuring them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandLabels:
    """Words of ``band_chart``. ``language`` is ``da`` or ``en`` (dates and numbers)."""

    language: str
    title: str
    description: str
    temperature: str
    band: str
    setpoint: str
    forecast: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarLabels:
    """Words of ``savings_bars``; ``names`` turns building ids into names."""

    language: str
    title: str
    description: str
    interval: str
    unknown: str
    verdicts: Mapping[Verdict, str]
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyLabels:
    """Words of ``energy_chart``; ``unit`` stands above the axis."""

    language: str
    title: str
    description: str
    measured: str
    baseline: str
    less: str
    more: str
    unit: str = "kWh"


def band_chart(
    times: Sequence[datetime],
    temp: Values,
    low: Values,
    high: Values,
    setpoint: Values,
    forecast: Values,
    labels: BandLabels,
    now: datetime,
    *,
    timezone: str = "Europe/Copenhagen",
) -> str:
    """Temperatures of a zone [degC] against its occupied band, with the setpoints to come.

    All series have the length of ``times`` (aware, start of each interval). ``low`` and ``high``
    are None outside occupancy; None or NaN anywhere is a gap, never bridged.
    """
    frame = Frame(48, 52, WIDTH - 18, 294)
    edges = svg.edges_of(times)
    ticks = _temperature_ticks([*temp, *low, *high, *setpoint, *forecast])
    x = svg.linear(edges[0], edges[-1], frame.left, frame.right)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    xs = [x(edge) for edge in edges]
    band_low, band_high = _mapped(low, y), _mapped(high, y)
    body = [
        *_y_axis(frame, ticks, y, "°C", labels.language),
        *_x_axis(frame, edges, x, timezone, labels.language),
        svg.path(svg.between(xs, band_low, band_high), "area f-band"),
        svg.path(svg.steps(xs, band_low), "l-band"),
        svg.path(svg.steps(xs, band_high), "l-band"),
        svg.path(svg.steps(xs, _mapped(setpoint, y)), "l-plan mid"),
        svg.path(svg.line(zip(xs, _mapped(forecast, y), strict=False)), "l-measured mid dash"),
        svg.path(svg.line(zip(xs, _mapped(temp, y), strict=False)), "l-measured thick"),
        *_now(frame, now, edges, x, labels.now),
        *_legend(
            frame.left,
            [
                (_line_swatch("l-measured thick"), labels.temperature),
                (_line_swatch("l-measured mid dash"), labels.forecast),
                (_line_swatch("l-plan mid"), labels.setpoint),
                (_box_swatch("area f-band", "hollow l-band"), labels.band),
            ],
        ),
    ]
    return svg.sheet(labels.title, labels.description, frame.bottom + 34, body)


def energy_chart(
    times: Sequence[datetime],
    measured: Values,
    adjusted_baseline: Values,
    labels: EnergyLabels,
    *,
    timezone: str = "Europe/Copenhagen",
) -> str:
    """Measured use against the adjusted baseline, per interval of ``times`` (aware starts).

    Between the two lies what was saved, or what was used beyond the baseline. None is a gap.
    """
    frame = Frame(64, 52, WIDTH - 18, 294)
    edges = svg.edges_of(times)
    values = [v for v in (*measured, *adjusted_baseline) if v is not None and math.isfinite(v)]
    ticks = svg.nice_ticks(min([0.0, *values]), max([1e-3, *values]))
    x = svg.linear(edges[0], edges[-1], frame.left, frame.right)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    xs = [x(edge) for edge in edges]
    use, base = _mapped(measured, y), _mapped(adjusted_baseline, y)
    below, above = _parted(use, base)
    body = [
        *_y_axis(frame, ticks, y, labels.unit, labels.language),
        *_x_axis(frame, edges, x, timezone, labels.language),
        svg.path(svg.between(xs, below, base), "wash f-band"),
        svg.path(svg.between(xs, base, above), "wash f-more"),
        svg.path(svg.steps(xs, base), "l-text mid dash"),
        svg.path(svg.steps(xs, use), "l-measured thick"),
        *_legend(
            frame.left,
            [
                (_line_swatch("l-measured thick"), labels.measured),
                (_line_swatch("l-text mid dash"), labels.baseline),
                (_box_swatch("wash f-band"), labels.less),
                (_box_swatch("wash f-more"), labels.more),
            ],
        ),
    ]
    return svg.sheet(labels.title, labels.description, frame.bottom + 34, body)


def savings_bars(rows: Sequence[SiteSavings], labels: BarLabels) -> str:
    """Saving per building [kWh] with its interval and verdict; bars grow from the zero line."""
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
            svg.text(
                x(tick), frame.bottom + 18, svg.number(tick, labels.language), anchor="middle"
            ),
        )
    ]
    for i, row in enumerate(rows):
        body += _bar(row, frame, frame.top + row_px * (i + 0.5), x, labels)
    body += _legend(frame.left, _bar_legend(labels))
    return svg.sheet(labels.title, labels.description, frame.bottom + 30, body)


_BAR_CLASS = {
    Verdict.VERIFIED: "bar f-band l-band",
    Verdict.INDICATIVE: "bar hatch l-band",
    Verdict.NOT_CLAIMABLE: "bar hollow l-quiet",
}


def _bar(row: SiteSavings, frame: Frame, y: float, x: Map, labels: BarLabels) -> list[str]:
    name = labels.names.get(row.id, row.id)
    verdict = labels.verdicts.get(row.verdict, row.verdict.value)
    out = [svg.text(frame.left - 12, y + 4.5, name, cls="strong", anchor="end")]
    saving, low, high = row.saving_kwh, row.saving_low_kwh, row.saving_high_kwh
    if saving is None or low is None or high is None:
        return [*out, svg.text(frame.right + 14, y + 4.5, labels.unknown)]
    half = svg.number((high - low) / 2.0, labels.language)
    value = f"{svg.number(saving, labels.language)} ± {half} kWh"
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


def _bar_legend(labels: BarLabels) -> list[tuple[str, str]]:
    boxes = [(_box_swatch(_BAR_CLASS[v]), labels.verdicts.get(v, v.value)) for v in Verdict]
    whisker = (
        svg.rule(0, -4, _SWATCH, -4, "l-text mid")
        + svg.rule(0, -9, 0, 1, "l-text mid")
        + svg.rule(_SWATCH, -9, _SWATCH, 1, "l-text mid")
    )
    return [*boxes, (whisker, labels.interval)]


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


def _y_axis(frame: Frame, ticks: list[float], y: Map, unit: str, language: str) -> list[str]:
    step = ticks[1] - ticks[0]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    out = []
    for tick in ticks:
        label = svg.number(tick, language, decimals)
        out.append(svg.rule(frame.left, y(tick), frame.right, y(tick), "grid"))
        out.append(svg.text(frame.left - 8, y(tick) + 4.5, label, anchor="end"))
    place = (frame.left - 8, "end") if len(unit) <= 4 else (6.0, "start")
    return [*out, svg.text(place[0], frame.top - 11, unit, cls="strong", anchor=place[1])]


def _x_axis(frame: Frame, edges: list[float], x: Map, timezone: str, language: str) -> list[str]:
    out = [svg.rule(frame.left, frame.bottom, frame.right, frame.bottom, "axis")]
    free = 0.0
    for stamp, label in svg.time_ticks(edges[0], edges[-1], ZoneInfo(timezone), language):
        at, half = x(stamp), _LETTER * len(label) / 2.0
        out.append(svg.rule(at, frame.top, at, frame.bottom, "grid"))
        out.append(svg.rule(at, frame.bottom, at, frame.bottom + 5, "axis"))
        if at - half >= free and at + half <= WIDTH:
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


def _legend(left: float, items: Sequence[tuple[str, str]]) -> list[str]:
    """Swatches with their words in one row, from ``left`` or from where they still fit."""
    widths = [_SWATCH + 7 + _LETTER * len(words) + 16 for _, words in items]
    at = min(left, max(8.0, WIDTH - sum(widths)))
    out = []
    for width, (swatch, words) in zip(widths, items, strict=True):
        out.append(svg.group((swatch, svg.text(_SWATCH + 7, 0, words)), at=(at, _LEGEND_Y)))
        at += width
    return out
