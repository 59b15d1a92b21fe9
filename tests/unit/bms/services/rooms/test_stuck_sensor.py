"""Which standstills of a sensor are a fault: on real rooms none is."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import pytest

from bms.services.rooms.stuck_sensor import JOINT_FACTOR, JOINT_LEAST, MOVES, Standstill
from tests.rigs.paths import ROOT

QUARTER = timedelta(minutes=15)
START = datetime(2019, 1, 14, tzinfo=UTC)
ROOMS = {
    "teaching_room_odense_15min.csv": ("T_room_C", ","),
    "dwelling_15min.csv": ("yTi", ";"),
}
RESOLUTIONS_K = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5)
WEEK = 7 * 96


def room(name: str, resolution_k: float) -> list[float]:
    """The temperatures of a real room [degC] each quarter-hour, as a coarser sensor shows them."""
    column, delimiter = ROOMS[name]
    with (ROOT / "bms" / "bench" / "data" / "rooms" / name).open() as file:
        values = [float(row[column]) for row in csv.DictReader(file, delimiter=delimiter)]
    return [round(v / resolution_k) * resolution_k for v in values] if resolution_k else values


def stuck_steps(shown: list[object], still: Standstill[object]) -> int:
    found = 0
    for k, value in enumerate(shown):
        still.take(START + k * QUARTER, value)
        found += still.is_stuck
    return found


@pytest.mark.parametrize("resolution_k", RESOLUTIONS_K)
@pytest.mark.parametrize("name", ROOMS)
def test_w04_no_real_room_is_taken_for_stuck_at_any_resolution(
    name: str, resolution_k: float
) -> None:
    shown = room(name, resolution_k)
    assert stuck_steps(list(shown), Standstill()) == 0
    pairs = list(zip(shown[:-WEEK], shown[WEEK:], strict=True))
    assert stuck_steps(list(pairs), Standstill(JOINT_FACTOR, JOINT_LEAST)) == 0


@pytest.mark.parametrize(
    ("resolution_k", "within_h"), [(0.0, 10.0), (0.1, 11.0), (0.5, 24.0)], ids=str
)
def test_w04_a_sensor_that_freezes_is_found_after_twice_its_habit(
    resolution_k: float, within_h: float
) -> None:
    shown = room("teaching_room_odense_15min.csv", resolution_k)[: 2 * WEEK]
    still: Standstill[object] = Standstill()
    stuck_steps([*shown], still)
    assert not still.is_stuck
    for k in range(int(within_h * 4) + 1):
        still.take(START + (len(shown) + k) * QUARTER, shown[-1])
    assert still.is_stuck
    still.take(START + (len(shown) + 200) * QUARTER, shown[-1] + 0.5)
    assert not still.is_stuck


def test_w04_a_sensor_whose_habit_nobody_knows_is_trusted_for_three_days() -> None:
    still: Standstill[object] = Standstill()
    assert stuck_steps([21.0] * 72 * 4, still) == 0
    still.take(START + timedelta(hours=72, minutes=15), 21.0)
    assert still.is_stuck


def test_a_gap_ends_a_run() -> None:
    still: Standstill[object] = Standstill()
    stuck_steps([float(k) for k in range(MOVES + 1)], still)
    at = START + MOVES * QUARTER
    for hours in (2, 5, 8, 11):  # three hours apart: nobody knows what was shown meanwhile
        still.take(at + timedelta(hours=hours), 7.0)
        assert not still.is_stuck


def test_a_standstill_that_was_a_fault_is_no_habit() -> None:
    moving = [float(k) for k in range(MOVES + 1)]
    still: Standstill[object] = Standstill()
    assert stuck_steps([*moving, *[7.0] * 40], still) > 0
    later = START + 200 * QUARTER
    found = 0
    for k, value in enumerate([*moving, *[9.0] * 40]):
        still.take(later + k * QUARTER, value)
        found += still.is_stuck
    assert found > 0
