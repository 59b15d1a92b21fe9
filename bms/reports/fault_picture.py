"""The picture of a finding: its lines by unit, one panel below the other, the fault washed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from textwrap import wrap

from bms.model.work.finding import EvidenceSeries, Finding
from bms.reports import svg
from bms.reports.svg import WIDTH, Frame
from bms.reports.text import ChartText

PANEL_PX, GAP_PX, TOP_PX = 130.0, 44.0, 36.0
TITLE_CHARS = 88
LEFT_PX, RIGHT_PX = 60.0, WIDTH - 24.0
CLASSES = ("l-measured thick", "l-plan mid", "l-band mid dash", "l-more mid dots", "l-quiet mid")


def fault_picture(finding: Finding, text: ChartText) -> str:
    """Returns the finding as one SVG; without lines it shows the interval alone."""
    panels: dict[str, list[EvidenceSeries]] = {}
    for line in finding.evidence.series:
        panels.setdefault(line.unit, []).append(line)
    first, last = finding.evidence.start, finding.evidence.end + timedelta(hours=1)
    x = svg.linear(first.timestamp(), last.timestamp(), LEFT_PX, RIGHT_PX)
    titles = wrap(text.title, TITLE_CHARS)
    body = [svg.text(LEFT_PX, 22.0 + 18.0 * i, t, cls="strong") for i, t in enumerate(titles)]
    top = TOP_PX + 18.0 * len(titles)
    for unit, lines in panels.items() or [("", [])]:
        frame = Frame(LEFT_PX, top, RIGHT_PX, top + PANEL_PX)
        body += _panel(finding, unit, lines, frame, x, text)
        top += PANEL_PX + GAP_PX
    for moment, label in svg.time_ticks(first.timestamp(), last.timestamp(), text):
        body.append(svg.text(x(moment), top - GAP_PX + 18.0, label, anchor="middle"))
    return svg.sheet(text.title, text.description, top, body)


def _panel(
    finding: Finding,
    unit: str,
    lines: Sequence[EvidenceSeries],
    frame: Frame,
    x: svg.Map,
    text: ChartText,
) -> list[str]:
    known = [v for line in lines for v in line.values if v is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 1.0, high + 1.0
    ticks = svg.nice_ticks(low, high, 4)
    y = svg.linear(ticks[0], ticks[-1], frame.bottom, frame.top)
    left = max(x(finding.start.timestamp()), frame.left)
    right = min(x(finding.end.timestamp()), frame.right)
    decimals = 0 if ticks[1] - ticks[0] >= 1 else 1 if ticks[1] - ticks[0] >= 0.1 else 2
    parts = [
        svg.rect(left, frame.top, max(right - left, 1.5), frame.bottom - frame.top, "area f-more")
    ]
    for tick in ticks:
        number = text.translator.number(tick, decimals)
        parts.append(svg.rule(frame.left, y(tick), frame.right, y(tick), "grid"))
        parts.append(svg.text(frame.left - 8, y(tick) + 4, number, anchor="end"))
    if unit:
        parts.append(svg.text(frame.left, frame.top - 8, unit))
    at = frame.left + 52.0
    for line, kind in zip(lines, CLASSES * 4, strict=False):
        points = (
            (x(line.start.timestamp() + (i + 0.5) * line.step_s), None if v is None else y(v))
            for i, v in enumerate(line.values)
        )
        parts.append(svg.path(svg.line(points), kind))
        name = text.translator.term(line.name)
        parts.append(svg.rule(at, frame.top - 12, at + 20, frame.top - 12, kind))
        parts.append(svg.text(at + 26, frame.top - 8, name))
        at += 44.0 + 7.2 * len(name)
    return parts
