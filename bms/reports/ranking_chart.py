"""Buildings by a key figure as bars, each with its peers' median: data in, an SVG text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bms.reports import svg
from bms.reports.svg import WIDTH, Frame, Map
from bms.reports.text import ChartText

ROW_PX = 34.0
TOP_PX = 46.0
_SWATCH = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingBar:
    """A building: its name, value and the median of its peers in the unit of the chart, and the
    words behind its bar."""

    name: str
    value: float
    median: float | None
    beside: str


def ranking_bars(
    rows: Sequence[RankingBar], text: ChartText, *, unit: str, lowest_is_best: bool = True
) -> str:
    """A bar for each row [unit] in their order; a stroke across it is its peers' median."""
    frame = Frame(170, TOP_PX, WIDTH - 150, TOP_PX + ROW_PX * max(len(rows), 1))
    values = [v for row in rows for v in (row.value, row.median) if v is not None]
    ticks = svg.nice_ticks(0.0, max([1e-9, *values]), 5)
    x = svg.linear(ticks[0], ticks[-1], frame.left, frame.right)
    body = [*_axis(frame, ticks, x, unit, text)]
    for i, row in enumerate(rows):
        body += _bar(row, frame, frame.top + ROW_PX * (i + 0.5), x, lowest_is_best)
    return svg.sheet(
        text.title, text.description, frame.bottom + 30, [*body, *_legend(frame, text)]
    )


def _axis(frame: Frame, ticks: list[float], x: Map, unit: str, text: ChartText) -> list[str]:
    out = []
    step = ticks[1] - ticks[0]
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
    for tick in ticks:
        kind = "axis" if tick == 0 else "grid"
        out.append(svg.rule(x(tick), frame.top, x(tick), frame.bottom, kind))
        label = text.translator.number(tick, decimals)
        out.append(svg.text(x(tick), frame.bottom + 18, label, anchor="middle"))
    return [
        *out,
        svg.text(frame.left - 12, frame.bottom + 18, unit, cls="strong", anchor="end"),
    ]


def _bar(row: RankingBar, frame: Frame, y: float, x: Map, lowest_is_best: bool) -> list[str]:
    median = row.median
    worse = median is not None and (row.value > median) is lowest_is_best and row.value != median
    colour = "bar f-more l-more" if worse else "bar f-band l-band"
    drawing = [svg.rect(x(0.0), y - 9, max(x(row.value) - x(0.0), 0.5), 18, colour)]
    if median is not None:
        drawing.append(svg.rule(x(median), y - 14, x(median), y + 14, "l-text thick"))
    return [
        svg.text(frame.left - 12, y + 4.5, row.name, cls="strong", anchor="end"),
        svg.group(drawing, title=f"{row.name}: {row.beside}"),
        svg.text(frame.right + 14, y + 4.5, row.beside),
    ]


def _legend(frame: Frame, text: ChartText) -> list[str]:
    rows = (
        (svg.rect(0, -10, _SWATCH, 11, "bar f-band l-band"), text.word("better")),
        (svg.rect(0, -10, _SWATCH, 11, "bar f-more l-more"), text.word("worse")),
        (svg.rule(_SWATCH / 2, -13, _SWATCH / 2, 3, "l-text thick"), text.word("median")),
    )
    out, left = [], frame.left
    for swatch, words in rows:
        out.append(svg.group([swatch], at=(left, 22.0)))
        out.append(svg.text(left + _SWATCH + 7, 22.0, words))
        left += _SWATCH + 24 + 7.3 * len(words)
    return out
