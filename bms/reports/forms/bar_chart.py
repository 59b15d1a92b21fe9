"""Bars as SVG for paper: their own colours, no style sheet, patterns beside the colours."""

from __future__ import annotations

from datetime import date
from html import escape

from bms.model.reporting.table import Bar, BarChart, BarKind
from bms.reports.forms.cells import ReportCells
from bms.reports.svg import Map, linear, nice_ticks

WIDTH = 760.0
LEFT, RIGHT, TOP = 190.0, 30.0, 8.0
ROW, BELOW = 22.0, 26.0
HEIGHT, LOW_LEFT = 250.0, 72.0
INK, QUIET, MORE, LESS, GRID = "#1d232b", "#5f6670", "#b3261e", "#2f7d4f", "#c9ced6"
HATCH = (
    '<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<path d="M-1 7L7 -1M-1 1L1 -1M5 7L7 5" stroke="{colour}" stroke-width="1.6"/></pattern>'
)
FONT = 'font-family="Libertinus Serif, serif" font-size="13"'
LONGEST_LABEL = 28
WIDEST = 60.0


def bar_chart(chart: BarChart, words: ReportCells) -> str:
    """The chart as SVG: months stand side by side, buildings one below the other."""
    over_time = bool(chart.bars) and isinstance(chart.bars[0].label, date)
    return _columns(chart, words) if over_time else _rows(chart, words)


def chart_in_words(chart: BarChart, words: ReportCells) -> str:
    """What the chart shows, for whoever does not see it."""
    rows = "; ".join(
        f"{label(bar, words)}: {words.translator.number(bar.value)}" for bar in chart.bars
    )
    return words.word(
        "chart_about", title=words.word(f"chart_{chart.code}"), unit=chart.unit, rows=rows
    )


def label(bar: Bar, words: ReportCells) -> str:
    """The name of a bar."""
    if isinstance(bar.label, date):
        return words.translator.month(bar.label, year=True)
    return bar.label.of(words.language)


def _ticks(chart: BarChart) -> list[float]:
    ends = [v for bar in chart.bars for v in (bar.value, bar.low, bar.high) if v is not None]
    return nice_ticks(min([0.0, *ends]), max([0.0, *ends]), 5)


def _rows(chart: BarChart, words: ReportCells) -> str:
    ticks = _ticks(chart)
    bottom = TOP + ROW * len(chart.bars)
    x = linear(ticks[0], ticks[-1], LEFT, WIDTH - RIGHT)
    body = []
    for tick in ticks:
        body.append(_line(x(tick), TOP, x(tick), bottom, QUIET if tick == 0 else GRID))
        body.append(_text(x(tick), bottom + 17, words.translator.number(tick), "middle"))
    for i, bar in enumerate(chart.bars):
        middle = TOP + ROW * (i + 0.5)
        name = label(bar, words)
        short = name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
        body.append(_text(LEFT - 8, middle + 4, short, "end"))
        if bar.value is None:
            continue
        start, end = sorted((x(0.0), x(bar.value)))
        body.append(_box(start, middle - 7, end - start, 14, bar))
        body += _whisker(bar, x, middle, upright=False)
    return _sheet(bottom + BELOW, body)


def _columns(chart: BarChart, words: ReportCells) -> str:
    ticks = _ticks(chart)
    bottom = TOP + HEIGHT
    y = linear(ticks[0], ticks[-1], bottom, TOP)
    step = (WIDTH - LOW_LEFT - RIGHT) / len(chart.bars)
    body = []
    for tick in ticks:
        body.append(_line(LOW_LEFT, y(tick), WIDTH - RIGHT, y(tick), QUIET if tick == 0 else GRID))
        body.append(_text(LOW_LEFT - 6, y(tick) + 4, words.translator.number(tick), "end"))
    every = -(-len(chart.bars) // 13)
    for i, bar in enumerate(chart.bars):
        middle = LOW_LEFT + step * (i + 0.5)
        if i % every == 0 and isinstance(bar.label, date):
            first = i == 0 or bar.label.month == 1
            body.append(_text(middle, bottom + 17, words.translator.month(bar.label), "middle"))
            body.append(_text(middle, bottom + 32, f"{bar.label:%Y}" if first else "", "middle"))
        if bar.value is None:
            continue
        top, low = sorted((y(0.0), y(bar.value)))
        half = min(0.32 * step, WIDEST / 2)
        body.append(_box(middle - half, top, 2 * half, low - top, bar))
        body += _whisker(bar, y, middle, upright=True)
    return _sheet(bottom + BELOW + 12, body)


def _whisker(bar: Bar, scale: Map, middle: float, *, upright: bool) -> list[str]:
    if bar.low is None or bar.high is None:
        return []
    a, b = scale(bar.low), scale(bar.high)
    if upright:
        ends = (
            (middle, a, middle, b),
            (middle - 4, a, middle + 4, a),
            (middle - 4, b, middle + 4, b),
        )
    else:
        ends = (
            (a, middle, b, middle),
            (a, middle - 4, a, middle + 4),
            (b, middle - 4, b, middle + 4),
        )
    return [_line(*each, INK) for each in ends]


def _box(x: float, y: float, width: float, height: float, bar: Bar) -> str:
    less = (bar.value or 0.0) >= 0
    fills = {
        BarKind.SOLID: LESS if less else MORE,
        BarKind.HATCHED: "url(#less)" if less else "url(#more)",
        BarKind.HOLLOW: "none",
    }
    colour = QUIET if bar.kind is BarKind.HOLLOW else LESS if less else MORE
    place = f'x="{x:.1f}" y="{y:.1f}"'
    size = f'width="{max(width, 0.1):.1f}" height="{max(height, 0.1):.1f}"'
    return f'<rect {place} {size} fill="{fills[bar.kind]}" stroke="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="{colour}"/>'


def _text(x: float, y: float, content: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}" {FONT}>{escape(content)}</text>'


def _sheet(height: float, body: list[str]) -> str:
    patterns = HATCH.format(name="less", colour=LESS) + HATCH.format(name="more", colour=MORE)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}"'
        f' width="{WIDTH:.0f}" height="{height:.0f}"><defs>{patterns}</defs>{"".join(body)}</svg>'
    )
