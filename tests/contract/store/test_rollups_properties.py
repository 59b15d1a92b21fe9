"""Whatever is added, corrected, refreshed and deleted: roll-ups are what the readings come to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.rollup import Level
from bms.ports.storage.readings import Fold
from bms.ports.storage.whole import Store
from bms.store.memory.store import MemoryStore
from bms.store.rollups.readings_per_step import Grid
from bms.store.sql.store import SqlStore
from tests.rigs.examples import examples
from tests.rigs.fakes.store import HOUR, QUARTER
from tests.rigs.storage.plain_rollups import PlainReadings, an_erasure

DAY = timedelta(days=1)
#: The clocks change in both, and in the first a month ends.
BEGINS = (datetime(2025, 3, 29, tzinfo=UTC), datetime(2025, 10, 24, 21, 30, tzinfo=UTC))
DAYS = 4


@dataclass(frozen=True)
class Added:
    """Readings of point ``which`` at minutes after the begin."""

    rows: tuple[tuple[int, int, tuple[float | None, Quality]], ...]


@dataclass(frozen=True)
class Forgotten:
    which: frozenset[int]
    day: int
    with_rollups: bool


@dataclass(frozen=True)
class Refreshed:
    hours: int


@st.composite
def contents(draw: st.DrawFn) -> tuple[float | None, Quality]:
    good = draw(st.integers(0, 3)) > 0
    quality = Quality.GOOD if good else draw(st.sampled_from(Quality))
    return draw(st.integers(-999, 999)) / 10 if quality.has_value else None, quality


#: Some minutes are often hit again: those are corrected.
MINUTES = st.one_of(
    st.integers(0, DAYS * 24 * 60 - 1), st.sampled_from([0, 60, 1380, 1381, 1439, 1440, 2879])
)
POINTS = st.integers(0, 1)
EVENTS = st.lists(
    st.one_of(
        st.builds(
            Added,
            st.lists(st.tuples(POINTS, MINUTES, contents()), min_size=1, max_size=25).map(tuple),
        ),
        st.builds(Refreshed, st.integers(0, DAYS * 24 + 48)),
        st.builds(Forgotten, st.frozensets(POINTS), st.integers(0, DAYS), st.booleans()),
    ),
    min_size=1,
    max_size=8,
)


@dataclass
class Fresh:
    """A store, and names that no other example has used."""

    store: Store
    numbers: Iterator[int]

    def points(self) -> list[str]:
        return [f"school/p{next(self.numbers)}" for _ in range(2)]


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgres"])
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fresh]:
    folder: Path = tmp_path_factory.mktemp("store")
    store: Store
    match request.param:
        case "memory":
            store = MemoryStore()
        case "sqlite":
            store = SqlStore(f"sqlite:///{folder}/bms.db")
        case _:
            store = SqlStore(request.getfixturevalue("postgres_server").fresh())
    yield Fresh(store, itertools.count())
    store.close()


def happen(
    event: Added | Forgotten | Refreshed,
    begin: datetime,
    points: list[str],
    store: Store,
    plain: PlainReadings,
) -> None:
    match event:
        case Added(rows):
            batch = [
                Reading(points[which], begin + timedelta(minutes=minute), *content)
                for which, minute, content in rows
            ]
            assert store.add_readings(batch) == plain.add(batch)
        case Refreshed(hours):
            store.refresh_rollups(points, begin + timedelta(hours=hours))
        case Forgotten(which, day, with_rollups):
            before = date(begin.year, begin.month, begin.day) + timedelta(days=day)
            chosen = [points[index] for index in sorted(which)]
            erasure = an_erasure(chosen, before, with_rollups=with_rollups)
            erased = store.forget(erasure)
            assert (erased.readings, erased.corrections) == plain.forget(erasure)


def compare(store: Store, plain: PlainReadings, points: list[str], begin: datetime) -> None:
    start, end = begin - 2 * HOUR, begin + DAYS * DAY + 10 * QUARTER
    asked = [points[1], "school/never.seen", points[0]]
    for level in Level:
        plain.compare(store.rollups(asked, start, end, level), start, end)
    for point, fold in itertools.product(points, Fold):
        for step in (QUARTER, HOUR, DAY):
            compare_series(store, plain, point, begin.replace(minute=0), step, fold)


def compare_series(
    store: Store, plain: PlainReadings, point: str, begin: datetime, step: timedelta, fold: Fold
) -> None:
    end = begin + DAYS * DAY
    found = store.series(point, begin, end, step, fold)
    grid = Grid.over(begin, end, step)
    expected = plain.series(point, grid, fold, remembered=step % HOUR == timedelta(0))
    if fold is Fold.MEAN and step > HOUR:  # sums of sums
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-12, atol=1e-9)
    else:
        np.testing.assert_array_equal(found.values, expected.values)


@settings(max_examples=examples(20), deadline=None, derandomize=True)
@given(events=EVENTS, begin=st.sampled_from(BEGINS))
def test_rollups_are_what_the_readings_come_to(
    fresh: Fresh, events: list[Added | Forgotten | Refreshed], begin: datetime
) -> None:
    plain, points = PlainReadings(), fresh.points()
    for event in events:
        happen(event, begin, points, fresh.store, plain)
    compare(fresh.store, plain, points, begin)
    fresh.store.refresh_rollups(points, begin + 30 * DAY)
    compare(fresh.store, plain, points, begin)
