"""Without a model, warm-ups begin by rule, and earlier where the zone's record asks for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.assets.point import Role
from bms.model.planning.problem import Lever, ZoneTask
from bms.model.readings.units import Unit
from optimizer.setpoints.timetable import LONGEST_RULE_H, timetable_setpoints

STEP_H = 0.25
FIRST = 48
LEVER = Lever(point="p", role=Role.ZONE_SETPOINT, unit=Unit.DEG_C, minimum=10.0, maximum=25.0)
USED = (False,) * FIRST + (True,) * 32
TASK = ZoneTask(
    id="changing",
    area_m2=100.0,
    occupied=USED,
    low_c=tuple(21.0 if used else 16.0 for used in USED),
    high_c=(26.0,) * len(USED),
    own_setpoint_c=(21.5,) * len(USED),
    lever=LEVER,
)


def lead_h(short_k: float | None) -> float:
    """How long before use the setpoint rises, at 5 degC outdoors [h]."""
    task = replace(TASK, start_backoff_k=short_k)
    values = timetable_setpoints(task, LEVER, np.full(len(USED), 5.0), STEP_H)
    return (FIRST - int(np.argmax(values > values[0]))) * STEP_H


@pytest.mark.parametrize(
    ("short_k", "longer_h"), [(None, 0.0), (-0.4, 0.0), (0.0, 0.0), (0.5, 0.75), (1.0, 1.5)]
)
def test_the_record_of_starts_moves_the_warm_up(short_k: float | None, longer_h: float) -> None:
    assert lead_h(short_k) == 2.0 + longer_h


def test_no_warm_up_is_endless() -> None:
    assert lead_h(50.0) == LONGEST_RULE_H
