"""Heat plants: the coefficient of performance and the part load of the heat pump."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.simulator.physics import plant


def test_cop_map_lies_where_air_to_water_heat_pumps_lie():
    # EN 14511 points of common machines: A7/W35 about 4, A2/W35 about 3.3, A-7/W55 about 2.
    assert 3.6 < plant.cop(7.0, 35.0) < 4.6
    assert 2.9 < plant.cop(2.0, 35.0) < 3.7
    assert 1.8 < plant.cop(-7.0, 55.0) < 2.4
    supply = plant.cop(5.0, np.array([30.0, 40.0, 50.0]))
    assert (np.diff(supply) < -0.3).all()


def test_heat_pump_pays_for_part_load():
    full = np.array([100e3])

    def specific(heat_w: float) -> float:
        used = plant.electricity(np.array([heat_w]), np.zeros(1), full, 5.0, np.array([40.0]))
        return float((used[0] - plant.STANDBY_W) / heat_w)

    assert specific(90e3) == pytest.approx(1.0 / float(plant.cop(5.0, 40.0)), rel=1e-9)
    assert specific(5e3) > 1.2 * specific(50e3)
