"""Savings with and without what people decided about non-routine events: sums by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import hypot

import pytest

from bms.model.savings.objection import Verdict
from bms.savings.claims.adjusted_savings import (
    WaitingCode,
    limited,
    unadjusted,
    with_adjustment,
    with_adjustments_of,
)
from bms.savings.claims.adjustment import adjusted_months
from bms.savings.claims.aggregate import combine_meters
from tests.rigs.fakes.city import utc
from tests.rigs.fakes.ledger import a_dismissal, a_saving, an_event, with_open_step
from tests.rigs.fakes.objections import NO_SAVING
from tests.rigs.sentences import danish, english

Z90 = 1.645


class TestOneMeter:
    def test_without_an_entry_nothing_changes(self) -> None:
        saving = a_saving()
        assert with_adjustment(saving, [an_event(meter="lodge/el")]) is saving

    def test_what_an_event_used_is_added_to_the_baseline_and_the_saving(self) -> None:
        told = with_adjustment(a_saving(), [an_event()])
        assert told.adjusted_baseline_kwh == pytest.approx(4200.0)
        assert told.saving_kwh == pytest.approx(1200.0)
        assert told.measured_kwh == 3000.0
        assert told.saving_high_kwh == pytest.approx(1200.0 + hypot(100.0, Z90 * 40.0))
        assert told.saving_low_kwh == pytest.approx(1200.0 - hypot(100.0, Z90 * 40.0))

    def test_the_saving_without_it_stands_beside(self) -> None:
        beside = with_adjustment(a_saving(), [an_event()]).unadjusted
        assert beside is not None
        assert (beside.saving_kwh, beside.saving_low_kwh, beside.saving_high_kwh) == (
            1000.0,
            900.0,
            1100.0,
        )
        assert (beside.adjustment_kwh, beside.adjustment_se_kwh) == (200.0, 40.0)
        assert (beside.events, beside.verdict) == (("e1",), Verdict.VERIFIED)

    def test_a_meter_without_a_number_has_none_with_an_event_either(self) -> None:
        nothing = a_saving(
            saving_kwh=None,
            saving_low_kwh=None,
            saving_high_kwh=None,
            adjusted_baseline_kwh=None,
            months=(),
        )
        told = with_adjustment(nothing, [an_event()])
        assert (told.saving_kwh, told.adjusted_baseline_kwh, told.months) == (None, None, ())
        assert told.verdict is Verdict.NOT_CLAIMABLE

    def test_an_open_event_leaves_indicative_and_a_dismissal_lifts_that(self) -> None:
        waiting = with_open_step(kwh=-950.0)
        assert with_adjustment(waiting, []).verdict is Verdict.INDICATIVE
        entry = a_dismissal(start=utc(2019, 2, 1), end=utc(2019, 4, 1))
        told = with_adjustment(waiting, [entry])
        assert told.verdict is Verdict.VERIFIED
        assert told.saving_kwh == 1000.0
        assert told.unadjusted is not None
        assert told.unadjusted.verdict is Verdict.INDICATIVE

    def test_an_open_event_that_a_proven_saving_outlasts_limits_nothing(self) -> None:
        assert with_open_step(kwh=180.0).verdict is Verdict.VERIFIED
        assert with_open_step(kwh=-180.0).verdict is Verdict.VERIFIED
        assert with_open_step(kwh=None).verdict is Verdict.INDICATIVE


class TestMonths:
    def test_the_month_of_the_event_has_its_quantity(self) -> None:
        january, february, march = adjusted_months(a_saving(), [an_event()])
        assert january.saving_kwh == 500.0
        assert february.saving_kwh == pytest.approx(450.0)
        assert february.adjusted_baseline_kwh == pytest.approx(1200.0)
        assert march.saving_kwh == 250.0
        assert february.saving_high_kwh == pytest.approx(450.0 + hypot(30.0, Z90 * 40.0))
        assert march.saving_high_kwh == pytest.approx(280.0)

    def test_the_year_to_date_has_it_from_then_on(self) -> None:
        rows = adjusted_months(a_saving(), [an_event()])
        assert [row.to_date_kwh for row in rows] == pytest.approx([500.0, 950.0, 1200.0])
        halves = [row.to_date_high_kwh - row.to_date_kwh for row in rows]
        assert halves == pytest.approx([60.0, *[hypot(60.0, Z90 * 40.0)] * 2])

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (utc(2019, 1, 20), utc(2019, 2, 20)),
            (utc(2018, 12, 1), utc(2019, 1, 11)),
            (utc(2019, 3, 20), utc(2019, 6, 1)),
            (utc(2018, 3, 1), utc(2018, 4, 1)),
            (utc(2018, 1, 1), utc(2019, 4, 1)),
        ],
    )
    def test_the_months_add_up_to_the_adjusted_period(self, start, end) -> None:
        told = with_adjustment(a_saving(), [an_event(start=start, end=end)])
        assert sum(row.saving_kwh for row in told.months) == pytest.approx(told.saving_kwh)
        baselines = sum(row.adjusted_baseline_kwh for row in told.months)
        assert baselines == pytest.approx(told.adjusted_baseline_kwh)
        assert told.months[-1].to_date_kwh == pytest.approx(told.saving_kwh)
        assert told.unadjusted is not None
        assert told.unadjusted.adjustment_kwh != 0

    def test_an_event_of_the_baseline_is_taken_out_by_the_months_own_baselines(self) -> None:
        entry = an_event(start=utc(2018, 2, 1), end=utc(2018, 3, 1), kwh_adjustment=160.0)
        rows = adjusted_months(a_saving(), [entry])
        changes = [row.saving_kwh - old for row, old in zip(rows, (500, 250, 250), strict=True)]
        assert changes == pytest.approx([-20.0, -10.0, -10.0])  # 160 kWh of 16 000, of 4 000

    def test_a_new_year_begins_at_nothing(self) -> None:
        saving = a_saving()
        first, *rest = saving.months
        months = (replace(first, month=date(2018, 12, 1)), *rest)
        turned = replace(
            saving, months=months, reporting=replace(saving.reporting, start=utc(2018, 12, 1))
        )
        turned = replace(turned, baseline=replace(saving.baseline, end=utc(2018, 12, 1)))
        rows = adjusted_months(turned, [an_event(start=utc(2018, 12, 1), end=utc(2019, 1, 1))])
        assert [
            row.to_date_kwh - old.to_date_kwh for row, old in zip(rows, months, strict=True)
        ] == (pytest.approx([200.0, 0.0, 0.0]))


class TestSums:
    def test_a_building_is_told_with_and_without(self) -> None:
        parts = [a_saving(), a_saving("lodge/el")]
        adjusted = [with_adjustment(part, [an_event()]) for part in parts]
        without = combine_meters("lodge", parts)
        told = with_adjustments_of(combine_meters("lodge", adjusted), without)
        assert told.saving_kwh == pytest.approx(2200.0)
        assert told.measured_kwh == pytest.approx(6000.0)
        assert told.unadjusted is not None
        assert told.unadjusted.saving_kwh == pytest.approx(2000.0)
        assert told.unadjusted.events == ("e1",)
        assert unadjusted(told).saving_kwh == pytest.approx(2000.0)
        assert unadjusted(told).adjusted_baseline_kwh == pytest.approx(8000.0)

    def test_a_building_without_adjustments_has_nothing_beside(self) -> None:
        total = combine_meters("lodge", [a_saving()])
        assert with_adjustments_of(total, total).unadjusted is None
        assert unadjusted(total) is total

    @pytest.mark.parametrize(
        ("kwh", "verdict"), [(399.0, Verdict.VERIFIED), (401.0, Verdict.INDICATIVE)]
    )
    def test_a_tenth_of_the_energy_may_wait_for_a_decision(
        self, kwh: float, verdict: Verdict
    ) -> None:
        total = combine_meters("lodge", [a_saving()])
        told = limited(total, WaitingCode.OPEN_EVENTS, [("lodge/heat", kwh)])
        assert told.verdict is verdict
        named = [each for each in told.reasons if each.code == WaitingCode.OPEN_EVENTS]
        assert bool(named) is (verdict is Verdict.INDICATIVE)
        assert all("lodge/heat" in danish(each) and "lodge/heat" in english(each) for each in named)

    def test_what_cannot_be_claimed_stays_so(self) -> None:
        total = replace(combine_meters("lodge", [a_saving()]), reasons=(NO_SAVING,))
        told = limited(total, WaitingCode.OPEN_EVENTS, [("lodge/heat", 4000.0)])
        assert told.verdict is Verdict.NOT_CLAIMABLE
