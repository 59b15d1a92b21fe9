"""Ways in which a simulated building's controls can be moved, and the words of its registers."""

import struct

import pytest

from bms.model.assets.address import DataType, Order, Table
from drivers.simulator.control_points import (
    ConstantRegister,
    ControlPoints,
    PriorityArray,
    RemoteSetpoint,
    TimetableRegister,
)
from drivers.simulator.servers.modbus_registers import (
    ExceptionCode,
    RegisterImage,
    RegisterValue,
    electricity_meter,
)
from tests.rigs.fakes.physics import START, ToyMunicipality


def test_the_lowest_occupied_slot_acts() -> None:
    control_point = PriorityArray()
    control_point.follow_programme(19.0)
    control_point.write(13, 20.0)
    control_point.write(16, 18.0)
    assert (control_point.effective, control_point.command) == (20.0, 20.0)
    control_point.write(1, 12.0)
    assert control_point.effective == 12.0
    for slot in (1, 13, 16):
        control_point.write(slot, None)
    assert (control_point.effective, control_point.command) == (19.0, None)


def test_enabling_without_a_remote_value_changes_nothing() -> None:
    control_point = RemoteSetpoint()
    control_point.follow_programme(19.0)
    control_point.enabled = True
    assert (control_point.effective, control_point.command) == (19.0, None)


def test_a_timetable_register_is_overwritten_only_when_its_own_value_changes() -> None:
    control_point = TimetableRegister()
    control_point.follow_programme(1.0)
    control_point.value = 0.0
    control_point.follow_programme(1.0)
    assert (control_point.effective, control_point.command) == (0.0, 0.0)
    control_point.follow_programme(0.0)
    control_point.follow_programme(1.0)
    assert (control_point.effective, control_point.command) == (1.0, None)


def test_a_plain_register_is_never_overwritten() -> None:
    control_point = ConstantRegister()
    control_point.follow_programme(0.0)
    control_point.value = -3.0
    control_point.follow_programme(2.0)
    assert control_point.effective == -3.0


def test_one_long_step_passes_every_switching_moment() -> None:
    physics = ToyMunicipality(["sportshall"])
    points, run = ControlPoints(physics), TimetableRegister()
    points.attach("sportshall", "ahu1.run", run)
    run.value = 1.0  # written at midnight; the timetable switches at 06 and at 18
    points.advance(19 * 3600)
    assert run.value == 0.0
    assert physics.acting("sportshall", "ahu1.run") == 0.0


@pytest.mark.parametrize("seconds", [59, -60])
def test_time_passes_in_whole_minutes(seconds: int) -> None:
    physics = ToyMunicipality(["sportshall"])
    with pytest.raises(ValueError, match="whole minutes"):
        ControlPoints(physics).advance(seconds)
    assert physics.now == START


@pytest.mark.parametrize(
    ("kind", "letter", "value"),
    [
        (DataType.INT16, ">h", -7),
        (DataType.UINT16, ">H", 60000),
        (DataType.INT32, ">i", -123456),
        (DataType.UINT32, ">I", 4_000_000_000),
        (DataType.FLOAT32, ">f", 12.5),
    ],
)
def test_words_are_big_endian_and_may_be_swapped(kind: DataType, letter: str, value: float) -> None:
    big = RegisterValue(0, kind, "x").encode(value)
    assert struct.pack(f">{len(big)}H", *big) == struct.pack(letter, value)
    assert RegisterValue(0, kind, "x", word_order=Order.LITTLE).encode(value) == big[::-1]


def test_a_value_that_does_not_fit_stops_at_the_end_of_the_range() -> None:
    assert RegisterValue(0, DataType.INT16, "x", 0.1).encode(9999.0) == [0x7FFF]
    assert RegisterValue(0, DataType.INT16, "x", 0.1).encode(-9999.0) == [0x8000]
    assert RegisterValue(0, DataType.UINT16, "x").encode(-1.0) == [0]


def test_the_electricity_meter_has_the_published_map() -> None:
    """Carlo Gavazzi EM330/EM340: W total 0x28 /10, Hz 0x33 /10, kWh+ 0x34 /10, kWh- 0x4E /10."""
    image = RegisterImage(electricity_meter(1, "el"), {})
    image.refresh({"el.power": 12.3456, "el.energy": 98765.4})
    assert image.read(Table.INPUT, 0x28, 2) == [123456 & 0xFFFF, 123456 >> 16]
    assert image.read(Table.INPUT, 0x33, 1) == [500]
    assert image.read(Table.HOLDING, 0x34, 2) == [987654 & 0xFFFF, 987654 >> 16]
    assert image.read(Table.INPUT, 0x4E, 2) == [0, 0]
    assert image.read(Table.INPUT, 0x34, 3) is ExceptionCode.ILLEGAL_ADDRESS
