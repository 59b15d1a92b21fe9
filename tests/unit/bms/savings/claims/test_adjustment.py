"""Non-routine adjustments: what an entry of the ledger does to a saving, worked by hand."""

from dataclasses import replace
from datetime import timedelta
from math import hypot

import pytest

from bms.model.savings.event import Decision, standing
from bms.model.savings.objection import Verdict
from bms.savings.claims.adjustment import adjust
from bms.savings.claims.gates import fit_objections
from bms.savings.models.uncertainty import Z90
from tests.rigs.fakes.savings_entry import ENTRY, SAVINGS, STEP, at


class TestConfirmedEvents:
    def test_the_extra_use_is_added_and_the_interval_widened_in_quadrature(self):
        found = adjust(SAVINGS, [ENTRY])
        half = hypot(500.0, Z90 * 300.0)
        assert found.adjustment_kwh == 3000.0
        assert found.adjustment_se_kwh == 300.0
        assert found.saving_kwh == pytest.approx(3100.0)
        assert found.saving_low_kwh == pytest.approx(3100.0 - half)
        assert found.saving_high_kwh == pytest.approx(3100.0 + half)
        assert found.savings is SAVINGS  # the same without

    def test_the_cap_on_the_verdict_is_lifted(self):
        assert adjust(SAVINGS, []).open == (STEP,)
        assert adjust(replace(SAVINGS, saving_kwh=5000.0, saving_high_kwh=5500.0), []).verdict is (
            Verdict.INDICATIVE
        )
        found = adjust(SAVINGS, [ENTRY])
        assert found.open == ()
        assert found.verdict is Verdict.VERIFIED
        assert found.applied == (ENTRY,)

    def test_only_the_time_inside_the_period_counts(self):
        entry = replace(ENTRY, start=at(2019, 12, 22), end=at(2020, 1, 11))
        assert adjust(SAVINGS, [entry]).adjustment_kwh == pytest.approx(1500.0)

    def test_an_event_of_the_baseline_is_taken_out_by_what_the_model_carries_over(self):
        entry = replace(ENTRY, start=at(2018, 3), end=at(2018, 6), kwh_adjustment=1000.0)
        found = adjust(SAVINGS, [entry])
        assert found.adjustment_kwh == pytest.approx(-1000.0 * 8_000 / 10_000)
        assert found.adjustment_se_kwh == pytest.approx(300.0 * 0.8)

    def test_an_event_that_goes_on_after_the_entry_ends_stays_open(self):
        found = adjust(SAVINGS, [replace(ENTRY, end=at(2019, 7), kwh_adjustment=700.0)])
        assert found.adjustment_kwh == 700.0
        assert found.open == (STEP,)
        assert found.verdict is not Verdict.VERIFIED


class TestOtherEntries:
    def test_a_dismissed_event_adjusts_nothing_and_lifts_the_cap(self):
        entry = replace(ENTRY, kwh_adjustment=0.0, kwh_se=0.0, decision=Decision.DISMISSED)
        found = adjust(SAVINGS, [entry])
        assert (found.adjustment_kwh, found.saving_kwh) == (0.0, 100.0)
        assert found.open == ()
        assert [reason.code for reason in found.reasons] == ["saving_within_uncertainty"]

    @pytest.mark.parametrize(
        "entry",
        [
            replace(ENTRY, meter="m2"),
            replace(ENTRY, start=at(2021, 1), end=at(2021, 2)),
        ],
    )
    def test_another_meter_or_year_changes_nothing(self, entry):
        found = adjust(SAVINGS, [entry])
        assert found.adjustment_kwh == 0.0
        assert found.open == (STEP,)
        assert found.applied == ()

    def test_a_superseded_entry_does_not_count(self):
        later = replace(ENTRY, id="e2", supersedes="e1", kwh_adjustment=2000.0)
        assert standing([ENTRY, later]) == (later,)
        assert adjust(SAVINGS, [ENTRY, later]).adjustment_kwh == 2000.0

    def test_a_poor_fit_still_caps_the_verdict(self):
        poor = replace(SAVINGS, cv_rmse=0.4, reasons=(*SAVINGS.reasons, *fit_objections(0.4, None)))
        assert adjust(poor, [ENTRY]).verdict is Verdict.INDICATIVE
        hopeless = replace(
            SAVINGS, cv_rmse=1.2, reasons=(*SAVINGS.reasons, *fit_objections(1.2, None))
        )
        assert adjust(hopeless, [ENTRY]).verdict is Verdict.NOT_CLAIMABLE

    def test_a_meter_without_a_number_stays_without(self):
        nothing = replace(
            SAVINGS,
            saving_kwh=None,
            saving_low_kwh=None,
            saving_high_kwh=None,
            adjusted_baseline_kwh=None,
        )
        found = adjust(nothing, [ENTRY])
        assert found.saving_kwh is None
        assert found.verdict is Verdict.NOT_CLAIMABLE


class TestEntries:
    @pytest.mark.parametrize(
        "change",
        [
            {"end": ENTRY.start},
            {"author": " "},
            {"reason": ""},
            {"kwh_se": -1.0},
            {"kwh_se": float("nan")},
            {"kwh_adjustment": float("inf")},
            {"decision": Decision.DISMISSED},
        ],
    )
    def test_an_entry_that_says_nothing_is_refused_by_name(self, change):
        with pytest.raises(ValueError, match="e1"):
            replace(ENTRY, **change)

    def test_a_decision_holds_for_a_day_that_is_estimated_anew(self):
        moved = replace(STEP, start=STEP.start + timedelta(days=20))
        assert adjust(replace(SAVINGS, findings=(moved,)), [ENTRY]).open == ()
        far = replace(STEP, start=STEP.start + timedelta(days=60))
        assert adjust(replace(SAVINGS, findings=(far,)), [ENTRY]).open == (far,)
