"""The demo stands in for people: it commissions its simulated points and approves ``auto``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from bms.demo.city import Report, Simulated
from bms.model.assets.point import Point
from bms.model.assets.site import Mode
from bms.model.trust.commissioning import TestedFunction
from bms.model.trust.modes import AutoScope
from bms.services.commissioning.functional_test import Surroundings
from bms.services.commissioning.records import sign, to_commission, try_points
from bms.services.off_loop import off_loop

DEMO = "demo"
"""Who signs and approves."""


@dataclass(frozen=True, slots=True)
class Entrusted:
    """How many points were tried and passed, and how many sites are approved [1]."""

    tried: int
    passed: int
    approved: int

    def __str__(self) -> str:
        return (
            f"Simulated: the demo has commissioned its {self.passed} points "
            f"({self.tried} tried) and approved auto for its {self.approved} buildings by itself; "
            "in a real one people do that, with bms commission and bms mode."
        )


@dataclass(slots=True)
class _Nobody:
    """Implements ``Attendant``: agrees to everything, and sees nothing."""

    report: Report
    points: int
    begun: set[str] = field(default_factory=set)

    def agrees(self, point: Point, value: float) -> bool:
        return True

    def saw(self, point: Point, value: float) -> None:
        return None

    def told(self, point: Point, line: TestedFunction) -> None:
        self.begun.add(point.id)
        self.report("commissioning", len(self.begun) / self.points)

    def waits(self, point: Point, left: timedelta) -> None:
        """Building time passes at once."""


async def entrust(simulated: Simulated, report: Report) -> Entrusted:
    """Try every writable point over its real socket, sign, and approve what site files allow."""
    city = simulated.city
    sites = city.sites.values()

    async def pause(span: timedelta) -> None:
        await simulated.move_to(city.clock.now() + span)

    attendant = _Nobody(report, sum(len(to_commission(site)) for site in sites))
    around = Surroundings(ports=city.control, pause=pause, attendant=attendant, by=DEMO)
    made = []
    for site in sites:
        made += await try_points(site, to_commission(site), around, simulated=True)
    await sign(made, city.stores.trust)
    allowed = [site.id for site in sites if site.mode is Mode.AUTO]

    def approve() -> None:
        now = city.clock.now()
        for site in allowed:
            city.stores.trust.approve(
                site, AutoScope.FULL, actor=DEMO, at=now, reason="a simulated building"
            )

    await off_loop(approve)
    return Entrusted(len(made), sum(each.passed for each in made), len(allowed))
