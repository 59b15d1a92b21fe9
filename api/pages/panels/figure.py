"""A chart with its numbers: drawn for a desk and for a phone, and the same as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bms.reports.svg import NARROW, WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One drawing; ``left`` and ``right`` are where its plot begins and ends, 0..1 of its width."""

    image: Markup
    width: str
    left: float
    right: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFigure:
    """``rows`` are at equal distances along the axis where ``along``, so that a pointer finds the
    one beneath it; the first cell of each heads it."""

    drawings: tuple[Drawing, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    along: bool = True


def drawn(image: str, left_px: float, right_px: float, width: float = NARROW) -> Drawing:
    """A drawing whose plot lies ``left_px`` and ``right_px`` away from its edges."""
    return Drawing(
        image=Markup(image),  # noqa: S704 - our own SVG, its words are escaped
        width="any" if width == NARROW else "desk",
        left=left_px / width,
        right=1.0 - right_px / width,
    )


def both(
    draw: Callable[[float], str],
    left_px: float,
    right_px: float,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    along: bool = True,
) -> ChartFigure:
    """A chart for a desk, and a narrow one for a phone."""
    wide = drawn(draw(WIDTH), left_px, right_px, WIDTH)
    narrow = drawn(draw(NARROW), left_px, right_px)
    return ChartFigure(
        drawings=(
            wide,
            Drawing(image=narrow.image, width="phone", left=narrow.left, right=narrow.right),
        ),
        heads=tuple(heads),
        rows=tuple(tuple(row) for row in rows),
        along=along,
    )
