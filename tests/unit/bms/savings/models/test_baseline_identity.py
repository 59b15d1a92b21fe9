"""The name of a baseline: the same for the same data, another one for any other."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.codec import from_json, to_json
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import FrozenBaseline, Span
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.data.screening import Zeros
from bms.savings.models.baseline_identity import METHOD, baseline_id, frozen_baseline, settings_of
from tests.rigs.assessment import asked
from tests.rigs.real_meters import BASELINE, TIMEZONE, local, meters, outdoor

YEAR = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
USE = meters()["b0_el"]
PINNED = "e2ed9838c8881c7c3ede588840cc25e159aa7633aefd2c83ac9ca2fa3a3ddf15"
"""Of a made-up year, computed once by version 2 of the method."""
COEFFICIENTS = {"mu": 228.7141138861905, "heat_slope": 23.092829836395246, "heat_balance": 11.0}
"""Of the meter b109_gas, by version 2 of the method."""


def name(use: Series = USE, temp: Series | None = None, span: Span = BASELINE, **settings) -> str:
    keywords = {
        "baseline": span,
        "timezone": TIMEZONE,
        "commodity": "electricity",
        "zeros": "auto",
        "closed": None,
    } | settings
    return baseline_id(use, outdoor() if temp is None else temp, span, settings_of(**keywords))


def changed(series: Series, at: int, by: float) -> Series:
    values = series.values.copy()
    values[at] += by
    return Series(series.start, series.step, values)


def assess(use: Series = USE, **changes):
    keywords = {
        "meter_id": "b0_el",
        "commodity": Commodity.ELECTRICITY,
        "baseline": BASELINE,
        "reporting": YEAR,
        "timezone": TIMEZONE,
    } | changes
    return assess_meter(use, outdoor(), **asked(**keywords))


class TestTheSameDataHaveTheSameName:
    def test_on_any_machine(self) -> None:
        """A made-up year whose name was computed once; it does not depend on the machine, the
        order of anything or the version of a library."""
        hours = np.arange(8760, dtype=np.float64)
        use = Series(BASELINE.start, timedelta(hours=1), np.floor(hours % 168) / 8.0)
        temp = Series(BASELINE.start, timedelta(hours=1), (hours % 24) / 4.0)
        assert METHOD == "2"
        assert name(use, temp) == PINNED

    def test_what_lies_around_the_period_does_not_matter(self) -> None:
        longer = Series(
            USE.start - timedelta(hours=50),
            USE.step,
            np.concatenate([np.full(50, np.nan), USE.values, np.zeros(9)]),
        )
        assert name(longer) == name()
        assert name(changed(USE, 8760 + 100, 1.0)) == name()

    def test_a_named_gap_is_a_gap(self) -> None:
        start = Series(USE.start + timedelta(hours=3), USE.step, USE.values[3:].copy())
        holed = USE.values.copy()
        holed[:3] = np.nan
        assert name(start) == name(Series(USE.start, USE.step, holed))

    def test_zero_has_one_sign(self) -> None:
        values = USE.values.copy()
        values[5] = 0.0
        negative = values.copy()
        negative[5] = -0.0
        step = USE.step
        assert name(Series(USE.start, step, values)) == name(Series(USE.start, step, negative))

    def test_it_is_the_same_for_every_reporting_period(self) -> None:
        month = Span(start=YEAR.start, end=local(2019, 2, 1))
        assert assess().baseline_id == assess(reporting=month).baseline_id


class TestAnythingElseHasAnother:
    @pytest.mark.parametrize("by", [1e-12, 1.0, np.nan])
    def test_one_reading(self, by) -> None:
        assert name(changed(USE, 4000, by * 1000)) != name()

    def test_two_readings_that_cancel_in_the_day(self) -> None:
        assert name(changed(changed(USE, 4000, 1.0), 4001, -1.0)) != name()

    def test_one_temperature(self) -> None:
        assert name(temp=changed(outdoor(), 4000, 0.1)) != name()

    @pytest.mark.parametrize(
        "settings",
        [
            {"timezone": "Europe/Copenhagen"},
            {"commodity": "heat"},
            {"zeros": "real"},
            {"closed": lambda day: day == date(2018, 12, 24)},
        ],
    )
    def test_one_setting(self, settings) -> None:
        assert name(**settings) != name()

    def test_another_period(self) -> None:
        assert name(span=replace(BASELINE, start=local(2018, 1, 2))) != name()

    def test_a_moved_clock(self) -> None:
        moved = Series(USE.start + timedelta(hours=1), USE.step, USE.values.copy())
        assert name(moved) != name()


class TestItStandsInTheResult:
    def test_with_its_settings(self) -> None:
        result = assess(zeros=Zeros.REAL)
        assert len(result.baseline_id) == 64
        assert result.baseline_settings["zeros"] == "real"
        assert result.baseline_settings["method"] == METHOD

    def test_and_can_be_frozen(self) -> None:
        result = assess()
        kept = frozen_baseline(result)
        assert kept.id == result.baseline_id
        assert kept.coefficients == result.coefficients
        assert from_json(FrozenBaseline, to_json(kept)) == kept
        assert frozen_baseline(replace(result, baseline_id=None)) is None

    def test_the_method_is_raised_when_numbers_change(self) -> None:
        """Coefficients of a real meter by the version of the method that is written down. When this
        fails because the method changed on purpose, raise ``METHOD`` and write the new ones."""
        told = assess(meters()["b109_gas"], commodity=Commodity.GAS).coefficients
        assert METHOD == "2"
        assert told == pytest.approx(COEFFICIENTS, rel=1e-9)
