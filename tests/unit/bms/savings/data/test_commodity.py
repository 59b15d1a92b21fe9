"""The commodity of a meter that nobody declares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.savings.data.commodity import commodity_of

START, HOUR = datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=1)
FLAT = Series(START, HOUR, np.ones(48))


@pytest.mark.parametrize(
    ("name", "commodity"),
    [
        ("vand", Commodity.WATER),
        ("koldtvand-2", Commodity.WATER),
        ("Vandmåler 17", Commodity.WATER),
        ("hall_water", Commodity.WATER),
        ("el-hovedmåler", Commodity.ELECTRICITY),
        ("Strøm 1", Commodity.ELECTRICITY),
        ("fjernvarmemåler", Commodity.HEAT),
        ("naturgas", Commodity.GAS),
        ("571313100000000001", Commodity.ELECTRICITY),
    ],
)
def test_is_told_from_its_name(name: str, commodity: Commodity) -> None:
    assert commodity_of(name, FLAT, FLAT) is commodity
