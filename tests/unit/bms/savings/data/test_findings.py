"""Findings in real meters: planted faults are told, clean meters stay quiet, savings hold."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.meter_savings import assess_meter
from tests.rigs.assessment import asked
from tests.rigs.real_meters import (
    BASELINE,
    METER_IDS,
    START,
    TIMEZONE,
    commodity,
    local,
    meters,
    outdoor,
)
from tests.rigs.sentences import danish, english

REPORTING = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
FEBRUARY = (local(2019, 2, 10) - START) // timedelta(hours=1)
MAY = (local(2019, 5, 15) - START) // timedelta(hours=1)
FAULTS = {
    "x1000",
    "stuck",
    "gap",
    "step_change",
    "drift",
    "outage",
    "changed_use",
    "clock_shift",
}
KNOWN = {
    "b3_el": {"step_change"},  # a tenth higher all winter, and back in October 2019
    "b7_el": {"clock_shift"},  # an hour off until October 2018, and not since
    "b15_el": {"clock_shift"},  # summer time kept in one of the two years only
    "b96_el": {"clock_shift"},  # an hour off from January to October, and not after
    "b31_gas": {"step_change"},  # rose by half from October 2019 on
    "b35_gas": {"outage"},  # nothing for 25 days of July 2019, but not a year before
}
"""What single meters do show, judged from plots of both years; all others stay quiet."""


def assess(meter: str, values: np.ndarray) -> Savings:
    return assess_meter(
        Series(START, timedelta(hours=1), values),
        outdoor(),
        meter_id=meter,
        commodity=commodity(meter),
        **asked(baseline=BASELINE, reporting=REPORTING, timezone=TIMEZONE),
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


@pytest.mark.parametrize("meter", METER_IDS)
def test_clean_meters_raise_no_false_flag(meter):
    assert set(clean(meter).flags) & FAULTS == KNOWN.get(meter, set())


@pytest.mark.parametrize(
    ("fault", "flag"),
    [(a_thousand_times, "x1000"), (missing, "gap"), (missing_as_zeros, "gap"), (stuck, "stuck")],
)
@pytest.mark.parametrize("meter", METER_IDS)
def test_planted_faults_are_told_and_do_not_move_the_saving(meter, fault, flag):
    found = dirty(meter, fault)
    assert flag in found.flags
    assert share(found) == pytest.approx(share(clean(meter)), abs=0.012)
    event = next(each for each in found.findings if each.code == flag)
    assert event.excluded
    assert event.lasted_h > 0
    assert danish(event.fact) != english(event.fact)


DATED = ("b0_el", "b2_el", "b9_el", "b19_el", "b35_el", "b62_el", "b96_el", "b111_el")
"""Meters steady enough to tell the day; a boiler that rests in summer shows a step in autumn."""


@pytest.mark.parametrize(
    "meter", sorted(m for m in METER_IDS if not KNOWN.get(m, set()) & {"step_change", "outage"})
)
def test_a_step_up_is_told_and_caps_the_verdict(meter):
    def more(values):
        values[MAY:] *= 1.3

    found = dirty(meter, more)
    steps = [each for each in found.findings if each.code == "step_change"]
    event = max(steps, key=lambda each: each.proposal.share if each.start > REPORTING.start else 0)
    assert 0.1 < event.proposal.share < 0.5
    if meter in DATED:
        assert abs(event.start - datetime(2019, 5, 15, tzinfo=UTC)) < timedelta(days=31)
    assert not event.excluded
    assert "step_change" in [reason.code for reason in found.reasons]
    assert found.verdict is not Verdict.VERIFIED


@pytest.mark.parametrize("fraction", [0.1, 0.25])
@pytest.mark.parametrize("meter", METER_IDS)
def test_a_planted_saving_is_recovered_to_rounding(meter, fraction):
    def less(values):
        values[(REPORTING.start - START) // timedelta(hours=1) :] *= 1.0 - fraction

    found, placebo = dirty(meter, less), clean(meter)
    assert found.adjusted_baseline_kwh == pytest.approx(placebo.adjusted_baseline_kwh, rel=1e-9)
    planted = fraction * placebo.measured_kwh
    assert found.saving_kwh - placebo.saving_kwh == pytest.approx(planted, rel=1e-9)


def test_a_clock_that_cannot_be_seen_is_said_to_be_so():
    """Of every heat and gas meter, and of those of electricity whose months are too unlike."""
    unseen = {meter for meter in METER_IDS if "clock_unseen" in clean(meter).flags}
    assert unseen == {
        *(meter for meter in METER_IDS if meter.endswith("_gas")),
        *("b3_el", "b20_el"),
    }
    (said,) = (found.fact for found in clean("b2_gas").findings if found.code == "clock_unseen")
    assert english(said).startswith("A clock that is one hour wrong cannot be seen on this meter")
    assert danish(said).startswith("Et ur, der går en time forkert, kan ikke ses på denne måler")


def test_summer_time_that_is_not_kept_is_told():
    zone = ZoneInfo(TIMEZONE)
    moments = [START + timedelta(hours=i) for i in range(17520)]
    summer = np.array([m.year == 2019 and bool(m.astimezone(zone).dst()) for m in moments])

    def shift(values):
        values[summer] = np.roll(values, 1)[summer]

    assert "clock_shift" in dirty("b31_el", shift).flags
    assert share(dirty("b31_el", shift)) == pytest.approx(share(clean("b31_el")), abs=1e-3)
