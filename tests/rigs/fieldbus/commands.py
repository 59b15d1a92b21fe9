"""Commands to write."""

from __future__ import annotations

from datetime import timedelta

from bms.model.assets.point import Point
from bms.model.control.command import (
    Command,
)
from tests.rigs.fieldbus.driver_rigs import MORNING


def command(point: Point, value: float) -> Command:
    return Command(
        id="c1",
        point=point.id,
        value=value,
        issued_at=MORNING,
        lease_end=MORNING + timedelta(minutes=30),
        reason="test",
        actor="test",
    )
