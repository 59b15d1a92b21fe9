"""Whatever a meter sends: known use is the meter's own, and unknown use has a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bms.metering.interval import interval_use
from bms.metering.local_days import local_day_edges
from bms.metering.register.use_per_step import register_use
from bms.metering.step_edges import from_micros, to_micros
from bms.metering.virtual import virtual_use
from bms.model.readings.metering import Consumption, FlawKind, MeterExchange
from tests.rigs.examples import examples
from tests.rigs.metering import asked
from tests.rigs.sentences import danish, english

START = datetime(2026, 3, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_US = 3_600_000_000
N = 24 * 8
PEAK = 10.0
RATED = 30.0
SPACE = 30
"""Faults stand so many hours apart: what is judged by its neighbours needs good ones."""

Floats = NDArray[np.float64]

seeds = st.integers(0, 2**32 - 1)
rated = st.sampled_from([None, RATED])
kinds = st.sampled_from(["reset", "spike", "dip", "slip", "gap", "exchange", "negative", "none"])


def hours(n: int = N + 1) -> NDArray[np.int64]:
    return to_micros(START) + HOUR_US * np.arange(n, dtype=np.int64)


def true_use(seed: int) -> Floats:
    """Use of each hour [kWh], from a tenth of the peak to the peak."""
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(0.1 * PEAK, PEAK, N), 2)


def register_of(use: Floats, start: float = 5000.0) -> Floats:
    return np.round(start + np.concatenate(([0.0], np.cumsum(use))), 2)


@dataclass
class Sent:
    """What a meter with faults sends, and the exchanges that were told."""

    values: Floats
    exchanges: list[MeterExchange] = field(default_factory=list)
    resets: int = 0

    def add(self, kind: str, at: int, length: int) -> None:
        values, until = self.values, at + length
        match kind:
            case "reset":
                values[at:] -= values[at]
                self.resets += 1
            case "spike":
                values[at:until] += 1e5 + np.arange(length)
            case "dip":
                values[at:until] = 0.0
            case "slip":
                values[at:until] *= 1000.0
            case "gap":
                values[at:until] = np.nan
            case "negative":
                values[at:until] = -1.0
            case "exchange":
                before, after = values[at - 1], values[at]
                half = (after - before) / 2
                values[at:] += 7.0 + half - after
                told = START + at * HOUR - timedelta(minutes=20)
                self.exchanges.append(MeterExchange(at=told, final=before + half, first=7.0))


def sent(use: Floats, faults: list[tuple[str, int]]) -> Sent:
    found = Sent(register_of(use))
    for i, (kind, length) in enumerate(faults):
        at = SPACE * (i + 1)
        low_register = kind == "slip" and found.values[at] < 100 * PEAK
        found.add("gap" if low_register else kind, at, length)
    return found


def use_of(found: Sent, max_per_hour: float | None = RATED) -> Consumption:
    return register_use(
        hours(),
        found.values,
        **asked(START, START + N * HOUR, max_per_hour=max_per_hour),
        exchanges=tuple(found.exchanges),
    )


def assert_sound(found: Consumption, bound: float | None) -> None:
    """Never negative, never above the bound, and a reason for whatever is missing."""
    values = found.use.values
    known = values[np.isfinite(values)]
    assert (known >= 0).all()
    if bound is not None:
        assert (known <= bound * 1.25 + 1e-6).all()
    for start, value in zip(found.use.times(), values, strict=True):
        if np.isnan(value):
            end = start + found.use.step
            assert any(e.start <= start and end <= e.end for e in found.events), start
    for event in found.events:
        assert event.start <= event.end
        assert event.amount is None or event.amount >= -1e-6
        assert "{" not in danish(event.fact) + english(event.fact)


faults = st.lists(st.tuples(kinds, st.integers(1, 6)), max_size=4)


class TestARegisterWithFaults:
    @pytest.mark.slow
    @given(seeds, faults, rated)
    @settings(max_examples=examples(150), deadline=None)
    def test_a_known_hour_is_the_true_one(
        self, seed: int, what: list[tuple[str, int]], limit: float | None
    ) -> None:
        use = true_use(seed)
        found = use_of(sent(use, what), limit)
        known = np.isfinite(found.use.values)
        assert found.use.values[known] == pytest.approx(use[known], abs=0.02)
        assert_sound(found, limit)

    @given(seeds, faults, rated)
    @settings(max_examples=examples(100), deadline=None)
    def test_only_a_reset_loses_the_total(
        self, seed: int, what: list[tuple[str, int]], limit: float | None
    ) -> None:
        use, told = true_use(seed), sent(true_use(seed), what)
        found = use_of(told, limit)
        if told.resets:
            assert found.total is None
            assert sum(e.flaw is FlawKind.RESET for e in found.events) == told.resets
        else:
            assert found.total == pytest.approx(use.sum(), abs=0.05)
            missing = sum(
                event.amount or 0.0
                for event in found.events
                if event.flaw not in (FlawKind.EXCHANGE, FlawKind.ROLLOVER)
            )
            assert float(np.nansum(found.use.values)) + missing == pytest.approx(found.total)

    @given(seeds, faults, st.randoms(use_true_random=False), st.integers(0, 40))
    @settings(max_examples=examples(60), deadline=None)
    def test_neither_order_nor_repetition_matters(
        self, seed: int, what: list[tuple[str, int]], rng: object, copies: int
    ) -> None:
        told = sent(true_use(seed), what)
        straight = use_of(told)
        order = list(range(N + 1)) + [i * 3 for i in range(copies)]
        rng.shuffle(order)  # type: ignore[attr-defined]
        mixed = register_use(
            hours()[order],
            told.values[order],
            **asked(START, START + N * HOUR, max_per_hour=RATED),
            exchanges=tuple(told.exchanges),
        )
        assert np.array_equal(mixed.use.values, straight.use.values, equal_nan=True)
        assert mixed.total == straight.total
        harmless = (FlawKind.DUPLICATE, FlawKind.OUT_OF_ORDER)
        assert [e for e in mixed.events if e.flaw not in harmless] == list(straight.events)


class TestARegisterThatRollsOver:
    @given(seeds, st.sampled_from([500.0, 999.0, 1000.0, 65535.0]), rated)
    @settings(max_examples=examples(60), deadline=None)
    def test_the_hours_add_up_to_what_was_used(
        self, seed: int, maximum: float, limit: float | None
    ) -> None:
        use = true_use(seed)
        width = {999.0: 1000.0, 65535.0: 65536.0}.get(maximum, maximum)
        values = np.round(register_of(use, 0.9 * width) % width, 2)
        found = register_use(
            hours(),
            values,
            **asked(START, START + N * HOUR, max_per_hour=limit),
            maximum=maximum,
        )
        assert found.use.values == pytest.approx(use, abs=0.02)
        assert found.total == pytest.approx(use.sum(), abs=0.05)
        assert {e.flaw for e in found.events} <= {FlawKind.ROLLOVER}


class TestDays:
    @given(seeds, st.lists(st.integers(1, N - 1), max_size=60, unique=True))
    @settings(max_examples=examples(60), deadline=None)
    def test_a_day_is_exact_when_both_its_midnights_are_known(
        self, seed: int, lost: list[int]
    ) -> None:
        edges = local_day_edges(
            START.date() + timedelta(days=1), START.date() + timedelta(days=6), "Europe/Copenhagen"
        )
        use = true_use(seed)
        values = register_of(use)
        midnights = set(((edges - to_micros(START)) // HOUR_US).tolist())
        values[[i for i in lost if i not in midnights]] = np.nan
        found = register_use(
            hours(),
            values,
            **asked(
                from_micros(int(edges[0])),
                from_micros(int(edges[-1])),
                timedelta(days=1),
                edges=edges,
            ),
        )
        at = (edges - to_micros(START)) // HOUR_US
        true_days = [use[i:j].sum() for i, j in pairwise(at)]
        assert sorted(set(np.diff(at).tolist())) == [23, 24]
        assert found.use.values == pytest.approx(true_days, abs=0.02)


anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0.0, 1e6),
    st.sampled_from([0.0, -1.0, 1e308, 5e-324, 999_999.0]),
)
moments = st.integers(-5 * HOUR_US, 60 * HOUR_US)


class TestWhateverComes:
    @given(
        st.lists(st.tuples(moments, anything), max_size=60),
        st.sampled_from([None, 1e3, 999_999.0]),
        rated,
        st.sampled_from([1.0, 0.001, 40.0]),
        st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1e6), st.floats(0, 1e6)), max_size=2),
    )
    @settings(
        max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    def test_a_register_is_answered_soundly(
        self,
        pairs: list[tuple[int, float]],
        maximum: float | None,
        limit: float | None,
        multiplier: float,
        told: list[tuple[int, float, float]],
    ) -> None:
        found = register_use(
            np.array([to_micros(START) + at for at, _ in pairs], dtype=np.int64),
            np.array([value for _, value in pairs], dtype=np.float64),
            **asked(START, START + 48 * HOUR, multiplier=multiplier, max_per_hour=limit),
            maximum=maximum,
            exchanges=tuple(
                MeterExchange(at=START + at * HOUR, final=final, first=first)
                for at, final, first in told
            ),
        )
        assert len(found.use) == 48
        assert_sound(found, None)

    @given(st.lists(st.tuples(moments, anything), max_size=80), rated)
    @example([(0, 1e308), (0, -8e307)], None)
    @settings(max_examples=examples(100), deadline=None)
    def test_amounts_are_answered_soundly(
        self, pairs: list[tuple[int, float]], limit: float | None
    ) -> None:
        found = interval_use(
            np.array([to_micros(START) + at for at, _ in pairs], dtype=np.int64),
            np.array([value for _, value in pairs], dtype=np.float64),
            interval_s=3600,
            **asked(START, START + 48 * HOUR, 2 * HOUR, max_per_hour=limit),
        )
        assert_sound(found, None if limit is None else 2 * limit)


class TestAVirtualMeter:
    @given(seeds, seeds, faults, faults)
    @settings(max_examples=examples(40), deadline=None)
    def test_a_difference_is_known_where_both_parts_are(
        self, one: int, two: int, what: list[tuple[str, int]], other: list[tuple[str, int]]
    ) -> None:
        big, small = true_use(one) + PEAK, true_use(two)
        assume(len(what) + len(other) > 0)
        parts = {"el": use_of(sent(big, what)), "hp": use_of(sent(small, other))}
        found = virtual_use(parts, (("el", 1.0), ("hp", -1.0)))
        both = np.isfinite(parts["el"].use.values) & np.isfinite(parts["hp"].use.values)
        assert np.array_equal(np.isfinite(found.use.values), both)
        assert found.use.values[both] == pytest.approx((big - small)[both], abs=0.05)
        assert_sound(found, None)
