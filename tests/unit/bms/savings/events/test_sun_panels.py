"""Panels of the sun behind a meter: no saving for them, and the reason says so."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.events.sun_panels import panels_in
from tests.rigs.assessment import asked
from tests.rigs.real_meters import (
    BASELINE,
    HOUR,
    START,
    TIMEZONE,
    WEATHER,
    commodity,
    local,
    meters,
    outdoor,
)
from tests.rigs.real_meters import _column as column
from tests.rigs.sentences import danish, english

REPORTING = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
ELECTRIC = sorted(name for name in meters() if name.endswith("_el"))
DAY_H = 24


@pytest.fixture(scope="module")
def sun() -> Series:
    return column(WEATHER, "ghi_wm2")[""]


def with_panels(name: str, sun: Series, first_day: int, size: float = 2.0) -> Floats:
    """Use with panels of ``size`` times the mean load from a day after 2018-01-01 on; what they
    give beyond the use is not measured by a meter of import."""
    use = meters()[name].values.copy()
    at = first_day * DAY_H
    power = size * np.nanmean(use) * 0.85 * sun.values / 1000.0
    use[at:] = np.maximum(use[at:] - power[at:], 0.0)
    return use


def assess(name: str, values: Floats, sun: Series | None) -> Savings:
    return assess_meter(
        Series(START, HOUR, values),
        outdoor(),
        meter_id=name,
        commodity=commodity(name),
        sun=sun,
        **asked(baseline=BASELINE, reporting=REPORTING, timezone=TIMEZONE),
    )


def found(values: Floats, sun: Series | None):
    return panels_in(
        Series(START, HOUR, values),
        outdoor(),
        sun,
        baseline=BASELINE,
        reporting=REPORTING,
        timezone=TIMEZONE,
    )


@pytest.mark.parametrize("name", ["b0_el", "b35_el", "b3_el"])
@pytest.mark.parametrize("measured", [True, False])
def test_panels_of_the_reporting_year_are_no_saving(name: str, measured: bool, sun: Series) -> None:
    first = 365 + 120
    answer = assess(name, with_panels(name, sun, first), sun if measured else None)
    assert answer.verdict is Verdict.NOT_CLAIMABLE
    assert answer.saving_kwh is None
    (why,) = answer.reasons
    assert why.code == "sun_panels"
    since = why.parameters["since"].on  # type: ignore[union-attr]
    assert abs((since - (START + timedelta(days=first)).date()).days) <= 3
    assert "solceller" in danish(why)
    assert "2019" in english(why)


def test_panels_that_came_during_the_baseline_are_no_saving_either(sun: Series) -> None:
    assert [w.code for w in assess("b0_el", with_panels("b0_el", sun, 200), sun).reasons] == [
        "sun_panels"
    ]


@pytest.mark.parametrize("name", ELECTRIC)
def test_buildings_without_panels_have_none(name: str, sun: Series) -> None:
    assert found(meters()[name].values, sun) is None
    assert found(meters()[name].values, None) is None


@pytest.mark.parametrize(
    "hours", [range(24), range(8, 16), [*range(6), 22, 23]], ids=["all", "day", "night"]
)
def test_a_fifth_less_at_any_hours_is_a_saving_and_no_panels(hours, sun: Series) -> None:
    use = meters()["b0_el"].values.copy()
    hour = np.arange(len(use)) % DAY_H
    use[(np.arange(len(use)) >= 365 * DAY_H) & np.isin(hour, list(hours))] *= 0.8
    assert found(use, sun) is None
    assert found(use, None) is None


def test_panels_of_both_years_change_nothing(sun: Series) -> None:
    assert found(with_panels("b0_el", sun, 0, 1.0), sun) is None


def test_a_meter_that_counts_both_ways_shows_its_panels_at_once(sun: Series) -> None:
    use = meters()["b0_el"].values.copy()
    at = (365 + 120) * DAY_H
    use[at:] -= 4.0 * np.nanmean(use) * sun.values[at:] / 1000.0
    (why,) = assess("b0_el", use, None).reasons
    assert why.code == "sun_panels"
    assert why.parameters["since"].on >= date(2019, 4, 30)  # type: ignore[union-attr]


def test_export_in_both_years_leaves_the_use_unknown(sun: Series) -> None:
    use = meters()["b0_el"].values - 5.0 * np.nanmean(meters()["b0_el"].values) * sun.values / 1e3
    (why,) = assess("b0_el", use, None).reasons
    assert why.code == "counts_export"


def test_one_slip_below_zero_is_no_export(sun: Series) -> None:
    use = meters()["b0_el"].values.copy()
    use[9000] = -5.0
    assert found(use, sun) is None
