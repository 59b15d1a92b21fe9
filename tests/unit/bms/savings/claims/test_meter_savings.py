"""The saving of a meter: known answers on made-up and on real buildings, and every refusal."""

from datetime import date, timedelta

import holidays
import numpy as np
import pytest

from bms.model.codec import from_json, to_json
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.models.restlessness import the_estate
from tests.rigs.assessment import asked
from tests.rigs.real_meters import BASELINE, TIMEZONE, commodity, local, meters, outdoor
from tests.rigs.sentences import danish, english

FORTNIGHT = Span(start=local(2019, 1, 14), end=local(2019, 1, 28))
YEAR = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
HOLIDAYS = holidays.country_holidays("GB", subdiv="ENG", years=[2018, 2019])


def closed(day: date) -> bool:
    return day in HOLIDAYS


def building(*, noise: float = 0.02, saving: float = 0.0) -> Series:
    """Hourly heat [kWh] of a building that follows the real weather: 20 kWh/h and 4 kWh/h/K below
    16 degC, ``noise`` of it day by day, and a ``saving`` that starts with the reporting period."""
    temp = outdoor()
    days = np.repeat(np.random.default_rng(7).normal(1.0, noise, len(temp) // 24), 24)
    values = (20.0 + 4.0 * np.maximum(16.0 - temp.values, 0.0)) * days
    after = (FORTNIGHT.start - temp.start) // temp.step
    values[after:] *= 1.0 - saving
    return Series(temp.start, temp.step, values)


def assess(use: Series, **changes) -> Savings:
    keywords = {
        "meter_id": "heat",
        "commodity": Commodity.HEAT,
        "baseline": BASELINE,
        "reporting": FORTNIGHT,
        "timezone": TIMEZONE,
    } | changes
    return assess_meter(use, keywords.pop("temp", outdoor()), **asked(**keywords))


def with_gap(use: Series, start, end) -> Series:
    values = use.values.copy()
    values[(start - use.start) // use.step : (end - use.start) // use.step] = np.nan
    return Series(use.start, use.step, values)


def codes(result: Savings) -> list[str]:
    return [reason.code for reason in result.reasons]


def test_a_large_saving_on_a_steady_building_is_verified():
    result = assess(building(saving=0.25))
    assert result.verdict is Verdict.VERIFIED
    assert result.reasons == ()
    assert result.coverage == 1.0
    assert result.saving_kwh / result.adjusted_baseline_kwh == pytest.approx(0.25, abs=0.02)
    assert 0 < result.saving_low_kwh < result.saving_kwh < result.saving_high_kwh
    assert result.confidence == 0.9
    assert 0.02 < result.drift < 0.05  # half of the season lies next to the reporting period
    assert result.cv_rmse < 0.1
    assert result.r2 > 0.9


def test_no_change_is_no_claim():
    result = assess(building())
    assert result.verdict is Verdict.NOT_CLAIMABLE
    assert abs(result.saving_kwh) < 0.03 * result.adjusted_baseline_kwh
    assert result.saving_low_kwh < 0 < result.saving_high_kwh


def test_more_use_is_shown_and_not_claimed():
    result = assess(building(saving=-0.2))
    assert result.verdict is Verdict.NOT_CLAIMABLE
    assert codes(result) == ["no_saving"]
    assert result.saving_kwh < 0


def test_a_saving_inside_its_interval_is_indicative_at_most():
    result = assess(building(saving=0.05))
    half = (result.saving_high_kwh - result.saving_low_kwh) / 2.0
    assert half / 1.645 < result.saving_kwh < the_estate().verified * half
    assert result.verdict is Verdict.INDICATIVE
    assert codes(result) == ["saving_within_uncertainty"]


def test_drift_widens_the_interval_with_the_time_that_has_passed():
    def half_width(**changes):
        result = assess(building(), **changes)
        return result.saving_high_kwh - result.saving_kwh

    later = Span(start=local(2019, 12, 9), end=local(2019, 12, 23))
    assert half_width(drift=0.0) < half_width(drift=0.03) < half_width(drift=0.1)
    sooner = assess(building())
    assert assess(building(), reporting=later).drift > 1.5 * sooner.drift  # on after a year


def test_quarter_hours_say_the_same_as_hours():
    hourly = building(saving=0.25)
    quarters = Series(hourly.start, hourly.step / 4, np.repeat(hourly.values / 4.0, 4))
    one, other = assess(hourly), assess(quarters)
    assert other.saving_kwh == pytest.approx(one.saving_kwh, rel=1e-9)
    assert other.saving_low_kwh == pytest.approx(one.saving_low_kwh, rel=1e-9)


@pytest.mark.parametrize(
    ("baseline", "code", "verdict", "number"),
    [
        ((local(2018, 11, 20), local(2019, 1, 1)), "baseline_too_short", "not_claimable", False),
        ((local(2018, 10, 1), local(2019, 1, 1)), "baseline_part_of_year", "indicative", True),
        ((local(2018, 1, 20), local(2019, 1, 20)), "periods_overlap", "not_claimable", False),
        ((local(2017, 1, 1), local(2018, 1, 1)), "baseline_too_short", "not_claimable", False),
    ],
)
def test_thin_or_wrong_baselines_are_refused_with_the_reason(baseline, code, verdict, number):
    result = assess(building(saving=0.25), baseline=Span(start=baseline[0], end=baseline[1]))
    assert code in codes(result)
    assert result.verdict.value == verdict
    assert (result.saving_kwh is not None) is number
    assert (result.model is not None) is number


@pytest.mark.parametrize(
    ("days", "code", "verdict"),
    [
        (6, "reporting_too_short", "not_claimable"),
        (9, "reporting_short", "indicative"),
        (0, "reporting_too_short", "not_claimable"),
    ],
)
def test_a_claim_takes_its_time(days, code, verdict):
    span = Span(start=FORTNIGHT.start, end=FORTNIGHT.start + timedelta(days=days))
    result = assess(building(saving=0.4), reporting=span)
    assert code in codes(result)
    assert result.verdict.value == verdict


@pytest.mark.parametrize(
    ("gap_days", "coverage", "verdict", "number"),
    [(2, 12 / 14, "indicative", True), (8, 6 / 14, "not_claimable", False)],
)
def test_gaps_are_counted_and_named(gap_days, coverage, verdict, number):
    start = local(2019, 1, 16)
    use = with_gap(building(saving=0.25), start, start + timedelta(days=gap_days))
    result = assess(use)
    assert result.coverage == pytest.approx(coverage)
    assert "reporting_gaps" in codes(result)
    assert result.verdict.value == verdict
    assert (result.saving_kwh is not None) is number


def test_missing_weather_is_a_gap_too():
    start = local(2019, 1, 16)
    temp = with_gap(outdoor(), start, start + timedelta(days=2))
    assert assess(building(saving=0.25), temp=temp).coverage == pytest.approx(12 / 14)


def test_what_was_not_measured_is_in_neither_sum():
    whole = assess(building(saving=0.25))
    start = local(2019, 1, 16)
    holed = assess(with_gap(building(saving=0.25), start, start + timedelta(days=1)))
    share = holed.adjusted_baseline_kwh / whole.adjusted_baseline_kwh
    assert share == pytest.approx(13 / 14, abs=0.02)
    assert holed.measured_kwh / whole.measured_kwh == pytest.approx(share, abs=0.01)


def test_weather_that_the_baseline_never_saw_is_named():
    temp = outdoor()
    values = temp.values.copy()
    values[(FORTNIGHT.start - temp.start) // temp.step :] -= 15.0
    result = assess(building(saving=0.4), temp=Series(temp.start, temp.step, values))
    assert "weather_outside_baseline" in codes(result)
    assert result.verdict is not Verdict.VERIFIED


def test_use_that_does_not_follow_the_weather_is_not_verified():
    result = assess(building(noise=0.45, saving=0.9))
    assert "fit_poor" in codes(result)
    assert result.verdict is Verdict.INDICATIVE


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_dead_meter_is_refused(value):
    temp = outdoor()
    result = assess(Series(temp.start, temp.step, np.full(len(temp), value)))
    assert result.verdict is Verdict.NOT_CLAIMABLE
    assert result.reasons
    assert result.saving_kwh is None or result.saving_kwh == 0.0


def test_constant_use_and_constant_weather_have_an_answer():
    temp = outdoor()
    flat = Series(temp.start, temp.step, np.full(len(temp), 5.0))
    result = assess(flat, temp=flat)
    assert result.model == "mean"
    assert result.saving_kwh == pytest.approx(0.0, abs=1e-6)
    assert result.r2 is None


def test_every_reason_is_a_sentence_in_both_languages():
    results = [
        assess(building(noise=0.45)),
        assess(building(saving=0.05)),
        assess(building(), baseline=Span(start=local(2018, 10, 1), end=local(2019, 1, 1))),
        assess(building(), reporting=Span(start=FORTNIGHT.start, end=FORTNIGHT.start)),
    ]
    reasons = [each for result in results for each in result.reasons]
    assert len({reason.code for reason in reasons}) >= 5
    for reason in reasons:
        assert danish(reason).endswith(".")
        assert english(reason).endswith(".")
        assert danish(reason) != english(reason)
    within = danish(next(w for w in reasons if w.code == "saving_within_uncertainty"))
    assert "," not in within
    assert "." in within.rstrip(".")  # 1.234 kWh in Danish, 1,234 kWh in English


def test_a_result_is_stored_and_comes_back():
    result = assess(building(saving=0.25))
    assert from_json(Savings, to_json(result)) == result


def real(meter_id: str, use: Series, reporting: Span) -> Savings:
    return assess(
        use,
        meter_id=meter_id,
        commodity=commodity(meter_id),
        reporting=reporting,
        closed=closed,
    )


@pytest.mark.slow
@pytest.mark.parametrize("span", [FORTNIGHT, YEAR])
def test_a_planted_saving_is_recovered_exactly(span):
    for name, use in meters().items():
        values = use.values.copy()
        values[(span.start - use.start) // use.step :] *= 0.9
        placebo = real(name, use, span)
        planted = real(name, Series(use.start, use.step, values), span)
        expected = placebo.saving_kwh + 0.1 * placebo.measured_kwh
        assert planted.saving_kwh == pytest.approx(expected, rel=1e-9)
        assert planted.adjusted_baseline_kwh == pytest.approx(placebo.adjusted_baseline_kwh)
