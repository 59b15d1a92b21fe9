"""Cooling weighted by volume, from temperatures and from the registers E8 and E9."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.metering.cooling import KWH_PER_M3_K, mean_cooling, mean_cooling_of_registers
from bms.model.readings.metering import Consumption
from bms.model.readings.series import Series
from bms.model.readings.units import Unit

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def series(*values: float, step: timedelta = HOUR) -> Series:
    return Series(START, step, np.array(values, dtype=np.float64))


def use(*values: float, total: float | None = None, unit: Unit = Unit.M3) -> Consumption:
    return Consumption(use=series(*values), unit=unit, total=total, events=())


class TestCoolingFromTemperatures:
    def test_weighs_each_hour_by_its_volume(self) -> None:
        cooling = mean_cooling(use(9.0, 1.0), series(80.0, 60.0), series(40.0, 50.0))
        assert cooling.per_step.values.tolist() == [40.0, 10.0]
        assert cooling.mean == pytest.approx((9 * 40 + 1 * 10) / 10)
        assert (cooling.volume_m3, cooling.coverage) == (10.0, 1.0)

    def test_speaks_of_the_volume_whose_temperatures_are_known(self) -> None:
        nan = float("nan")
        cooling = mean_cooling(
            use(6.0, 3.0, 0.0, nan), series(70.0, nan, 70.0, 70.0), series(40.0, 40.0, 60.0, 40.0)
        )
        assert cooling.mean == 30.0
        assert cooling.coverage == pytest.approx(6 / 9)
        assert np.isnan(cooling.per_step.values[1:]).all()

    def test_takes_temperatures_of_a_finer_grid(self) -> None:
        quarter = timedelta(minutes=15)
        flow = series(70.0, 72.0, 74.0, 76.0, step=quarter)
        back = series(40.0, 40.0, 40.0, 40.0, step=quarter)
        assert mean_cooling(use(2.0), flow, back).mean == 33.0

    def test_is_unknown_where_nothing_flowed(self) -> None:
        cooling = mean_cooling(use(0.0, 0.0), series(70.0, 70.0), series(60.0, 60.0))
        assert (cooling.mean, cooling.coverage, cooling.volume_m3) == (None, 0.0, 0.0)

    def test_is_checked_against_the_measured_energy(self) -> None:
        kwh = 2.0 * 40.0 * KWH_PER_M3_K
        energy = use(kwh, kwh, unit=Unit.KWH)
        warm = series(80.0, 80.0), series(40.0, 40.0)
        assert mean_cooling(use(2.0, 2.0), *warm, energy=energy).energy_ratio == pytest.approx(1.0)
        litres = mean_cooling(use(2000.0, 2000.0), *warm, energy=energy)
        assert litres.energy_ratio == pytest.approx(0.001)

    def test_of_water_at_50_degrees_has_its_heat(self) -> None:
        heat = 4.181 * 988.0 / 3600.0  # kJ/(kg K), kg/m3, s/h
        assert heat == pytest.approx(KWH_PER_M3_K, rel=0.003)

    def test_asks_for_one_grid(self) -> None:
        with pytest.raises(ValueError, match="same of every register"):
            mean_cooling(use(1.0, 1.0), series(70.0), series(40.0), energy=use(1.0))


class TestCoolingFromRegisters:
    def test_is_their_difference_over_the_volume(self) -> None:
        cooling = mean_cooling_of_registers(
            use(9.0, 1.0, total=10.0), use(720.0, 60.0, total=780.0), use(360.0, 50.0, total=410.0)
        )
        assert cooling.per_step.values.tolist() == [40.0, 10.0]
        assert cooling.mean == 37.0
        assert cooling.coverage == 1.0

    def test_is_exact_over_missing_hours_where_the_totals_are_known(self) -> None:
        nan = float("nan")
        cooling = mean_cooling_of_registers(
            use(9.0, nan, total=12.0), use(720.0, nan, total=900.0), use(360.0, nan, total=480.0)
        )
        assert cooling.mean == pytest.approx((900 - 480) / 12)
        assert (cooling.volume_m3, cooling.coverage) == (12.0, 1.0)

    def test_is_that_of_the_known_hours_where_a_total_is_not(self) -> None:
        nan = float("nan")
        cooling = mean_cooling_of_registers(
            use(9.0, 1.0, total=10.0), use(720.0, nan), use(360.0, 50.0, total=410.0)
        )
        assert cooling.mean == 40.0
        assert cooling.coverage == pytest.approx(0.9)

    def test_is_checked_against_the_measured_energy(self) -> None:
        energy = use(KWH_PER_M3_K * 360.0, unit=Unit.KWH)
        cooling = mean_cooling_of_registers(use(9.0), use(720.0), use(360.0), energy=energy)
        assert cooling.energy_ratio == pytest.approx(1.0)
