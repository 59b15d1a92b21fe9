"""Findings in real meters: planted faults are told, clean meters stay quiet, savings hold."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.model.savings import Savings, Span, Verdict
from bms.model.series import Series
from bms.savings.assess import assess_meter
from tests.real_meters import BASELINE, START, TIMEZONE, commodity, local, meters, outdoor

REPORTING = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
FEBRUARY = (local(2019, 2, 10) - START) // timedelta(hours=1)
MAY = (local(2019, 5, 15) - START) // timedelta(hours=1)
FAULTS = {"x1000", "stuck", "gap", "step_change", "clock_shift"}
KNOWN = {
    "b2_gas": {"step_change"},  # fell by a fifth and more at the end of August 2019
    "b15_el": {"clock_shift"},  # summer time kept in one of the two years only
    "b20_el": {"step_change"},  # grew by a third in February 2019
    "b62_gas": {"step_change"},  # heats from the end of July 2019, which it did not in 2018
    "b111_gas": {"step_change"},  # summer use halved in July 2019
    "b120_gas": {"step_change"},  # rested all of July and August 2019
}
"""What single meters do show, judged from its numbers; all others are clean."""


def assess(meter: str, values: np.ndarray) -> Savings:
    return assess_meter(
        Series(START, timedelta(hours=1), values),
        outdoor(),
        meter_id=meter,
        commodity=commodity(meter),
        baseline=BASELINE,
        reporting=REPORTING,
        timezone=TIMEZONE,
    )


@cache
def clean(meter: str) -> Savings:
    return assess(meter, np.array(meters()[meter].values))


def dirty(meter: str, fault: Callable[[np.ndarray], None]) -> Savings:
    values = np.array(meters()[meter].values)
    fault(values)
    return assess(meter, values)


def share(result: Savings) -> float:
    assert result.saving_kwh is not None
    return result.saving_kwh / result.adjusted_baseline_kwh


def a_thousand_times(values: np.ndarray) -> None:
    values[np.random.default_rng(3).choice(np.arange(8800, 17500), 20, replace=False)] *= 1000.0


def missing(values: np.ndarray) -> None:
    values[FEBRUARY : FEBRUARY + 336] = np.nan


def missing_as_zeros(values: np.ndarray) -> None:
    values[FEBRUARY : FEBRUARY + 336] = 0.0


def stuck(values: np.ndarray) -> None:
    at = FEBRUARY + int(np.flatnonzero(values[FEBRUARY:] > 0)[0])
    values[at : at + 168] = values[at]


@pytest.mark.parametrize("meter", sorted(meters()))
def test_clean_meters_raise_no_false_flag(meter):
    assert set(clean(meter).flags) & FAULTS == KNOWN.get(meter, set())


@pytest.mark.parametrize(
    ("fault", "flag"),
    [(a_thousand_times, "x1000"), (missing, "gap"), (missing_as_zeros, "gap"), (stuck, "stuck")],
)
@pytest.mark.parametrize("meter", sorted(meters()))
def test_planted_faults_are_told_and_do_not_move_the_saving(meter, fault, flag):
    found = dirty(meter, fault)
    assert flag in found.flags
    assert share(found) == pytest.approx(share(clean(meter)), abs=0.012)
    event = next(each for each in found.findings if each.code == flag)
    assert event.excluded
    assert event.lasted_h > 0
    assert event.words.da != event.words.en


UNSTEADY = {"b7_el", "b9_el", "b15_el"}
"""Small meters whose use scatters too much from day to day for a step of 30 % to be certain."""


@pytest.mark.parametrize("meter", sorted({m for m in meters() if m.endswith("_el")} - UNSTEADY))
def test_a_step_up_is_told_and_caps_the_verdict(meter):
    def more(values):
        values[MAY:] *= 1.3

    found = dirty(meter, more)
    assert "step_change" in found.flags
    event = next(each for each in found.findings if each.code == "step_change")
    if meter not in KNOWN:
        assert abs(event.start - datetime(2019, 5, 15, tzinfo=UTC)) < timedelta(days=21)
    assert not event.excluded
    assert "step_change" in [words.code for words in found.reasons]
    assert found.verdict is not Verdict.VERIFIED


@pytest.mark.parametrize("fraction", [0.1, 0.25])
@pytest.mark.parametrize("meter", sorted(meters()))
def test_a_planted_saving_is_recovered_to_rounding(meter, fraction):
    def less(values):
        values[(REPORTING.start - START) // timedelta(hours=1) :] *= 1.0 - fraction

    found, placebo = dirty(meter, less), clean(meter)
    assert found.adjusted_baseline_kwh == pytest.approx(placebo.adjusted_baseline_kwh, rel=1e-9)
    planted = fraction * placebo.measured_kwh
    assert found.saving_kwh - placebo.saving_kwh == pytest.approx(planted, rel=1e-9)


def test_summer_time_that_is_not_kept_is_told():
    zone = ZoneInfo(TIMEZONE)
    moments = [START + timedelta(hours=i) for i in range(17520)]
    summer = np.array([m.year == 2019 and bool(m.astimezone(zone).dst()) for m in moments])

    def shift(values):
        values[summer] = np.roll(values, 1)[summer]

    assert "clock_shift" in dirty("b31_el", shift).flags
    assert share(dirty("b31_el", shift)) == pytest.approx(share(clean("b31_el")), abs=1e-3)
