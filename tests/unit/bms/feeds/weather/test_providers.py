"""The grid of the positions that forecasts are requested for."""

from __future__ import annotations

import numpy as np
import pytest

from bms.feeds.weather.providers import cell_of


def test_cells_are_some_two_kilometres_wide() -> None:
    assert cell_of(56.157, 10.211).name == "56.16_10.20"
    assert cell_of(56.1529, 10.2039).name == "56.16_10.20"
    assert cell_of(-0.001, 0.001).name in {"0.00_0.00", "-0.00_0.00"}
    north, east = 0.02 * 111.2, 0.03 * 111.2 * np.cos(np.radians(56.0))
    assert north == pytest.approx(2.2, abs=0.1)
    assert east == pytest.approx(1.9, abs=0.1)
