"""Readings whose database goes away and comes back: the promises of every store, and waiting."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from bms.errors import StoreError, StoreUnavailable
from bms.model.assets.point import Privacy
from bms.model.control.retention import Erasure
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.spool import Importance, Loss
from bms.ports.storage.readings import Fold, Forwarding, ReadingStore
from bms.ports.storage.retention import RetentionStore
from bms.store.database.availability import Availability
from bms.store.database.connection import Link
from bms.store.memory.store import MemoryStore
from bms.store.rollups.local_days import LocalDays
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.store_and_forward import ForwardingReadings, SpooledRetention
from bms.store.sql.readings import SqlReadings
from bms.store.sql.store import SqlStore
from tests.contract.store.test_contract import (  # noqa: F401  the promises of every store, kept here too
    TestReadings,
    TestSeries,
)
from tests.rigs.fakes.store import HOUR, MONDAY, AwayStore, quarters

TEMP, METER, CO2 = "school/gym.temp", "school/heat.energy", "school/gym.co2"
IMPORTANCE = {METER: Importance.REGISTER, CO2: Importance.PERSONAL}


class Place(MemoryStore):
    """A database that can be taken away, and refuse what is poisoned."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.poison: set[float] = set()
        self.calls: list[tuple[int, bool]] = []

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        batch = list(readings)
        if self.away:
            raise StoreUnavailable("nobody answers")
        if self.poison & {reading.value for reading in batch}:
            raise StoreError("a value that is none")
        self.calls.append((len(batch), durable))
        return super().add_readings(batch)

    def latest(self, points: Sequence[str]) -> dict[str, Reading]:
        if self.away:
            raise StoreUnavailable("nobody answers")
        return super().latest(points)


