"""Real meters that nothing is wrong with, as registers and as amounts: nothing may be found."""

from __future__ import annotations

import numpy as np
import pytest

from bms.metering.interval import interval_use
from bms.metering.register.use_per_step import register_use
from bms.metering.step_edges import HOUR_US, to_micros
from bms.model.readings.metering import FlawKind
from tests.rigs.metering import asked
from tests.rigs.real_meters import HOUR, HOURS, METER_IDS, START, meters

TIMES = to_micros(START) + HOUR_US * np.arange(HOURS + 1, dtype=np.int64)
PERIOD = asked(START, START + HOURS * HOUR)
HARMLESS = {FlawKind.GAP, FlawKind.FLAT_LINE}


@pytest.mark.parametrize("meter_id", METER_IDS)
def test_two_years_of_a_real_meter_come_through_whole(meter_id: str) -> None:
    use = meters()[meter_id].values
    register = 50_000.0 + np.concatenate(([0.0], np.cumsum(np.nan_to_num(use))))
    register[1:][np.isnan(use)] = np.nan

    counted = register_use(TIMES, np.round(register, 2), **PERIOD)
    summed = interval_use(TIMES[:-1], use, interval_s=3600, **PERIOD)

    assert {event.flaw for event in counted.events} <= HARMLESS
    assert sum(event.flaw is FlawKind.FLAT_LINE for event in counted.events) <= 2
    assert {event.flaw for event in summed.events} <= {FlawKind.GAP}
    assert np.array_equal(summed.use.values, use, equal_nan=True)
    known = np.isfinite(counted.use.values)
    assert known.mean() > 0.9
    assert np.allclose(counted.use.values[known], use[known], rtol=0.0, atol=0.011)
