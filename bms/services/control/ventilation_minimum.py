"""Air for people, looked at again when something is written: a plan may be older than a booking.

No flow below the least one of its unit is written for a time in which people are in, whoever asks
for it; what is held already is given back. Nor does a plan stop a unit that has to run now; a
person may, as they see the building.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from bms.model.assets.equipment import Ventilation
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.control.command import Command
from bms.model.control.lease import Lease
from bms.model.fact import Fact, MessageCode, fact
from bms.ports.storage.decisions import DecisionStore
from bms.services.occupancy import Use, use_of

AHEAD = timedelta(days=2)
"""How far bookings are looked up; longer leases see the weekly timetable beyond."""
STEP_S = 300
ONE_STEP = timedelta(seconds=STEP_S)


class AirReason(MessageCode):
    """Why people need air."""

    LEAST_FLOW = "least_flow_for_people"
    HAS_TO_RUN = "has_to_run_for_people"


AIR = (Role.VENTILATION_RUN, Role.VENTILATION_FLOW)


@dataclass(frozen=True, slots=True)
class AirNeed:
    """The least value of a point [unit of the point], and why."""

    value: float
    reason: Fact

    def raised(self, wish: float) -> float:
        """The wish, or the least value where that is more; NaN stays NaN."""
        return self.value if wish < self.value else wish

    def met_by(self, value: float) -> bool:
        """Whether a value is enough; NaN is not."""
        return value >= self.value - 1e-9


def bookings_ahead(site: Site, decisions: DecisionStore, now: datetime) -> Use | None:
    """Who is in the site when; None where no point moves its air, so that nobody has to know.

    Raises ``StoreUnavailable``.
    """
    return use_of(site, decisions, now, now + AHEAD) if moves_air(site) else None


def moves_air(site: Site) -> bool:
    """Whether a point of the site moves its air."""
    return any(point.role in AIR and point.write is not None for point in site.points)


def need_of(use: Use | None, point: Point, command: Command) -> AirNeed | None:
    """The least that a command may write to a point while its lease lasts."""
    if point.role is Role.VENTILATION_FLOW:
        return least_flow(use, point, command.issued_at, command.lease_end)
    if point.role is Role.VENTILATION_RUN and command.plan is not None:
        return least_run(use, point, command.issued_at, command.issued_at + ONE_STEP)
    return None


def too_little_air(use: Use | None, held: Lease, standing: Iterable[float], now: datetime) -> bool:
    """Whether a lease holds less air than people need now, as somebody has booked since it was
    written, or nobody could write more. ``standing`` is what may stand of it (``Lease``)."""
    need = need_of(use, held.point, replace(held.command, issued_at=now, lease_end=now))
    return need is not None and not all(map(need.met_by, standing))


def least_flow(use: Use | None, point: Point, start: datetime, end: datetime) -> AirNeed | None:
    """The least flow [%] where somebody is in at any moment of ``[start, end)``, rounded up to
    what the point takes; None for other points, and where nobody is in."""
    unit = _unit(use, point) if point.role is Role.VENTILATION_FLOW else None
    if use is None or unit is None or point.write is None or unit.least_flow_pct <= 0.0:
        return None
    steps = ceil((end - start).total_seconds() / STEP_S) + 1  # the end is looked at, too
    zones = (use.site.zone(name) for name in unit.zones)
    if not any(any(use.in_use(zone, start, STEP_S, steps)) for zone in zones):
        return None
    step = point.write.resolution
    least = ceil(unit.least_flow_pct / step - 1e-6) * step if step > 0 else unit.least_flow_pct
    return AirNeed(
        round(least, 9),
        fact(AirReason.LEAST_FLOW, unit=unit.id, least_pct=unit.least_flow_pct),
    )


def least_run(use: Use | None, point: Point, start: datetime, end: datetime) -> AirNeed | None:
    """That the unit runs, where it has to at any moment of ``[start, end)``; None for other points,
    and where it need not."""
    unit = _unit(use, point) if point.role is Role.VENTILATION_RUN else None
    if use is None or unit is None:
        return None
    if not any(use.ventilated(unit, start, STEP_S, ceil((end - start) / ONE_STEP))):
        return None
    return AirNeed(1.0, fact(AirReason.HAS_TO_RUN, unit=unit.id))


def _unit(use: Use | None, point: Point) -> Ventilation | None:
    if use is None:
        return None
    return next((unit for unit in use.site.ventilation if unit.id == point.ventilation), None)
