"""A plan as pictures, one below the other for its zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from bms.reports import svg
from bms.reports.svg import WIDTH, Frame
from bms.reports.text import ChartText

Values = Sequence[float | None]
ZONE_PX = 330.0
TOP_PX, ROOM_PX, HEAT_PX, GAP_PX = 44.0, 150.0, 60.0, 26.0
LEFT_PX, RIGHT_PX = 56.0, WIDTH - 56.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonePlan:
    """One zone over the steps that begin at ``times``: the band, the room as planned and under the
    building's own control, the setpoint and that of own control, all in the unit [temp]; its heat
    [kW], the price of heat [DKK/kWh], and whether people are in. ``changes`` are the moments at
    which the setpoint changes, with the reason in words."""

    name: str
    times: Sequence[datetime]
    low: Values
    high: Values
    room: Values
    own_room: Values
    setpoint: Values
    own_setpoint: Values
    heat_kw: Values
    price: Values
    occupied: Sequence[bool]
    changes: Sequence[tuple[datetime, str]] = ()


def plan_chart(zones: Sequence[ZonePlan], text: ChartText) -> str:
    """Returns the zones below each other as one SVG."""
    body = [part for i, zone in enumerate(zones) for part in _zone(zone, ZONE_PX * i, text)]
    height = ZONE_PX * max(1, len(zones)) + 30.0
    legend = _legend(height - 12.0, text)
    return svg.sheet(text.title, text.description, height, [*body, *legend])


def _zone(zone: ZonePlan, top: float, text: ChartText) -> list[str]:
    edges = svg.edges_of(zone.times)
    x = svg.linear(edges[0], edges[-1], LEFT_PX, RIGHT_PX)
    at = [x(edge) for edge in edges]
    upper = Frame(LEFT_PX, top + TOP_PX, RIGHT_PX, top + TOP_PX + ROOM_PX)
    lower = Frame(LEFT_PX, upper.bottom + GAP_PX, RIGHT_PX, upper.bottom + GAP_PX + HEAT_PX)
    ticks = svg.time_ticks(edges[0], edges[-1], text)
    hours = [
        part
        for moment, label in ticks
        for part in (
            svg.rule(x(moment), upper.top, x(moment), lower.bottom, "grid"),
            svg.text(x(moment), lower.bottom + 16, label, anchor="middle"),
        )
    ]
    head = svg.text(LEFT_PX, top + 30, zone.name, cls="strong")
    return [
        head,
        *hours,
        *_room(zone, at, upper, text),
        *_heat(zone, at, lower, text),
        *(_mark(x(moment.timestamp()), upper.top, why) for moment, why in zone.changes),
    ]


def _mark(x: float, top: float, why: str) -> str:
    """A mark above the picture, which says why the setpoint changes below it."""
    dot = svg.path(f"M{x:.1f} {top - 12:.1f}l4 8h-8Z", "f-plan")
    return f'<g role="img"><title>{escape(why)}</title>{dot}</g>'


def _room(zone: ZonePlan, at: list[float], frame: Frame, text: ChartText) -> list[str]:
    """Band, own control, plan and people, with the axis of temperature."""
    shown = (zone.low, zone.high, zone.room, zone.own_room, zone.setpoint, zone.own_setpoint)
    ticks = _ticks(shown, 4)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)

    def up(values: Values) -> list[float | None]:
        return [None if v is None else y(v) for v in values]

    people = [frame.bottom if used else None for used in zone.occupied]
    return [
        *_axis(frame, ticks, text),
        svg.path(svg.between(at, up(zone.low), up(zone.high)), "area f-band"),
        svg.path(svg.steps(at, up(zone.own_setpoint)), "l-quiet dots"),
        svg.path(svg.line(zip(at, up(zone.own_room), strict=False)), "l-quiet dash"),
        svg.path(svg.steps(at, up(zone.setpoint)), "l-plan mid"),
        svg.path(svg.line(zip(at, up(zone.room), strict=False)), "l-measured thick"),
        svg.path(svg.steps(at, people), "l-text thick"),
    ]


def _heat(zone: ZonePlan, at: list[float], frame: Frame, text: ChartText) -> list[str]:
    """Heat [kW] as an area and its price as a line on its own scale."""
    ticks = _ticks((zone.heat_kw, (0.0,)), 2)
    prices = [v for v in zone.price if v is not None]
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    dear = svg.linear(min([0.0, *prices]), max([1e-9, *prices]), frame.bottom, frame.top)
    zero: list[float | None] = [None if v is None else frame.bottom for v in zone.heat_kw]
    heat = [None if v is None else y(v) for v in zone.heat_kw]
    price = [None if v is None else dear(v) for v in zone.price]
    return [
        *_axis(frame, ticks, text),
        svg.path(svg.between(at, zero, heat), "wash f-plan"),
        svg.path(svg.steps(at, price), "l-more mid"),
    ]


def _ticks(rows: Sequence[Values], about: int) -> list[float]:
    known = [v for row in rows for v in row if v is not None]
    return svg.nice_ticks(min(known), max(known), about) if known else [0.0, 1.0]


def _axis(frame: Frame, ticks: list[float], text: ChartText) -> list[str]:
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    decimals = 0 if ticks[1] - ticks[0] >= 1 else 1
    return [
        part
        for tick in ticks
        for part in (
            svg.rule(frame.left, y(tick), frame.right, y(tick), "grid"),
            svg.text(
                frame.left - 8, y(tick) + 4, text.translator.number(tick, decimals), anchor="end"
            ),
        )
    ]


def _legend(top: float, text: ChartText) -> list[str]:
    rows = (
        ("area f-band", text.word("band")),
        ("l-measured thick", text.word("forecast")),
        ("l-quiet dash", text.word("own_control")),
        ("l-plan mid", text.word("setpoint")),
        ("wash f-plan", text.word("planned_heat_kw")),
        ("l-more mid", text.word("price")),
        ("l-text thick", text.word("people_in")),
    )
    out, left = [], LEFT_PX
    for classes, word in rows:
        swatch = "M0 -4H18V4H0Z" if "f-" in classes else "M0 0H18"
        out.append(svg.group([svg.path(swatch, classes)], at=(left, top - 4)))
        out.append(svg.text(left + 23, top, word))
        left += 34 + 7.0 * len(word)
    return out
