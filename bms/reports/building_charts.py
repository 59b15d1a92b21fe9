"""Charts of a building's pages: setpoints to come, the energy signature, and history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from bms.reports import svg
from bms.reports.charts import x_axis, y_axis
from bms.reports.svg import Frame, edges_of
from bms.reports.text import ChartText

Values = Sequence[float | None]

ROW_PX = 46.0
LETTER_PX = 7.3
LINES = ("l-measured thick", "l-plan mid", "l-band mid", "l-more mid dash")
"""Of four series, in their order."""
MARKS = ("measured", "plan", "band", "more")
MOST_SEASONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One value from ``start`` to ``end``; ``level`` 0..1 is where it lies between the lowest and
    the highest of its row, ``label`` the value in words, ``why`` the reason of the change."""

    start: datetime
    end: datetime
    level: float
    label: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    name: str
    steps: Sequence[PlannedStep]


def timeline_chart(
    rows: Sequence[PlannedRow],
    start: datetime,
    end: datetime,
    text: ChartText,
    width: float = svg.WIDTH,
) -> str:
    """Coming values of points, one below the other on one time axis."""
    frame = Frame(8, 12, width - 8, 12 + ROW_PX * max(1, len(rows)))
    edges = [start.timestamp(), end.timestamp()]
    x = svg.linear(edges[0], edges[1], frame.left, frame.right)
    body = x_axis(frame, edges, x, text, width)
    for i, row in enumerate(rows):
        top = frame.top + ROW_PX * i
        body.append(svg.text(frame.left, top + 12, row.name, cls="strong halo"))
        body += [_planned(step, row.name, top, edges, x) for step in row.steps]
    return svg.sheet(text.title, text.description, frame.bottom + 34, body, width)


def _planned(step: PlannedStep, name: str, top: float, edges: list[float], x: svg.Map) -> str:
    """One value as a box, with its words where there is room."""
    ends = (step.start.timestamp(), step.end.timestamp())
    left, right = (x(min(max(each, edges[0]), edges[1])) for each in ends)
    shade = "wash" if step.level > 0.66 else "area" if step.level > 0.33 else "faint"
    parts = [
        svg.rect(left, top + 18, max(right - left - 1, 1), 22, f"{shade} f-plan"),
        svg.rule(left, top + 18, left, top + 40, "l-plan mid"),
    ]
    if right - left > LETTER_PX * len(step.label) + 6:
        parts.append(svg.text(left + 4, top + 33, step.label, cls="halo"))
    return svg.group(parts, title=f"{name}: {step.label}. {step.why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureSeason:
    """Days of one heating season: mean outdoor temperature [degC] and use [kWh/d] of each."""

    name: str
    temp_c: Sequence[float]
    kwh: Sequence[float]


def signature_chart(
    seasons: Sequence[SignatureSeason], text: ChartText, width: float = svg.WIDTH
) -> str:
    """Use a day over outdoor temperature, the newest season filled, with another sign for each."""
    frame = Frame(52, 40, width - 14, 250)
    shown = seasons[-MOST_SEASONS:]
    temps = [v for season in shown for v in season.temp_c]
    uses = [v for season in shown for v in season.kwh]
    x_ticks = svg.nice_ticks(min(temps, default=0.0), max(temps, default=1.0), 6)
    y_ticks = svg.nice_ticks(0.0, max(uses, default=1.0), 4)
    x = svg.linear(x_ticks[0], x_ticks[-1], frame.left, frame.right)
    y = svg.linear(y_ticks[0], y_ticks[-1], frame.bottom, frame.top)
    body = y_axis(frame, y_ticks, y, "kWh", text)
    for tick in x_ticks:
        label = text.translator.number(tick)
        body.append(svg.text(x(tick), frame.bottom + 20, label, anchor="middle"))
    body.append(svg.text(frame.right, frame.bottom + 38, text.word("outdoor_axis"), anchor="end"))
    at = frame.left
    for i, season in enumerate(reversed(shown)):
        dots = (
            _mark(i, x(temp), y(use)) for temp, use in zip(season.temp_c, season.kwh, strict=True)
        )
        body.append(svg.group(dots, title=season.name))
        body += [_mark(i, at + 6, 18.0), svg.text(at + 16, 22.5, season.name)]
        at += 30 + LETTER_PX * len(season.name)
    return svg.sheet(text.title, text.description, frame.bottom + 46, body, width)


def _mark(season: int, x: float, y: float) -> str:
    """A sign that is told apart by its form, too."""
    colour = MARKS[season % len(MARKS)]
    if season == 0:
        return svg.disc(x, y, 3.0, f"f-{colour}")
    if season == 1:
        return svg.disc(x, y, 3.0, f"hollow l-{colour}")
    if season == 2:
        return svg.path(f"M{x - 3:.1f} {y:.1f}h6M{x:.1f} {y - 3:.1f}v6", f"l-{colour}")
    return svg.path(f"M{x - 3:.1f} {y + 3:.1f}l3 -6l3 6z", f"l-{colour}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySeries:
    """Values on the grid of the chart; None is a gap."""

    name: str
    values: Values


def history_chart(
    times: Sequence[datetime],
    series: Sequence[HistorySeries],
    unit: str,
    text: ChartText,
    width: float = svg.WIDTH,
) -> str:
    """At most four series [unit] on one axis, named above it in their order."""
    frame = Frame(56, 16 + 20 * len(series), width - 12, 236 + 20 * len(series))
    edges = edges_of(times)
    known = [v for row in series for v in row.values if v is not None and math.isfinite(v)]
    ticks = svg.nice_ticks(min(known, default=0.0), max(known, default=1.0), 5)
    x = svg.linear(edges[0], edges[-1], frame.left, frame.right)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    body = [*y_axis(frame, ticks, y, unit, text), *x_axis(frame, edges, x, text, width)]
    xs = [x((a + b) / 2) for a, b in pairwise(edges)]
    for i, row in enumerate(series):
        ys = [None if v is None or not math.isfinite(v) else y(v) for v in row.values]
        body.append(svg.path(svg.line(zip(xs, ys, strict=False)), LINES[i]))
        body.append(svg.rule(frame.left, 14 + 20 * i, frame.left + 24, 14 + 20 * i, LINES[i]))
        body.append(svg.text(frame.left + 32, 18.5 + 20 * i, row.name))
    return svg.sheet(text.title, text.description, frame.bottom + 30, body, width)
