"""The figures for a city of both protocols."""

from __future__ import annotations

import pytest

from bms.bench.fieldbus.bacnet import Fleet, _fleet_figures
from bms.bench.fieldbus.modbus import MODBUS_MEMORY, MODBUS_PROCESSOR
from bms.bench.figure import Figure
from bms.bench.table import BACNET_MEMORY, BACNET_PROCESSOR, city_figures


def figure(name: str, value: float) -> Figure:
    return Figure(name=name, value=value, unit="", ok=True)


def test_half_of_the_points_speak_each_protocol() -> None:
    bacnet = _fleet_figures(Fleet(cpu_s=6.0, wall_s=9.0, octets=500.0 * 1000, points=1000))
    assert {each.name for each in bacnet} == {BACNET_MEMORY, BACNET_PROCESSOR}
    modbus = [figure(MODBUS_MEMORY, 900.0), figure(MODBUS_PROCESSOR, 8.0)]
    processor, memory = city_figures([*modbus, *bacnet])
    assert (processor.value, processor.ok) == (18.0, True)
    assert (memory.value, memory.unit, memory.ok) == (70.0, "MB", True)


def test_a_figure_that_is_missing_is_no_zero() -> None:
    with pytest.raises(KeyError):
        city_figures([figure(MODBUS_MEMORY, 900.0)])