class Wall:
    """A clock that tests move [s]."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


Opener = Callable[..., ForwardingReadings]


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    """Makes readings that wait, over one folder; all are closed at the end."""
    made: list[ForwardingReadings] = []

    def make(
        readings: ReadingStore, *, limit_bytes: int = 1_000_000, **availability: object
    ) -> ForwardingReadings:
        folders = SpoolFolders(tmp_path / "spool", limit_bytes=limit_bytes, importance=IMPORTANCE)
        known = Availability(**{"retry_s": 0.0, **availability})
        made.append(ForwardingReadings(readings, folders, known))
        return made[-1]

    yield make
    for store in made:
        store.close()


class ForwardingSqlReadings(ForwardingReadings):
    """With what the store has beyond the port, for the tests of every store."""

    def __init__(self, store: SqlStore, folders: SpoolFolders) -> None:
        super().__init__(store, folders)
        self.corrections = store.corrections


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ForwardingReadings]:
    """For the promises of every store: the database is there."""
    folders = SpoolFolders(tmp_path / "spool", limit_bytes=1_000_000, importance={})
    database = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    made = ForwardingSqlReadings(database, folders)
    yield made
    assert not (tmp_path / "spool").exists()
    made.close()
    database.close()


def values(place: Place, point: str = TEMP) -> list[float | None]:
    return [r.value for r in place.readings(point, MONDAY, MONDAY + 1000 * HOUR)]


def test_it_is_the_ports(opener: Opener) -> None:
    made = opener(Place())
    readings: ReadingStore = made  # mypy holds the signatures to the ports
    waiting: Forwarding = made
    assert waiting.state().waiting == {}
    assert readings.latest([TEMP]) == {}
    for name, of_port in inspect.getmembers(ReadingStore, inspect.isfunction):
        if not name.startswith("_"):
            written_out = inspect.signature(getattr(ForwardingReadings, name))
            assert str(written_out) == str(inspect.signature(of_port)), name


def test_what_asks_for_readings_reaches_the_database(opener: Opener) -> None:
    place = Place()
    store = opener(place)
    place.add_readings(quarters([1.0, 2.0], TEMP))
    span = (TEMP, MONDAY, MONDAY + HOUR)
    assert store.readings(*span) == place.readings(*span)
    assert [each.tolist() for each in store.good(*span)] == [
        each.tolist() for each in place.good(*span)
    ]
    assert store.latest([TEMP]) == place.latest([TEMP])
    assert store.series(*span, HOUR).values.tolist() == [1.5]
    assert store.series(*span, HOUR, Fold.LAST).values.tolist() == [2.0]


class TestAway:
    def test_readings_wait_and_arrive_once(self, opener: Opener) -> None:
        place = Place()
        store = opener(place)
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=2)
        place.away = True
        assert store.add_readings(quarters([2.0, 3.0], METER)) == Ingested(waiting=2)
        assert store.state().waiting == {Importance.REGISTER: 2}
        assert store.forward() == Ingested(waiting=2)
        place.away = False
        assert store.forward() == Ingested(new=2)
        assert store.forward() == Ingested()
        assert values(place, METER) == [2.0, 3.0]
        assert store.state().waiting == {}

    def test_what_asks_is_told_that_the_database_is_away(self, opener: Opener) -> None:
        place = Place()
        place.away = True
        store = opener(place)
        assert store.add_readings(quarters([1.0], TEMP)) == Ingested(waiting=1)
        with pytest.raises(StoreUnavailable, match="nobody answers"):
            store.latest([TEMP])
        place.away = False
        assert store.latest([TEMP]) == {}
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=1, known=1)

    def test_new_readings_never_overtake_those_that_wait(self, opener: Opener) -> None:
        place = Place()
        store = opener(place, retry_s=60.0, monotonic=(wall := Wall()))
        place.away = True
        store.add_readings([Reading(TEMP, MONDAY, 1.0)])
        place.away = False
        assert store.add_readings([Reading(TEMP, MONDAY, 2.0)]) == Ingested(waiting=1)
        assert values(place) == []
        wall.now = 61.0
        assert store.add_readings([Reading(TEMP, MONDAY, 3.0)]) == Ingested(corrected=1)
        assert values(place) == [3.0]
        earlier = [c.earlier.value for c in place.corrections(TEMP, MONDAY, MONDAY + HOUR)]
        assert earlier == [1.0, 2.0]

    def test_one_that_was_away_is_left_alone_for_a_while(self, opener: Opener) -> None:
        """Six hundred sites must not each wait for a time-out."""
        tried: list[int] = []

        class Gone(MemoryStore):
            def add_readings(self, *_: object, **__: object) -> Ingested:
                tried.append(1)
                raise StoreUnavailable("nobody answers")

        store = opener(Gone(), retry_s=5.0, monotonic=(wall := Wall()))
        for _ in range(3):
            store.add_readings(quarters([1.0], TEMP))
        assert len(tried) == 1
        wall.now = 5.0
        store.add_readings(quarters([1.0], TEMP))
        assert len(tried) == 2

    def test_it_says_once_that_it_went_and_once_that_it_is_back(
        self, opener: Opener, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = Place()
        store = opener(place)
        for expected in (1, 2):
            place.away = True
            for _ in range(3):
                store.add_readings(quarters([1.0], TEMP))
                store.forward()
            place.away = False
            for _ in range(3):
                store.forward()
                store.add_readings(quarters([1.0], TEMP))
            assert caplog.text.count("wait on disk until the database is back") == expected
            assert caplog.text.count("the database is back and takes readings") == expected

    def test_away_again_in_the_middle(self, opener: Opener) -> None:
        """A large batch is handed over in parts; the parts that had no turn wait on."""
        store = opener(AwayAfter(2))
        batch = quarters(range(250_000), TEMP)
        assert store.add_readings(batch) == Ingested(new=200_000, waiting=50_000)

    def test_what_waited_outlives_a_power_cut_once_it_is_handed_on(self, opener: Opener) -> None:
        place = Place()
        store = opener(place)
        place.away = True
        store.add_readings(quarters([1.0], TEMP))
        place.away = False
        store.add_readings(quarters([2.0], METER), durable=True)
        store.add_readings(quarters([3.0], METER))
        assert [durable for _, durable in place.calls] == [True, True, False]

    def test_threads_lose_nothing(self, opener: Opener) -> None:
        place = Place()
        store = opener(place)
        places = [f"school/zone{i}.temp" for i in range(4)]

        def write(point: str) -> None:
            for i in range(40):
                store.add_readings([Reading(point, MONDAY + i * HOUR, float(i))])

        def come_and_go() -> None:
            for i in range(40):
                place.away = i % 2 == 0
                store.forward()
            place.away = False

        threads = [threading.Thread(target=write, args=(point,)) for point in places]
        threads.append(threading.Thread(target=come_and_go))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.forward()
        assert [values(place, point) for point in places] == [[float(i) for i in range(40)]] * 4
        assert not place.corrections(places[0], MONDAY, MONDAY + 1000 * HOUR)


class AwayAfter(AwayStore):
    """Away after so many batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self._left = batches

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        self.away = self._left == 0
        self._left -= 1
        if self.away:
            return super().add_readings(readings)
        return Ingested(new=len(list(readings)))


