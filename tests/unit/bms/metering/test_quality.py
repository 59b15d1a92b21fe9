"""The state of a meter: what is there, how old it is, and what a person has to look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.metering.quality import MeterQuality, assess_quality
from bms.metering.register.use_per_step import register_use
from bms.metering.step_edges import to_micros
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.metering import FlawKind
from tests.rigs.metering import asked
from tests.rigs.sentences import danish, english

START = datetime(2026, 4, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOURS = 24 * 10


def register() -> list[float | None]:
    use = np.random.default_rng(2).uniform(2.0, 4.0, HOURS)
    return np.round(700.0 + np.concatenate(([0.0], np.cumsum(use))), 2).tolist()


def state_of(
    values: list[float | None],
    *,
    now: datetime | None = None,
    arrives: timedelta | None = None,
    how: Quality = Quality.GOOD,
) -> MeterQuality:
    """The quality of a meter whose files come every ``arrives``, or that is read live."""
    readings = [
        Reading(
            "site/el",
            START + i * HOUR,
            value,
            Quality.NO_REPLY if value is None else how,
            None if arrives is None else START + (i * HOUR // arrives + 1) * arrives,
        )
        for i, value in enumerate(values)
    ]
    found = register_use(
        np.array([to_micros(r.time) for r in readings], dtype=np.int64),
        np.array([np.nan if r.value is None else r.value for r in readings]),
        **asked(START, START + HOURS * HOUR),
    )
    return assess_quality(found, readings, now=now)


class TestTheVerdict:
    def test_is_good_where_everything_is_there(self) -> None:
        state = state_of(register())
        assert state.verdict.code == "good"
        assert (state.coverage, state.steps, state.missing) == (1.0, HOURS, 0)
        assert (state.worst, dict(state.counts)) == (None, {})
        assert state.last_reading == START + HOURS * HOUR
        assert state.silent_for == timedelta(0)

    def test_is_incomplete_below_nine_tenths_and_never_rounds_up_to_it(self) -> None:
        values = register()
        values[10:34] = [None] * 24
        state = state_of(values)
        assert state.verdict.code == "incomplete"
        assert "89.5 %" in english(state.verdict)
        assert state.without_value == 24
        assert state.counts == {FlawKind.GAP: 1}

    def test_names_the_longest_missing_spell_with_its_reason(self) -> None:
        values = register()
        values[10] = None
        values[50:60] = [None] * 10
        worst = state_of(values).worst
        assert worst is not None
        assert (worst.start, worst.end) == (START + 49 * HOUR, START + 60 * HOUR)
        assert worst.reason is not None
        assert worst.reason.flaw is FlawKind.GAP

    def test_asks_a_person_to_look_at_flaws_even_where_little_is_missing(self) -> None:
        values = register()
        values[100] = 0.0
        state = state_of(values)
        assert state.verdict.code == "flawed"
        assert state.coverage > 0.98

    def test_says_so_where_nothing_was_read(self) -> None:
        state = state_of([None] * (HOURS + 1))
        assert state.verdict.code == "no_readings"
        assert (state.last_reading, state.silent_for) == (None, None)

    def test_counts_what_the_supplier_estimated(self) -> None:
        assert state_of(register(), how=Quality.ESTIMATED).estimated == HOURS + 1


class TestSilence:
    def test_begins_after_three_usual_pauses(self) -> None:
        end = START + HOURS * HOUR
        assert state_of(register(), now=end + 2.9 * HOUR).verdict.code == "good"
        silent = state_of(register(), now=end + 3.1 * HOUR)
        assert silent.verdict.code == "silent"
        assert silent.silent_for == 3.1 * HOUR

    def test_of_nightly_files_begins_after_three_nights(self) -> None:
        end = START + HOURS * HOUR
        assert state_of(register(), now=end + 3.9 * DAY, arrives=DAY).verdict.code == "good"
        assert state_of(register(), now=end + 4.1 * DAY, arrives=DAY).verdict.code == "silent"

    def test_tells_the_age_in_hours_and_then_in_days(self) -> None:
        end = START + HOURS * HOUR
        assert "30 hours" in english(state_of(register(), now=end + 30 * HOUR).verdict)
        told = state_of(register(), now=end + 9 * DAY).verdict
        assert ("9 days" in english(told), "9 døgn" in danish(told)) == (True, True)

    def test_of_a_single_reading_begins_after_three_days(self) -> None:
        values: list[float | None] = [5.0] + [None] * HOURS
        assert state_of(values, now=START + 2 * DAY).verdict.code == "incomplete"
        assert state_of(values, now=START + 4 * DAY).verdict.code == "silent"

    @pytest.mark.parametrize("ahead", [1, 50])
    def test_is_never_negative(self, ahead: int) -> None:
        state = state_of(register(), now=START + (HOURS - ahead) * HOUR)
        assert state.silent_for == timedelta(0)
