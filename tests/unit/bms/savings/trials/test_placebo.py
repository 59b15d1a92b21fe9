"""The same trial on days on which nothing was switched."""

from __future__ import annotations

import numpy as np

from bms.model.savings.trial_result import AaCheck, Subject
from bms.savings.trials.placebo import aa_check, failed
from tests.rigs.fakes.trial import AT, DAYS, DESIGN, a_record


class TestTheAaCheck:
    def test_a_year_without_a_switch_holds_no_effect(self) -> None:
        record = a_record()
        nobody = np.zeros(len(record), dtype=bool)
        check = aa_check(record, nobody, DESIGN, start=AT, days=DAYS, seed=1)
        assert check.windows == 6
        assert not failed(check)

    def test_stretches_in_which_the_control_changed_do_not_count(self) -> None:
        record = a_record()
        written = np.arange(len(record)) >= AT - 60
        check = aa_check(record, written, DESIGN, start=AT, days=DAYS, seed=1)
        assert check.windows == 5

    def test_a_chain_that_finds_effects_everywhere_fails(self) -> None:
        assert failed(AaCheck(subject=Subject.HEAT, windows=6, covered=3))
        assert not failed(AaCheck(subject=Subject.HEAT, windows=6, covered=4))
        assert not failed(AaCheck(subject=Subject.HEAT, windows=0, covered=0))
