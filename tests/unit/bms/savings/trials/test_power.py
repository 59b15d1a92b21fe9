"""The least effects that trials show, by the building's own past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bms.model.savings.trial_result import DetectableEffect, Subject
from bms.savings.trials.power import WeeksRange, detectable_effects, weeks_for
from tests.rigs.fakes.trial import AT, DESIGN, a_record, analysed


@pytest.fixture(scope="module")
def table() -> tuple[DetectableEffect, ...]:
    return detectable_effects(a_record(), DESIGN, AT, (4, 8))


class TestPower:
    @pytest.mark.slow
    def test_longer_trials_see_smaller_effects(self, table: tuple[DetectableEffect, ...]) -> None:
        four, eight = table
        assert four.share is not None
        assert eight.share is not None
        assert 0.0 < eight.share < four.share < 0.2
        assert (four.blocks, eight.blocks) == (9, 18)

    @pytest.mark.slow
    def test_what_it_promises_is_shown_four_times_of_five(
        self, table: tuple[DetectableEffect, ...]
    ) -> None:
        eight = table[1]
        assert eight.share is not None
        told = [analysed(eight.share, seed=seed) for seed in range(40)]
        shown = np.mean([each is not None and each.saving.above_zero for each in told])
        assert 0.65 <= shown <= 0.98

    @pytest.mark.slow
    def test_a_quiet_building_needs_fewer_weeks(self) -> None:
        quiet = detectable_effects(a_record(noise=0.01), DESIGN, AT, (4,))
        noisy = detectable_effects(a_record(noise=0.2), DESIGN, AT, (4,))
        assert weeks_for(quiet, 0.08) == WeeksRange(4, 4)
        assert weeks_for(noisy, 0.08) == WeeksRange(None, None)

    @pytest.mark.slow
    def test_weeks_are_a_range_by_the_worse_stretches_of_the_past(
        self, table: tuple[DetectableEffect, ...]
    ) -> None:
        four, eight = table
        assert four.share_high is not None
        assert eight.share_high is not None
        assert four.share is not None
        assert four.share_high > four.share
        between = (four.share + four.share_high) / 2.0
        assert weeks_for((four, replace(eight, share_high=0.0)), between) == WeeksRange(4, 8)

    def test_a_short_past_tells_nothing(self) -> None:
        (row,) = detectable_effects(a_record(), DESIGN, 30, (8,))
        assert (row.share, row.per_day) == (None, None)

    def test_discomfort_has_no_share(self) -> None:
        (row,) = detectable_effects(a_record(subject=Subject.COMFORT), DESIGN, AT, (8,))
        assert row.share is None
        assert row.per_day is not None
