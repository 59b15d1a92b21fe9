"""Engineering units of devices against published numbers."""

from __future__ import annotations

import pytest
from bacpypes3.basetypes import EngineeringUnits
from hypothesis import given
from hypothesis import strategies as st

from bms.model.readings.device_units import DEVICE_UNITS, SCALES, device_scale
from bms.model.readings.units import Unit


def test_every_name_is_one_of_the_standard() -> None:
    for name in DEVICE_UNITS:
        assert str(EngineeringUnits(name)) == name


@pytest.mark.parametrize(
    ("name", "raw", "unit", "value"),
    [
        ("degrees-fahrenheit", 212.0, Unit.DEG_C, 100.0),
        ("degrees-fahrenheit", -40.0, Unit.DEG_C, -40.0),
        ("degrees-kelvin", 273.15, Unit.DEG_C, 0.0),
        ("delta-degrees-fahrenheit", 9.0, Unit.KELVIN, 5.0),
        ("megajoules", 3.6, Unit.KWH, 1.0),
        ("therms", 1.0, Unit.KWH, 29.3071),  # NIST SP 811: 1.055 056e8 J
        ("btus-per-hour", 3412.14, Unit.KW, 1.0),
        ("tons-refrigeration", 1.0, Unit.KW, 3.51685),
        ("horsepower", 1.0, Unit.KW, 0.7457),
        ("us-gallons", 264.172, Unit.M3, 1.0),
        ("cubic-feet-per-minute", 1.0, Unit.M3_PER_H, 1.69901),
        ("liters-per-second", 1.0, Unit.M3_PER_H, 3.6),
        ("parts-per-billion", 1000.0, Unit.PPM, 1.0),
        ("per-mille", 5.0, Unit.PERCENT, 0.5),
        ("foot-candles", 1.0, Unit.LUX, 10.7639),
    ],
)
def test_a_number_becomes_the_published_one(
    name: str, raw: float, unit: Unit, value: float
) -> None:
    scale = device_scale(name, unit)
    assert scale is not None
    assert scale.to_point(raw) == pytest.approx(value, rel=2e-5, abs=1e-9)


@given(
    st.sampled_from([(unit, name) for unit, known in SCALES.items() for name in known]),
    st.floats(-1e6, 1e6),
)
def test_what_is_written_reads_back(pair: tuple[Unit, str], value: float) -> None:
    scale = SCALES[pair[0]][pair[1]]
    assert scale.to_point(scale.to_device(value)) == pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("megawatts", Unit.KWH),
        ("degrees-celsius", Unit.KELVIN),
        ("delta-degrees-kelvin", Unit.DEG_C),
        ("percent", Unit.ON_OFF),
    ],
)
def test_what_is_another_quantity_is_not_converted(name: str, unit: Unit) -> None:
    assert device_scale(name, unit) is None
