"""What may be written to a point of role ``other``, of which only the unit is known (CONTRACT, W3).

Its name may say nothing, so the limits have to lie where no mistake does harm. Below 5 degC lies
frost protection; between 30 and 55 degC a domestic hot-water tank that grows legionella cannot be
told from a heating circuit. Counters are read, never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bms.model.assets.point import Point, Role
from bms.model.readings.units import Unit

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class UnitLimits:
    """``by_people``: within what the limits of such a point have to lie at all, so that a person
    may write it, None for never. ``unattended``: within one of which they have to lie in mode
    ``auto``."""

    by_people: Span | None
    unattended: tuple[Span, ...] = ()


def _alike(low: float, high: float) -> UnitLimits:
    return UnitLimits((low, high), ((low, high),))


_NEVER = UnitLimits(None)
UNIT_LIMITS: Mapping[Unit, UnitLimits] = MappingProxyType(
    {
        Unit.DEG_C: UnitLimits((5.0, 95.0), ((5.0, 30.0), (55.0, 65.0))),
        Unit.KELVIN: _alike(-15.0, 15.0),
        Unit.PERCENT: _alike(0.0, 100.0),
        Unit.ON_OFF: _alike(0.0, 1.0),
        Unit.PPM: UnitLimits((0.0, 10_000.0), ((400.0, 2_000.0),)),
        Unit.KW: UnitLimits((-1e5, 1e5), ((0.0, 1e4),)),
        Unit.M3_PER_H: _alike(0.0, 1e5),
        Unit.LUX: _alike(0.0, 2_000.0),
        Unit.VOLT: UnitLimits((0.0, 24.0), ((0.0, 10.0),)),
        Unit.AMPERE: UnitLimits((0.0, 400.0)),
        Unit.HERTZ: _alike(0.0, 60.0),
        Unit.COUNT: UnitLimits((-65_535.0, 65_535.0)),
        Unit.KWH: _NEVER,
        Unit.M3: _NEVER,
        Unit.M3_DEG_C: _NEVER,
    }
)
"""By unit, in that unit. A number without a unit, and a current, may mean anything: people only."""


def lies_within(low: float, high: float, spans: tuple[Span, ...]) -> bool:
    """Whether limits lie inside one of the spans."""
    return any(span[0] <= low <= high <= span[1] for span in spans)


def may_be_unattended(point: Point) -> bool:
    """Whether the limits of a writable point are such that nobody has to watch what is written."""
    rule = point.write
    if rule is None or point.role is not Role.OTHER:
        return True
    return lies_within(rule.minimum, rule.maximum, UNIT_LIMITS[point.unit].unattended)
