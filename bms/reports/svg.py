"""The drawing board of the charts: scales, ticks, paths and the sheet that holds them.

Charts are plain SVG that needs no script and no network. Colours are classes; the sheet carries
a light and a dark set, each at least 3:1 against its background for lines and 4.5:1 for text
(WCAG 2.2 AA), and follows ``prefers-color-scheme`` or a ``data-theme`` attribute on the page.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from html import escape
from itertools import pairwise

from bms.reports.text import ChartText

WIDTH = 760
NARROW = 380
"""Width of a chart [px] that a phone shows as it is, and a desk beside others."""
FONT_PX = 13
SMALLEST_PX = 660
"""Below this width [px] a chart scrolls instead of shrinking, so text stays above 11 px."""

Point = tuple[float, float]
Map = Callable[[float], float]

LIGHT = {
    "measured": "#0b5cad",
    "band": "#2f7d4f",
    "plan": "#a84300",
    "more": "#b3261e",
    "quiet": "#5f6670",
    "text": "#1d232b",
    "paper": "#ffffff",
}
DARK = {
    "measured": "#7cc0ff",
    "band": "#6fce95",
    "plan": "#ffb066",
    "more": "#ff9a90",
    "quiet": "#a3acb8",
    "text": "#e8ecf1",
    "paper": "#12161c",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """The plotting area inside the sheet [px]."""

    left: float
    top: float
    right: float
    bottom: float


def linear(low: float, high: float, start: float, end: float) -> Map:
    """The straight map of ``low``..``high`` onto ``start``..``end``."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers that cover ``low``..``high``: steps of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        low, high = (low - 1.0, low + 1.0) if math.isfinite(low) else (0.0, 1.0)
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def line(points: Iterable[tuple[float, float | None]]) -> str:
    """Path data of a line that breaks where a value is missing; one alone between gaps is a dot."""
    runs: list[list[str]] = [[]]
    for x, y in points:
        if y is None or not math.isfinite(y):
            runs.append([])
        else:
            runs[-1].append(f"{x:.1f} {y:.1f}")
    dot = "m-1 0h2"  # as long as a cap is wide: dashes have none
    return "".join(f"M{'L'.join(run)}{dot if len(run) == 1 else ''}" for run in runs if run)


def steps(edges: Sequence[float], ys: Sequence[float | None]) -> str:
    """Path data of a staircase: ``ys[i]`` from ``edges[i]`` to ``edges[i + 1]``."""
    points: list[tuple[float, float | None]] = []
    for i, y in enumerate(ys):
        points += [(edges[i], y), (edges[i + 1], y)]
    return line(points)


def between(
    edges: Sequence[float], lower: Sequence[float | None], upper: Sequence[float | None]
) -> str:
    """Path data of the area between two staircases, one closed piece per unbroken run."""
    pieces: list[str] = []
    top: list[Point] = []
    bottom: list[Point] = []
    for i, (a, b) in enumerate(zip(lower, upper, strict=True)):
        if a is None or b is None or not (math.isfinite(a) and math.isfinite(b)):
            pieces.append(_closed(top, bottom))
            top, bottom = [], []
            continue
        top += [(edges[i], b), (edges[i + 1], b)]
        bottom += [(edges[i], a), (edges[i + 1], a)]
    pieces.append(_closed(top, bottom))
    return "".join(pieces)


def _closed(top: list[Point], bottom: list[Point]) -> str:
    return line([*top, *reversed(bottom)]) + "Z" if top else ""


def text(x: float, y: float, content: str, *, cls: str = "", anchor: str = "start") -> str:
    """A text element; ``cls`` adds classes."""
    names = f' class="{cls}"' if cls else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{names}>{escape(content)}</text>'


def path(data: str, cls: str) -> str:
    return f'<path class="{cls}" d="{data}"/>' if data else ""