class TestRestart:
    def test_what_an_earlier_process_left_goes_first(self, opener: Opener) -> None:
        place = Place()
        before = opener(place)
        place.away = True
        before.add_readings([Reading(TEMP, MONDAY, 1.0)])
        before.close()
        place.away = False
        after = opener(place)
        assert after.add_readings([Reading(TEMP, MONDAY, 2.0)]) == Ingested(corrected=1)
        assert values(place) == [2.0]

    def test_what_another_process_left_is_found_later(self, opener: Opener) -> None:
        place = Place()
        one, other = opener(place), opener(place)
        place.away = True
        one.add_readings(quarters([1.0], TEMP))
        other.add_readings(quarters([2.0], METER))
        one.close()
        place.away = False
        assert other.forward() == Ingested(new=2)
        assert (values(place, TEMP), values(place, METER)) == ([1.0], [2.0])

    def test_a_crash_between_commit_and_removal_repeats_harmlessly(self, opener: Opener) -> None:
        place = Place()
        place.away = True
        store = opener(place)
        store.add_readings(quarters([1.0, 2.0], TEMP))
        place.away = False
        place.add_readings(quarters([1.0, 2.0], TEMP))
        assert store.forward() == Ingested(known=2)
        assert not place.corrections(TEMP, MONDAY, MONDAY + HOUR)

    def test_a_closed_store_keeps_nothing(self, opener: Opener, tmp_path: Path) -> None:
        place = Place()
        place.away = True
        store = opener(place)
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.add_readings(quarters([1.0], TEMP))
        assert not (tmp_path / "spool").exists()


