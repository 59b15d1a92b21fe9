"""The noun of a switchback trial: local days, blocks, and when it is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bms.model.codec import from_json, to_json
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import Bounds
from tests.rigs.fakes.trial import ALTERNATING, OURS, OWN, a_trial

MIDNIGHT = datetime(2019, 1, 13, 23, tzinfo=UTC)


class TestBlocks:
    def test_a_block_begins_at_local_midnight(self) -> None:
        trial = a_trial()
        assert trial.start == MIDNIGHT
        assert trial.block_at(MIDNIGHT - timedelta(seconds=1)) is None
        assert trial.block_at(MIDNIGHT) == 0
        assert trial.block_at(MIDNIGHT + timedelta(hours=47, minutes=59)) == 0
        assert trial.block_at(MIDNIGHT + timedelta(hours=48)) == 1
        assert trial.block_start(1) == trial.block_end(0) == MIDNIGHT + timedelta(hours=48)

    def test_nothing_is_on_after_the_last_day(self) -> None:
        trial = a_trial()
        assert trial.days == 12
        assert trial.end == MIDNIGHT + timedelta(days=12)
        assert trial.block_at(trial.end - timedelta(seconds=1)) == 5
        assert trial.block_at(trial.end) is None

    def test_a_day_of_23_hours_is_a_day(self) -> None:
        trial = a_trial(first=date(2019, 3, 30))
        assert trial.block_end(0) - trial.start == timedelta(hours=47)
        assert trial.block_at(datetime(2019, 3, 31, 21, 59, tzinfo=UTC)) == 0
        assert trial.block_at(datetime(2019, 3, 31, 22, 0, tzinfo=UTC)) == 1

    def test_a_wash_out_that_leaves_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="leave nothing to analyse"):
            a_trial(block_days=2, washout_days=2)

    def test_every_day_has_its_weather(self) -> None:
        with pytest.raises(ValueError, match="12 days need a temperature"):
            a_trial(temp_c=(1.0,))

    def test_it_comes_back_from_json(self) -> None:
        trial = a_trial()
        assert from_json(Trial, to_json(trial)) == trial
        assert trial.arms == ALTERNATING
        assert {OURS, OWN} == set(trial.arms)


class TestTheEnd:
    def test_a_trial_that_was_stopped_is_over(self) -> None:
        trial = a_trial()
        at = trial.start + timedelta(days=3)
        end = TrialEnd(trial=trial.id, site="hut", at=at, by="Bo", reason="burst pipe")
        kept = KeptTrial(trial=trial, ended=end)
        assert kept.runs(at - timedelta(seconds=1))
        assert not kept.runs(at)
        assert not kept.open(at)

    def test_a_trial_that_has_not_begun_is_open_but_does_not_run(self) -> None:
        kept = KeptTrial(trial=a_trial())
        before = MIDNIGHT - timedelta(hours=1)
        assert kept.open(before)
        assert not kept.runs(before)


class TestBounds:
    @pytest.mark.parametrize(
        ("bounds", "less", "more", "zero"),
        [
            (Bounds(2.0, 1.0, 3.0), True, False, False),
            (Bounds(-2.0, -3.0, -1.0), False, True, False),
            (Bounds(2.0, -1.0, 5.0), False, False, True),
            (Bounds(2.0, None, None), False, False, True),
            (Bounds(2.0, 1.0, None), True, False, False),
        ],
    )
    def test_an_open_end_claims_nothing(
        self, bounds: Bounds, less: bool, more: bool, zero: bool
    ) -> None:
        assert (bounds.above_zero, bounds.below_zero, bounds.holds(0.0)) == (less, more, zero)