def rect(x: float, y: float, width: float, height: float, cls: str) -> str:
    """A box with softened corners."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{cls}" {place} rx="2"/>'


def disc(x: float, y: float, radius: float, cls: str) -> str:
    return f'<circle class="{cls}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def group(content: Iterable[str], *, title: str = "", at: Point | None = None) -> str:
    """Elements that belong together, with the words that stand when one points at them."""
    place = f' transform="translate({at[0]:.1f} {at[1]:.1f})"' if at else ""
    words = f"<title>{escape(title)}</title>" if title else ""
    return f"<g{place}>{words}{''.join(content)}</g>"


def rule(x1: float, y1: float, x2: float, y2: float, cls: str) -> str:
    return f'<line class="{cls}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def sheet(
    title: str, description: str, height: float, body: Iterable[str], width: float = WIDTH
) -> str:
    """The finished SVG with its title, description and colours; one wider than ``NARROW`` does not
    shrink below ``SMALLEST_PX``."""
    broad = " broad" if width > NARROW else ""
    content = "".join(body)
    key = f"{zlib.crc32((title + content).encode()):08x}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bms-chart{broad}" role="img"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" aria-labelledby="t{key} d{key}">'
        f'<title id="t{key}">{escape(title)}</title><desc id="d{key}">{escape(description)}</desc>'
        f"<style>{_STYLE}</style>{_HATCH if 'hatch' in content else ''}{content}</svg>"
    )


_HATCH = (
    '<defs><pattern id="bms-hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><line class="l-band" x1="0" y1="0" x2="0" y2="6"/>'
    "</pattern></defs>"
)


def _colours(selector: str, palette: dict[str, str]) -> str:
    rules = [f"{selector}{{color:{palette['text']}}}"]
    for name in ("measured", "band", "plan", "more", "quiet", "text"):
        rules.append(f"{selector} .l-{name}{{stroke:{palette[name]}}}")
        rules.append(f"{selector} .f-{name}{{fill:{palette[name]}}}")
    rules.append(f"{selector} .halo{{stroke:{palette['paper']}}}")
    return "".join(rules)


_SHAPES = (
    f".bms-chart.broad{{min-width:{SMALLEST_PX}px}}.bms-chart{{display:block;width:100%;height:auto;"
    f"font:{FONT_PX}px system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
    "font-variant-numeric:tabular-nums}"
    ".bms-chart text{fill:currentColor}"
    ".bms-chart text.halo{stroke-width:3.5px;stroke-linejoin:round;paint-order:stroke}"
    ".bms-chart .strong{font-weight:600}"
    ".bms-chart .grid{stroke:currentColor;stroke-opacity:.13;shape-rendering:crispEdges}"
    ".bms-chart .axis{stroke:currentColor;stroke-opacity:.55;shape-rendering:crispEdges}"
    ".bms-chart path{fill:none;stroke-linejoin:round;stroke-linecap:round}"
    ".bms-chart .thick{stroke-width:2.2}"
    ".bms-chart .mid{stroke-width:1.8}"
    ".bms-chart .dash{stroke-dasharray:5 4;stroke-linecap:butt}"
    ".bms-chart .dots{stroke-dasharray:1 4}"
    ".bms-chart .area{stroke:none;fill-opacity:.16}"
    ".bms-chart .faint{stroke:none;fill-opacity:.07}"
    ".bms-chart .wash{stroke:none;fill-opacity:.32}"
    ".bms-chart .bar{stroke-width:1.5;fill-opacity:.55}"
    ".bms-chart .hatch{fill-opacity:1}"
    ".bms-chart .hatch{fill:url(#bms-hatch)}"
    ".bms-chart .hollow{fill:none}"
)
_STYLE = (
    _SHAPES
    + _colours(".bms-chart", LIGHT)
    + "@media (prefers-color-scheme:dark){"
    + _colours(":root:not([data-theme=light]) .bms-chart", DARK)
    + "}"
    + _colours("[data-theme=dark] .bms-chart", DARK)
)


HALF_A_DAY_S = 43_200.0


def edges_of(times: Sequence[datetime]) -> list[float]:
    """Start of every interval and the end of the last one [epoch s]."""
    stamps = [t.timestamp() for t in times]
    gaps = [b - a for a, b in pairwise(stamps)]
    return [*stamps, stamps[-1] + (min(gaps) if gaps else 3600.0)] if stamps else [0.0, 1.0]


def time_ticks(
    start: float, end: float, text: ChartText, most: float = 9.0
) -> list[tuple[float, str]]:
    """(epoch s, label) of ticks at local midnights, ``most`` of them at most, with hours between
    them on short spans."""
    days = (end - start) / 86400.0
    shrunk = days * 9.0 / most
    hours = (0, 6, 12, 18) if shrunk <= 2.6 else (0, 12) if shrunk <= 4.2 else (0,)
    every = max(1, math.ceil(days / most))
    zone = text.translator.zone or UTC
    day = datetime.fromtimestamp(start, zone).date()
    out: list[tuple[float, str]] = []
    count = 0
    while (stamp := _local(day, 0, zone)) <= end:
        if stamp >= start - HALF_A_DAY_S:
            if count % every == 0:
                out += [(_local(day, hour, zone), _label(day, hour, days, text)) for hour in hours]
            count += 1
        day += timedelta(days=1)
    return [(stamp, label) for stamp, label in out if start <= stamp <= end]


def _local(day: date, hour: int, zone: tzinfo) -> float:
    return datetime.combine(day, time(hour), tzinfo=zone).timestamp()


def _label(day: date, hour: int, days: float, text: ChartText) -> str:
    if hour:
        return f"{hour:02d}:00"
    if days > 60:
        return text.translator.day(day, weekday=False)
    return text.word("tick_day", day=day)
