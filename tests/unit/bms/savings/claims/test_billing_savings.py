"""Meters that are read by the month: CalTRACK's rules as cases, and known answers."""

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.billing_savings import assess_bills, days_of
from bms.savings.data.screening import Zeros
from bms.savings.models.billing import bill_days, bills_in, fit_bills, longest_days
from tests.rigs.assessment import asked
from tests.rigs.real_meters import BASELINE, START, TIMEZONE, commodity, local, meters, outdoor
from tests.rigs.sentences import danish, english

YEAR = Span(start=local(2019, 1, 1), end=local(2020, 1, 1))
DATES, TEMP = days_of(outdoor(), TIMEZONE)


@dataclass(frozen=True)
class Bills:
    edges_s: np.ndarray
    kwh: np.ndarray


def firsts(count: int = 25, first: date = date(2018, 1, 1), every: int = 1) -> list[date]:
    months = [first.year * 12 + first.month - 1 + every * i for i in range(count)]
    return [date(m // 12, m % 12 + 1, first.day) for m in months]


def bills(days: list[date], use) -> Bills:
    """Bills between ``days`` of a building that uses ``use(temperature)`` [kWh/day]."""
    per_day = use(TEMP)
    at = {day: i for i, day in enumerate(DATES)}
    kwh = [
        float(sum(per_day[at[a + timedelta(days=i)]] for i in range((b - a).days)))
        for a, b in itertools.pairwise(days)
    ]
    zone = ZoneInfo(TIMEZONE)
    edges = [int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) for d in days]
    return Bills(np.array(edges, dtype=np.int64), np.array(kwh))


def heating(temp):
    return 120.0 + 14.0 * np.maximum(15.5 - temp, 0.0)


def usable(given: Bills, span: Span = BASELINE):
    return bills_in(given, span, TIMEZONE, DATES, TEMP)


def assess(given: Bills, **changes):
    keywords = {
        "meter_id": "heat",
        "commodity": Commodity.HEAT,
        "baseline": BASELINE,
        "reporting": YEAR,
        "timezone": TIMEZONE,
    } | changes
    return assess_bills(given, outdoor(), **asked(**keywords))


class TestBillsAcrossAnEdge:
    def test_are_told_with_their_energy_and_their_share_of_the_period(self) -> None:
        given = bills(firsts(24, first=date(2018, 1, 15)), heating)
        found = assess(given)
        (said,) = (each for each in found.reasons if each.code == "bills_across")
        assert said.ceiling is Verdict.VERIFIED
        # The one over the new year, of which 14 days lie in the reporting year; no other.
        assert said.parameters["count"] == 1
        assert said.parameters["kwh"] == pytest.approx(float(given.kwh[11]))
        assert said.parameters["share"] == pytest.approx(14 / 365)
        assert "of the reporting period" in english(said)
        assert "rapportperioden" in danish(said)

    def test_are_none_where_bills_begin_with_the_period(self) -> None:
        codes = [each.code for each in assess(bills(firsts(), heating)).reasons]
        assert "bills_across" not in codes


class TestWhichBillsCount:
    def test_the_bills_of_a_period_and_no_other(self) -> None:
        found = usable(bills(firsts(), heating))
        assert found.starts == tuple(firsts(12))
        assert found.days.sum() == 365

    def test_a_bill_across_the_edge_belongs_to_no_period(self) -> None:
        given = bills(firsts(24, first=date(2018, 1, 15)), heating)
        assert len(usable(given)) == 11
        assert len(usable(given, YEAR)) == 11

    @pytest.mark.parametrize(
        ("length", "counts"), [(24, False), (25, True), (35, True), (36, False)]
    )
    def test_a_monthly_bill_has_25_to_35_days(self, length, counts) -> None:
        odd = date(2018, 3, 1) + timedelta(days=length)
        days = [*firsts(3), odd, *[d for d in firsts() if (d - odd).days >= 25]]
        found = usable(bills(days, heating))
        assert (date(2018, 3, 1) in found.starts) is counts

    def test_five_weeks_that_are_read_before_noon_and_then_after_it_count(self) -> None:
        """The nearest midnights are 36 days apart."""
        given = bills([date(2018, 1, 1) + timedelta(days=35 * i) for i in range(11)], heating)
        hours = np.where(np.arange(11) % 2, 15, 9)
        assert len(usable(Bills(given.edges_s + 3600 * hours, given.kwh))) == 10

    @pytest.mark.parametrize(("length", "counts"), [(70, True), (71, False)])
    def test_a_bimonthly_one_up_to_70(self, length, counts) -> None:
        odd = date(2018, 3, 1) + timedelta(days=length)
        days = [*firsts(2, every=2), odd, *[d for d in firsts(13, every=2) if d > odd]]
        assert longest_days(days) == 70
        assert (date(2018, 3, 1) in usable(bills(days, heating)).starts) is counts

    def test_quarterly_bills_say_too_little(self) -> None:
        assert len(usable(bills(firsts(9, every=3), heating))) == 0

    def test_a_bill_without_a_tenth_of_its_temperatures_says_nothing(self) -> None:
        temp = TEMP.copy()
        temp[[31, 33, 35]] = np.nan  # three days of February: 25 of 28 are left
        given = bills(firsts(), heating)
        assert len(bills_in(given, BASELINE, TIMEZONE, DATES, temp)) == 11
        temp[31] = 3.0
        assert len(bills_in(given, BASELINE, TIMEZONE, DATES, temp)) == 12

    def test_stamps_near_midnight_mean_that_day(self) -> None:
        given = bills(firsts(), heating)
        moved = Bills(given.edges_s + 3600, given.kwh)
        assert usable(moved).starts == usable(given).starts

    def test_the_last_bill_ends_as_the_others_do(self) -> None:
        """A file has starts only, and its reader lets the last bill be as long as the one before:
        30 days for a December after a November."""
        given = bills(firsts(13), heating)
        short = given.edges_s.copy()
        short[-1] -= 86400
        assert bill_days(short, TIMEZONE)[-1] == date(2019, 1, 1)
        irregular = bills([date(2018, 1, 3), date(2018, 2, 5), date(2018, 3, 4)], heating)
        assert bill_days(irregular.edges_s, TIMEZONE)[-1] == date(2018, 3, 4)


class TestTheModel:
    def test_a_building_that_is_the_model_is_found(self) -> None:
        found = fit_bills(usable(bills(firsts(), heating)), cooling=False)
        assert found.name == "3PH bills"
        assert found.point.heat_balance == 15.5
        assert (found.point.mu, found.point.heat_slope) == pytest.approx((120.0, 14.0))
        assert found.cv_rmse == pytest.approx(0.0, abs=1e-6)

    def test_cooling_and_heating_in_one_bill(self) -> None:
        def use(temp):
            return 300.0 + 9.0 * np.maximum(12.0 - temp, 0.0) + 25.0 * np.maximum(temp - 17.5, 0.0)

        found = fit_bills(usable(bills(firsts(), use)), cooling=True)
        assert (found.point.kind, found.point.heat_balance, found.point.cool_balance) == (
            "5P",
            12.0,
            17.5,
        )
        assert found.point.cool_slope == pytest.approx(25.0)

    def test_weights_are_the_days_of_the_bills(self) -> None:
        """Against weighted least squares by hand at the balance point that was chosen."""
        rng = np.random.default_rng(4)
        days = [date(2018, 1, 1) + timedelta(days=int(d)) for d in np.cumsum([0, *[27, 34] * 6])]
        given = bills(days, heating)
        rough = Bills(given.edges_s, given.kwh * rng.normal(1.0, 0.1, len(given.kwh)))
        chosen = bills_in(rough, Span(start=BASELINE.start, end=YEAR.end), TIMEZONE, DATES, TEMP)
        found = fit_bills(chosen, cooling=False)
        at = round((found.point.heat_balance + 1.0) / 0.5)
        design = np.column_stack([np.ones(len(chosen)), chosen.heating[at]])
        root = np.sqrt(chosen.days)[:, None]
        expected = np.linalg.lstsq(design * root, chosen.rate * root[:, 0], rcond=None)[0]
        assert [found.point.mu, found.point.heat_slope] == pytest.approx(expected.tolist())

    def test_few_bills_do_not_buy_many_parameters(self) -> None:
        found = fit_bills(usable(bills(firsts(5), heating)), cooling=True)
        assert found.point.parameters <= 2


class TestTheSaving:
    def test_no_change_is_no_saving(self) -> None:
        result = assess(bills(firsts(), heating))
        assert result.model == "3PH bills"
        assert result.saving_kwh == pytest.approx(0.0, abs=1e-6 * result.measured_kwh)
        assert result.verdict is Verdict.NOT_CLAIMABLE

    def test_a_fifth_less_is_found_and_verified(self) -> None:
        given = bills(firsts(), heating)
        kwh = given.kwh.copy()
        kwh[12:] *= 0.8
        result = assess(Bills(given.edges_s, kwh))
        assert result.saving_kwh == pytest.approx(0.25 * result.measured_kwh)
        assert result.verdict is Verdict.VERIFIED
        assert result.coverage == 1.0
        assert result.n == 12
        assert result.saving_low_kwh > 0

    def test_a_missing_bill_is_in_neither_sum(self) -> None:
        given = bills(firsts(), heating)
        kwh = given.kwh.copy()
        kwh[14] = np.nan
        result = assess(Bills(given.edges_s, kwh))
        assert result.coverage == pytest.approx(334 / 365)
        assert result.measured_kwh == pytest.approx(np.nansum(kwh[12:]))
        assert result.saving_kwh == pytest.approx(0.0, abs=1.0)

    def test_bills_agree_with_the_days_that_they_sum(self) -> None:
        """The real meters by the month: nominal 90 % intervals contain zero in about 90 %."""
        hits, apart = 0, []
        for name, use in meters().items():
            moments = START.timestamp() + 3600.0 * np.arange(len(use))
            edges = [local(d.year, d.month, d.day).timestamp() for d in firsts()]
            place = np.searchsorted(edges, moments, side="right") - 1
            kwh = np.bincount(place, np.nan_to_num(use.values), minlength=25)[:24]
            given = Bills(np.array(edges, dtype=np.int64), kwh)
            result = assess(given, meter_id=name, commodity=commodity(name))
            hits += result.saving_low_kwh <= 0 <= result.saving_high_kwh
            apart.append(result.saving_kwh / result.adjusted_baseline_kwh)
        assert 21 <= hits <= 27
        assert abs(float(np.mean(apart))) < 0.01


class TestWhatCannotBeABill:
    @pytest.mark.parametrize(
        ("value", "kind", "flag"),
        [
            (-5.0, Commodity.HEAT, "negative"),
            (0.0, Commodity.ELECTRICITY, "zeros"),
            (5e8, Commodity.HEAT, "x1000"),
        ],
    )
    def test_it_is_left_out_and_flagged(self, value, kind, flag) -> None:
        given = bills(firsts(), heating)
        kwh = given.kwh.copy()
        kwh[15] = value
        result = assess(Bills(given.edges_s, kwh), commodity=kind)
        assert result.flags == (flag,)
        assert result.coverage < 1.0

    def test_a_summer_without_heat_is_real(self) -> None:
        given = bills(firsts(), lambda t: 14.0 * np.maximum(12.0 - t, 0.0) * (t < 14))
        kwh = given.kwh.copy()
        kwh[[6, 18]] = 0.0
        assert assess(Bills(given.edges_s, kwh)).coverage == 1.0
        missing = assess(Bills(given.edges_s, kwh), zeros=Zeros.MISSING)
        assert missing.coverage < 1.0


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "code"),
        [
            (bills(firsts(4), heating), "reporting_too_short"),
            (bills(firsts(9, every=3), heating), "bills_too_long"),
            (bills(firsts(17, first=date(2018, 9, 1))[:17], heating), "too_few_bills"),
        ],
    )
    def test_thin_data_have_no_number(self, given, code) -> None:
        result = assess(given)
        assert code in [reason.code for reason in result.reasons]
        assert result.saving_kwh is None
        assert result.verdict is Verdict.NOT_CLAIMABLE

    def test_periods_that_overlap(self) -> None:
        result = assess(bills(firsts(), heating), reporting=BASELINE)
        assert [reason.code for reason in result.reasons] == ["periods_overlap"]

    def test_no_weather_at_all(self) -> None:
        nothing = Series(datetime(2010, 1, 1, tzinfo=UTC), timedelta(hours=1), np.zeros(48))
        result = assess_bills(
            bills(firsts(), heating),
            nothing,
            meter_id="m",
            commodity=Commodity.HEAT,
            **asked(baseline=BASELINE, reporting=YEAR, timezone=TIMEZONE),
        )
        assert result.saving_kwh is None
        assert result.reasons
