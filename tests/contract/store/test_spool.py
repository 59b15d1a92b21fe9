"""A store whose database goes away and comes back: what every store promises, and the waiting."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from bms.errors import ConfigError, StoreError, StoreUnavailable
from bms.model.assets.point import Privacy
from bms.model.control.retention import Erasure
from bms.model.readings.reading import Ingested, Reading
from bms.model.readings.spool import Importance, Loss
from bms.ports.storage.readings import Forwarding
from bms.ports.storage.whole import Store
from bms.store.database.connection import Link
from bms.store.memory.store import MemoryStore
from bms.store.rollups.local_days import LocalDays
from bms.store.spool.forwarding import ForwardingStore
from bms.store.spool.process_slots import Slots
from bms.store.spool.reconnecting import Reach
from bms.store.sql.readings import SqlReadings
from bms.store.sql.store import SqlStore
from tests.contract.store.test_contract import (  # noqa: F401  the promises of every store, kept here too
    TestPeople,
    TestPlans,
    TestReadings,
    TestSeries,
)
from tests.rigs.fakes.store import HOUR, MONDAY, AwayStore, a_plan, quarters

TEMP, METER, CO2 = "school/gym.temp", "school/heat.energy", "school/gym.co2"
IMPORTANCE = {METER: Importance.REGISTER, CO2: Importance.PERSONAL}


class Place:
    """Where a database would be: it can be taken away, and refuse what is poisoned."""

    def __init__(self) -> None:
        self.inner = MemoryStore()
        self.away = False
        self.poison: set[float] = set()
        self.calls: list[tuple[int, bool]] = []
        self.opened = 0

    def open(self) -> Store:
        if self.away:
            raise StoreUnavailable("nobody answers")
        self.opened += 1
        return PlacedStore(self)


class PlacedStore(MemoryStore):
    """A store of a ``Place``: readings go there, in batches that are noted."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        batch = list(readings)
        if self._place.away:
            raise StoreUnavailable("nobody answers")
        if self._place.poison & {reading.value for reading in batch}:
            raise StoreError("a value that is none")
        self._place.calls.append((len(batch), durable))
        return self._place.inner.add_readings(batch)

    def latest(self, points):
        if self._place.away:
            raise StoreUnavailable("nobody answers")
        return self._place.inner.latest(points)


