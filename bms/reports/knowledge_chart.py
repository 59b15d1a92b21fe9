"""What a plan knew: outdoor temperature with its fan, prices by steps, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from bms.reports import svg
from bms.reports.svg import WIDTH, Frame
from bms.reports.text import ChartText

Values = Sequence[float | None]
LEFT_PX, RIGHT_PX = 56.0, 16.0
TOP_PX, TEMP_PX, PRICE_PX, GAP_PX = 34.0, 150.0, 90.0, 34.0
EIGHTY = 1.2816
"""Standard deviations within which four of five errors lie (normal distribution)."""
WORD_PX, ROW_PX = 7.0, 20.0
LABEL_PX = 76.0
"""Room of the label of a day; hours between days get as much as their share of a wide chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownThen:
    """Values of the steps that begin at ``times``, in equal numbers: outdoor temperature as it was
    foreseen, its standard deviation, and as it came [degC]; the price that was reckoned with, and
    the one that is known now [DKK/kWh]. None is not known, or not come yet."""

    times: Sequence[datetime]
    temp_out_c: Values
    spread_k: Values
    came_c: Values
    price: Values
    price_now: Values


def knowledge_chart(known: KnownThen, text: ChartText, width: float = WIDTH) -> str:
    """Returns both as one SVG of ``width`` [px]."""
    edges = svg.edges_of(known.times)
    right = width - RIGHT_PX
    x = svg.linear(edges[0], edges[-1], LEFT_PX, right)
    upper = Frame(LEFT_PX, TOP_PX, right, TOP_PX + TEMP_PX)
    lower = Frame(LEFT_PX, upper.bottom + GAP_PX, right, upper.bottom + GAP_PX + PRICE_PX)
    at = [x(edge) for edge in edges]
    hours = [
        part
        for moment, label in svg.time_ticks(edges[0], edges[-1], text, (right - LEFT_PX) / LABEL_PX)
        for part in (
            svg.rule(x(moment), upper.top, x(moment), lower.bottom, "grid"),
            svg.text(x(moment), lower.bottom + 16, label, anchor="middle"),
        )
    ]
    body = [*hours, *_temperature(known, at, upper, text), *_prices(known, at, lower, text)]
    legend, height = _legend(lower.bottom + 42.0, right, text)
    return svg.sheet(text.title, text.description, height, [*body, *legend], width)


def _temperature(known: KnownThen, at: list[float], frame: Frame, text: ChartText) -> list[str]:
    spread = [*known.spread_k, *(None,) * len(known.times)][: len(known.times)]
    pairs = list(zip(known.temp_out_c, spread, strict=True))
    low, high = (
        [None if v is None or s is None else v + side * EIGHTY * s for v, s in pairs]
        for side in (-1.0, 1.0)
    )
    y, axis = _axis((known.temp_out_c, low, high, known.came_c), "°C", frame, text)
    middles = [(a + b) / 2 for a, b in pairwise(at)][: len(known.times)]
    return [
        *axis,
        svg.path(svg.between(at, _up(y, low), _up(y, high)), "area f-band"),
        svg.path(svg.line(zip(middles, _up(y, known.temp_out_c), strict=True)), "l-plan mid"),
        svg.path(svg.line(zip(middles, _up(y, known.came_c), strict=True)), "l-measured thick"),
    ]


def _prices(known: KnownThen, at: list[float], frame: Frame, text: ChartText) -> list[str]:
    y, axis = _axis((known.price, known.price_now, (0.0,)), "DKK/kWh", frame, text)
    return [
        *axis,
        svg.path(svg.steps(at, _up(y, known.price)), "l-plan mid"),
        svg.path(svg.steps(at, _up(y, known.price_now)), "l-measured thick dots"),
    ]


def _up(y: svg.Map, values: Values) -> list[float | None]:
    return [None if v is None else y(v) for v in values]


def _axis(
    rows: Sequence[Values], unit: str, frame: Frame, text: ChartText
) -> tuple[svg.Map, list[str]]:
    """The scale of a frame, and its lines, numbers and unit."""
    seen = [v for row in rows for v in row if v is not None]
    ticks = svg.nice_ticks(min(seen), max(seen), 4) if seen else [0.0, 1.0]
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    decimals = 0 if ticks[1] - ticks[0] >= 1 else 1
    parts = [svg.text(frame.left - 48, frame.top - 12, unit)]
    for tick in ticks:
        number = text.translator.number(tick, decimals)
        parts.append(svg.rule(frame.left, y(tick), frame.right, y(tick), "grid"))
        parts.append(svg.text(frame.left - 8, y(tick) + 4, number, anchor="end"))
    return y, parts


def _legend(top: float, right: float, text: ChartText) -> tuple[list[str], float]:
    """The legend in as many rows as it takes, and where it ends."""
    rows = (
        ("l-plan mid", text.word("known_then")),
        ("area f-band", text.word("four_of_five")),
        ("l-measured thick", text.word("what_came")),
    )
    out, left = [], LEFT_PX
    for classes, word in rows:
        wide = 34 + WORD_PX * len(word)
        if left > LEFT_PX and left + wide > right:
            left, top = LEFT_PX, top + ROW_PX
        swatch = "M0 -4H18V4H0Z" if "f-" in classes else "M0 0H18"
        out.append(svg.group([svg.path(swatch, classes)], at=(left, top - 4)))
        out.append(svg.text(left + 23, top, word))
        left += wide
    return out, top + 12.0