class TestRefusals:
    def test_one_refused_reading_spares_its_neighbours(
        self, opener: Opener, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = Place()
        store = opener(place)
        place.away = True
        store.add_readings(quarters(range(100), TEMP))
        place.away, place.poison = False, {13.0, 77.0}
        assert store.forward() == Ingested(new=98)
        assert values(place) == [float(i) for i in range(100) if i not in (13, 77)]
        assert store.state().lost == {(Importance.OTHER, Loss.REFUSED): 2}
        assert caplog.text.count("the database refuses Reading(point='school/gym.temp'") == 2

    def test_a_database_that_takes_nothing_loses_nothing(self, opener: Opener) -> None:
        place = Place()
        store = opener(place)
        place.away = True
        store.add_readings(quarters([1.0, 2.0], TEMP))
        place.away, place.poison = False, {1.0, 2.0, 3.0}
        with pytest.raises(StoreError, match="takes none of 2 readings: a value that is none"):
            store.forward()
        assert store.add_readings(quarters([3.0], TEMP)) == Ingested(waiting=1)
        place.poison = set()
        assert store.forward() == Ingested(new=2, corrected=1)


class TestNoRoom:
    @staticmethod
    def noise(point: str, n: int) -> list[Reading]:
        return [
            Reading(point, MONDAY + (100 * n + i) * HOUR, (i * 7919 + n) / 1.7) for i in range(100)
        ]

    def test_a_push_that_finds_no_room_is_not_acknowledged(self, opener: Opener) -> None:
        place = Place()
        place.away = True
        store = opener(place, limit_bytes=3_000)
        for n in range(3):
            store.add_readings(self.noise(METER, n))
        with pytest.raises(StoreUnavailable, match="100 of 100 were refused; send them again"):
            store.add_readings(self.noise(CO2, 1), durable=True)
        assert store.add_readings(self.noise(CO2, 2)) == Ingested(waiting=0)
        assert store.state().lost[Importance.PERSONAL, Loss.FULL] == 200

    def test_a_disk_that_refuses_is_an_error_that_says_what_to_do(
        self, opener: Opener, tmp_path: Path
    ) -> None:
        (tmp_path / "spool").write_text("a file where a folder should be")
        place = Place()
        place.away = True
        store = opener(place)
        with pytest.raises(
            StoreUnavailable, match=r"nobody answers\. Nor can readings wait .*BMS_HOME"
        ):
            store.add_readings(quarters([1.0], TEMP))
        place.away = False
        assert store.add_readings(quarters([1.0], TEMP)) == Ingested(new=1)


def erasure() -> Erasure:
    return Erasure(
        site="school",
        privacy=Privacy.PERSONAL,
        points=(CO2,),
        before=date(2020, 1, 1),
        with_rollups=True,
        actor="bo",
        at=MONDAY,
        reason="retention",
    )


class TestForgetting:
    def test_what_waits_does_not_come_back(self, opener: Opener, tmp_path: Path) -> None:
        place = Place()
        store = opener(place)
        retention = SpooledRetention(place, store)
        place.away = True
        store.add_readings(quarters([1.0], CO2))
        with pytest.raises(StoreUnavailable, match="while readings wait on disk"):
            retention.forget(erasure())
        place.away = False
        assert retention.forget(erasure()).readings == 1
        assert list((tmp_path / "spool").rglob("*.spool")) == []
        assert values(place, CO2) == []

    def test_the_ledger_and_the_scrubbing_are_those_of_the_database(self, opener: Opener) -> None:
        scrubbed: list[int] = []

        class Scrubbed(MemoryStore):
            def scrub(self, *, whole: bool = False) -> None:
                scrubbed.append(1)

        place = Scrubbed()
        place.add_readings(quarters([1.0], CO2))
        retention: RetentionStore = SpooledRetention(place, opener(place))
        gone = retention.forget(erasure())
        assert retention.erasures(MONDAY) == place.erasures(MONDAY) == [gone]
        retention.scrub()
        assert scrubbed == [1]


class AskingLink(Link):
    """Asks within every transaction that writes how it is synced: 2 is FULL, 1 is NORMAL."""

    def __init__(self, url: str) -> None:
        self.levels: list[object] = []
        super().__init__(url)

    @contextmanager
    def writing(self, *, durable: bool):
        with super().writing(durable=durable) as session:
            asked = session.connection().exec_driver_sql("PRAGMA synchronous").scalar()
            self.levels.append(asked)
            yield session


class Readings(SqlReadings):
    """A store of readings only."""

    def close(self) -> None:
        self._link.close()


def test_acknowledged_pushes_outlive_a_power_cut(tmp_path: Path, opener: Opener) -> None:
    link = AskingLink(f"sqlite:///{tmp_path}/bms.db")
    readings = Readings(link, LocalDays())
    store = opener(readings)
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        store.add_readings(quarters([1.0], TEMP))  # so that the point is known
        link.levels.clear()
        store.add_readings(quarters([1.0, 2.0], TEMP), durable=durable)
        assert link.levels == [level]