class Wall:
    """A clock that tests move [s]."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


Opener = Callable[..., ForwardingStore]


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    """Makes stores over one folder; all are closed at the end."""
    made: list[ForwardingStore] = []

    def make(
        open_store: Callable[[], Store], *, limit_bytes: int = 1_000_000, **reach: object
    ) -> ForwardingStore:
        slots = Slots(tmp_path / "spool", limit_bytes=limit_bytes, importance=IMPORTANCE)
        made.append(ForwardingStore(Reach(open_store, **{"retry_s": 0.0, **reach}), slots))
        return made[-1]

    yield make
    for store in made:
        store.close()


class ForwardingSqlStore(ForwardingStore):
    """With what the store has beyond the port, for the tests of every store."""

    def corrections(self, *arguments):
        return self._reach.store().corrections(*arguments)

    def audit(self, *arguments):
        return self._reach.store().audit(*arguments)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ForwardingStore]:
    """For the promises of every store: the database is there."""
    slots = Slots(tmp_path / "spool", limit_bytes=1_000_000, importance={})
    made = ForwardingSqlStore(Reach(lambda: SqlStore(f"sqlite:///{tmp_path}/bms.db")), slots)
    yield made
    assert not (tmp_path / "spool").exists()
    made.close()


def values(place: Place, point: str = TEMP) -> list[float | None]:
    return [r.value for r in place.inner.readings(point, MONDAY, MONDAY + 1000 * HOUR)]


def test_it_is_the_ports(opener: Opener) -> None:
    made = opener(MemoryStore)
    waiting: Forwarding = made  # mypy holds the signatures to the port
    assert waiting.state().waiting == {}
    for name, of_port in inspect.getmembers(Store, inspect.isfunction):
        if name in vars(ForwardingStore) and not name.startswith("_"):
            written_out = inspect.signature(getattr(ForwardingStore, name))
            assert str(written_out) == str(inspect.signature(of_port)), name
    assert made.as_store() is made


def test_every_method_of_the_port_reaches_the_store(opener: Opener) -> None:
    made = opener(MemoryStore).as_store()
    made.add_plan(a_plan())
    assert made.plan("p1") == a_plan()
    assert made.keys() == []
    with pytest.raises(AttributeError, match="dance"):
        made.dance()


class TestAway:
    def test_readings_wait_and_arrive_once(self, opener: Opener) -> None:
        place = Place()
        store = opener(place.open)
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

    def test_a_database_that_is_away_at_the_start(self, opener: Opener) -> None:
        place = Place()
        place.away = True
        store = opener(place.open)
        store.open()
        assert store.add_readings(quarters([1.0], TEMP)) == Ingested(waiting=1)
        with pytest.raises(StoreUnavailable, match="nobody answers"):
            store.as_store().latest([TEMP])
        place.away = False
        assert store.as_store().latest([TEMP]) == {}
        assert store.add_readings(quarters([1.0, 2.0], TEMP)) == Ingested(new=1, known=1)
        assert place.opened == 1

    @pytest.mark.parametrize("error", [ConfigError("no URL"), StoreError("of a newer version")])
    def test_what_waiting_does_not_mend_is_said_at_the_start(
        self, opener: Opener, error: Exception
    ) -> None:
        def refuse() -> Store:
            raise error

        with pytest.raises(type(error), match=str(error)):
            opener(refuse).open()

    def test_new_readings_never_overtake_those_that_wait(self, opener: Opener) -> None:
        place = Place()
        store = opener(place.open, retry_s=60.0, monotonic=(wall := Wall()))
        place.away = True
        store.add_readings([Reading(TEMP, MONDAY, 1.0)])
        place.away = False
        assert store.add_readings([Reading(TEMP, MONDAY, 2.0)]) == Ingested(waiting=1)
        assert values(place) == []
        wall.now = 61.0
        assert store.add_readings([Reading(TEMP, MONDAY, 3.0)]) == Ingested(corrected=1)
        assert values(place) == [3.0]
        earlier = [c.earlier.value for c in place.inner.corrections(TEMP, MONDAY, MONDAY + HOUR)]
        assert earlier == [1.0, 2.0]

    def test_one_that_was_away_is_left_alone_for_a_while(self, opener: Opener) -> None:
        """Six hundred sites must not each wait for a time-out."""
        tried: list[int] = []

        def open_store() -> Store:
            tried.append(1)
            raise StoreUnavailable("nobody answers")

        store = opener(open_store, retry_s=5.0, monotonic=(wall := Wall()))
        for _ in range(3):
            store.add_readings(quarters([1.0], TEMP))
            with pytest.raises(StoreUnavailable, match="nobody answers"):
                store.as_store().keys()
        assert len(tried) == 1
        wall.now = 5.0
        store.add_readings(quarters([1.0], TEMP))
        assert len(tried) == 2

    def test_it_says_once_that_it_went_and_once_that_it_is_back(
        self, opener: Opener, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = Place()
        store = opener(place.open)
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
        store = opener(lambda: AwayAfter(2))
        batch = quarters(range(250_000), TEMP)
        assert store.add_readings(batch) == Ingested(new=200_000, waiting=50_000)

    def test_what_waited_outlives_a_power_cut_once_it_is_handed_on(self, opener: Opener) -> None:
        place = Place()
        store = opener(place.open)
        place.away = True
        store.add_readings(quarters([1.0], TEMP))
        place.away = False
        store.add_readings(quarters([2.0], METER), durable=True)
        store.add_readings(quarters([3.0], METER))
        assert [durable for _, durable in place.calls] == [True, True, False]

    def test_threads_lose_nothing(self, opener: Opener) -> None:
        place = Place()
        store = opener(place.open)
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
        assert not place.inner.corrections(places[0], MONDAY, MONDAY + 1000 * HOUR)


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
        before = opener(place.open)
        place.away = True
        before.add_readings([Reading(TEMP, MONDAY, 1.0)])
        before.close()
        place.away = False
        after = opener(place.open)
        assert after.add_readings([Reading(TEMP, MONDAY, 2.0)]) == Ingested(corrected=1)
        assert values(place) == [2.0]

    def test_what_another_process_left_is_found_later(self, opener: Opener) -> None:
        place = Place()
        one, other = opener(place.open), opener(place.open)
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
        store = opener(place.open)
        store.add_readings(quarters([1.0, 2.0], TEMP))
        place.away = False
        place.inner.add_readings(quarters([1.0, 2.0], TEMP))
        assert store.forward() == Ingested(known=2)
        assert not place.inner.corrections(TEMP, MONDAY, MONDAY + HOUR)

    def test_a_closed_store_keeps_nothing(self, opener: Opener, tmp_path: Path) -> None:
        place = Place()
        place.away = True
        store = opener(place.open)
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.add_readings(quarters([1.0], TEMP))
        assert not (tmp_path / "spool").exists()


class TestRefusals:
    def test_one_refused_reading_spares_its_neighbours(
        self, opener: Opener, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = Place()
        store = opener(place.open)
        place.away = True
        store.add_readings(quarters(range(100), TEMP))
        place.away, place.poison = False, {13.0, 77.0}
        assert store.forward() == Ingested(new=98)
        assert values(place) == [float(i) for i in range(100) if i not in (13, 77)]
        assert store.state().lost == {(Importance.OTHER, Loss.REFUSED): 2}
        assert caplog.text.count("the database refuses Reading(point='school/gym.temp'") == 2

    def test_a_database_that_takes_nothing_loses_nothing(self, opener: Opener) -> None:
        place = Place()
        store = opener(place.open)
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
        store = opener(place.open, limit_bytes=3_000)
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
        store = opener(place.open)
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
        store = opener(place.open)
        place.away = True
        store.add_readings(quarters([1.0], CO2))
        with pytest.raises(StoreUnavailable, match="while readings wait on disk"):
            store.forget(erasure())
        place.away = False
        store.forget(erasure())
        assert list((tmp_path / "spool").rglob("*.spool")) == []


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
    store = opener(lambda: readings)
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        store.add_readings(quarters([1.0], TEMP))  # so that the point is known
        link.levels.clear()
        store.add_readings(quarters([1.0, 2.0], TEMP), durable=durable)
        assert link.levels == [level]
