"""Whatever arrives, in whatever order and however often: the content is the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.ports.storage.readings import Fold
from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore
from tests.rigs.examples import examples
from tests.rigs.fakes.store import HOUR, MONDAY, QUARTER

DAY = timedelta(days=1)
SPAN = (MONDAY - DAY, MONDAY + 3 * DAY)
FEW = settings(max_examples=examples(40), deadline=None, derandomize=True)
AnyStore = MemoryStore | SqlStore


@dataclass
class Fresh:
    """A store, and point names that no other example has used."""

    store: AnyStore
    numbers: Iterator[int]

    def point(self) -> str:
        return f"school/p{next(self.numbers)}"


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgres"])
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fresh]:
    folder: Path = tmp_path_factory.mktemp("store")
    store: AnyStore
    match request.param:
        case "memory":
            store = MemoryStore()
        case "sqlite":
            store = SqlStore(f"sqlite:///{folder}/bms.db")
        case _:
            store = SqlStore(request.getfixturevalue("postgres_server").fresh())
    yield Fresh(store, itertools.count())
    store.close()


@st.composite
def contents(draw: st.DrawFn) -> tuple[float | None, Quality]:
    """A value with a quality that goes with it."""
    quality = draw(st.sampled_from(Quality))
    # Values have a few digits: what meters and sensors give.
    value = draw(st.integers(-10_000, 10_000)) / 100 if quality.has_value else None
    return value, quality


MINUTES = st.integers(0, 2 * 24 * 60)
WITHOUT_CONFLICT = st.dictionaries(MINUTES, contents(), min_size=1, max_size=40)
ANY = st.lists(st.tuples(MINUTES.map(lambda m: m % 20), contents()), max_size=30)


def reading(point: str, minute: int, content: tuple[float | None, Quality]) -> Reading:
    return Reading(point, MONDAY + timedelta(minutes=minute), *content)


@FEW
@given(given_once=WITHOUT_CONFLICT, seed=st.integers(0, 2**16))
def test_order_and_repetition_change_nothing(
    fresh: Fresh, given_once: dict[int, tuple[float | None, Quality]], seed: int
) -> None:
    point = fresh.point()
    expected = [reading(point, minute, given_once[minute]) for minute in sorted(given_once)]
    chance = random.Random(seed)
    arrivals = expected + chance.choices(expected, k=len(expected))
    chance.shuffle(arrivals)
    total = Ingested()
    while arrivals:
        size = chance.randint(1, len(arrivals))
        total += fresh.store.add_readings(arrivals[:size])
        arrivals = arrivals[size:]
    assert total == Ingested(new=len(expected), known=len(expected))
    assert fresh.store.readings(point, *SPAN) == expected
    assert fresh.store.corrections(point, *SPAN) == []


@FEW
@given(arrivals=ANY, cut=st.integers(0, 30))
def test_two_batches_do_what_one_by_one_does(
    fresh: Fresh, arrivals: list[tuple[int, tuple[float | None, Quality]]], cut: int
) -> None:
    batch_point, single_point = fresh.point(), fresh.point()
    batch = [reading(batch_point, *arrival) for arrival in arrivals]
    total = fresh.store.add_readings(batch[:cut]) + fresh.store.add_readings(batch[cut:])
    singly = Ingested()
    for one in batch:
        singly += fresh.store.add_readings([replace(one, point=single_point)])
    assert total == singly
    assert total.new + total.known + total.corrected == len(batch)
    kept = fresh.store.readings(batch_point, *SPAN)
    assert [replace(one, point=single_point) for one in kept] == fresh.store.readings(
        single_point, *SPAN
    )
    assert len(fresh.store.corrections(batch_point, *SPAN)) == total.corrected


@FEW
@given(arrivals=ANY)
def test_every_version_is_kept(
    fresh: Fresh, arrivals: list[tuple[int, tuple[float | None, Quality]]]
) -> None:
    point = fresh.point()
    fresh.store.add_readings(reading(point, *arrival) for arrival in arrivals)
    versions: dict[int, list[tuple[float | None, Quality]]] = {}
    for minute, content in arrivals:
        known = versions.setdefault(minute, [])
        if not known or known[-1] != content:
            known.append(content)
    for minute, expected in versions.items():
        at = MONDAY + timedelta(minutes=minute)
        corrections = fresh.store.corrections(point, at, at + timedelta(microseconds=1))
        standing = fresh.store.readings(point, at, at + timedelta(microseconds=1))
        kept = [correction.earlier for correction in corrections] + standing
        assert [(one.value, one.quality) for one in kept] == expected


REGISTER = st.lists(st.integers(0, 500), min_size=4, max_size=96)


@FEW
@given(uses=REGISTER, jitter_s=st.integers(-112, 112), per_step=st.sampled_from([1, 2, 4, 8]))
def test_uses_add_up_to_what_the_register_moved(
    fresh: Fresh, uses: list[int], jitter_s: int, per_step: int
) -> None:
    point = fresh.point()
    register = np.cumsum([12345, *uses]) / 10
    chance = random.Random(jitter_s)
    fresh.store.add_readings(
        Reading(point, MONDAY + i * QUARTER + timedelta(seconds=chance.uniform(0, jitter_s)), value)
        for i, value in enumerate(register.tolist())
    )
    steps = len(uses) // per_step
    step = per_step * QUARTER
    series = fresh.store.series(point, MONDAY, MONDAY + steps * step, step, Fold.DELTA)
    assert series.coverage == (1.0 if steps else 0.0)
    assert (series.values >= 0).all()
    moved = register[steps * per_step] - register[0]
    assert series.values.sum() == pytest.approx(moved, abs=1e-6)


@FEW
@given(
    readings=st.dictionaries(MINUTES, st.integers(0, 10**6), max_size=60),
    step_min=st.sampled_from([7, 15, 60, 24 * 60]),
    start_min=st.integers(-60, 60),
)
def test_use_is_known_and_right_or_missing(
    fresh: Fresh, readings: dict[int, int], step_min: int, start_min: int
) -> None:
    """Against the definition, step by step, in plain words of Python."""
    point = fresh.point()
    fresh.store.add_readings(
        Reading(point, MONDAY + timedelta(minutes=m), float(v)) for m, v in readings.items()
    )
    start, step = MONDAY + timedelta(minutes=start_min), timedelta(minutes=step_min)
    n = 24 * 60 // step_min
    series = fresh.store.series(point, start, start + n * step, step, Fold.DELTA)
    tolerance_min = min(step_min / 8, 30)
    edges = [
        min(
            (m for m in readings if abs(m - edge) <= tolerance_min),
            key=lambda m, edge=edge: (abs(m - edge), m),
            default=None,
        )
        for edge in range(start_min, start_min + (n + 1) * step_min, step_min)
    ]
    for value, first, last in zip(series.values.tolist(), edges[:-1], edges[1:], strict=True):
        inside = [
            readings[m]
            for m in sorted(readings)
            if first is not None and last is not None and first <= m <= last
        ]
        if not inside or any(b < a for a, b in itertools.pairwise(inside)):
            assert np.isnan(value)
        else:
            assert value == inside[-1] - inside[0]


def test_summer_time_makes_no_difference(fresh: Fresh) -> None:
    point = fresh.point()
    start = MONDAY.replace(month=3, day=30)  # clocks go forward in the night of the 31st
    fresh.store.add_readings(Reading(point, start + i * QUARTER, float(i)) for i in range(193))
    hours = fresh.store.series(point, start, start + 48 * HOUR, HOUR, Fold.DELTA)
    assert hours.values.tolist() == [4.0] * 48
