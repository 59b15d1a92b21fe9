"""Whatever happens, in whatever order: what was acknowledged stands in the end, and the last value
of it does, as if the database had never been away."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bms.errors import StoreUnavailable
from bms.model.readings.measurement import Ingested, Reading
from bms.model.readings.spool import Importance
from bms.store.database.availability import Availability
from bms.store.memory.store import MemoryStore
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.store_and_forward import ForwardingReadings
from tests.rigs.examples import examples
from tests.rigs.fakes.store import MONDAY

POINTS = ("school/heat.energy", "school/gym.temp", "school/gym.co2")
IMPORTANCE = dict(zip(POINTS, Importance, strict=True))
#: Few points, times and values: most readings are late, corrected or known already.
rows = st.lists(
    st.tuples(st.sampled_from(POINTS), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=8
)


def unsynced(root: Path, limit_bytes: int) -> SpoolFolders:
    """Nobody pulls the plug of this machine: syncing would only take time."""
    return SpoolFolders(root, limit_bytes=limit_bytes, importance=IMPORTANCE, sync=lambda _: None)


class Killed(BaseException):
    """The process is gone."""


class Database(MemoryStore):
    """Can be taken away; ``dies_after`` kills whoever writes to it once it has committed."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.dies_after = False

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        if self.away:
            raise StoreUnavailable("nobody answers")
        done = super().add_readings(readings)
        if self.dies_after:
            self.dies_after = False
            raise Killed
        return done


class Writers(RuleBasedStateMachine):
    """One process after the other writes readings, over one database and one folder."""

    ROOM = 10_000_000

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name) / "spool"
        self.database = Database()
        self.stands: dict[tuple[str, int], float] = {}
        self.known: set[tuple[str, int, float]] = set()
        self.start()

    def start(self) -> None:
        folders = unsynced(self.root, self.ROOM)
        self.store = ForwardingReadings(self.database, folders, Availability(retry_s=0.0))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.finish()
            self.store.close()
            self.folder.cleanup()

    def kept(self) -> dict[tuple[str, int], float | None]:
        return {
            (point, int((reading.time - MONDAY).total_seconds())): reading.value
            for point in POINTS
            for reading in self.database.readings(point, MONDAY, MONDAY + timedelta(days=1))
        }

    def finish(self) -> None:
        """The database is there for good: everything arrives."""
        self.database.away = False
        assert self.store.forward().waiting == 0
        assert self.kept() == self.stands
        assert not list(self.root.rglob("*.spool"))
        assert self.store.state().lost == {}

    def note(self, batch: list[tuple[str, int, int]]) -> list[Reading]:
        for point, second, value in batch:
            self.stands[point, second] = float(value)
            self.known.add((point, second, float(value)))
        return [
            Reading(point, MONDAY + timedelta(seconds=second), float(value))
            for point, second, value in batch
        ]

    @rule(batch=rows, durable=st.booleans())
    def write(self, batch: list[tuple[str, int, int]], durable: bool) -> None:
        done = self.store.add_readings(self.note(batch), durable=durable)
        assert done.new + done.known + done.corrected + done.waiting == len(batch)

    @rule()
    def database_goes_or_comes_back(self) -> None:
        self.database.away = not self.database.away

    @rule()
    def tick(self) -> None:
        self.store.forward()

    @rule()
    def process_is_killed(self) -> None:
        self.store.close()  # nothing but files and locks: whatever is kept is kept before
        self.start()

    @rule(torn=st.binary(min_size=1, max_size=40))
    def killed_in_the_middle_of_an_append(self, torn: bytes) -> None:
        self.store.close()
        segments = sorted(self.root.rglob("*.spool"))
        if segments:
            with segments[-1].open("ab") as file:
                file.write(torn)
        self.start()

    @rule()
    def killed_between_commit_and_removal(self) -> None:
        self.database.dies_after = True
        with suppress(Killed):
            self.store.forward()
        self.database.dies_after = False
        self.store.close()
        self.start()

    @rule()
    def everything_arrives(self) -> None:
        self.finish()

    @invariant()
    def nothing_is_made_up(self) -> None:
        if hasattr(self, "store"):
            assert {(*key, value) for key, value in self.kept().items()} <= self.known


class CrampedWriters(RuleBasedStateMachine):
    """A folder with room for a few batches: what is not kept is counted, and the right one goes."""

    ROOM = 2_000

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name) / "spool"
        self.given: Counter[Importance] = Counter()
        self.start()

    def start(self) -> None:
        self.folders = unsynced(self.root, self.ROOM)

    def teardown(self) -> None:
        if hasattr(self, "folders"):
            self.folders.close()
            self.folder.cleanup()

    @rule(point=st.sampled_from(POINTS), n=st.integers(1, 30), seed=st.integers(0, 9))
    def append(self, point: str, n: int, seed: int) -> None:
        noise = [math.sin(1e6 * (seed + i)) for i in range(n)]
        before = self.folders.own().state()
        self.folders.own().append(
            [Reading(point, MONDAY + timedelta(seconds=i), x) for i, x in enumerate(noise)]
        )
        self.given[IMPORTANCE[point]] += n
        after = self.folders.own().state()
        worse = [kind for kind in Importance if kind > IMPORTANCE[point]]
        if any(after.waiting.get(kind, 0) for kind in worse):
            for kind in Importance:
                if kind <= IMPORTANCE[point]:
                    assert after.waiting.get(kind, 0) >= before.waiting.get(kind, 0)

    @rule()
    def restart(self) -> None:
        self.folders.close()
        self.start()
        self.folders.take_over()

    @invariant()
    def all_are_kept_or_counted(self) -> None:
        if not hasattr(self, "folders"):
            return
        state = self.folders.state()
        seen = Counter(state.waiting)
        for (kind, _), count in state.lost.items():
            seen[kind] += count
        assert seen == self.given
        assert state.size_bytes <= self.ROOM


STEPS = {
    "stateful_step_count": 25,
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}
TestWriters = Writers.TestCase
TestWriters.settings = settings(max_examples=examples(100), **STEPS)
TestCrampedWriters = CrampedWriters.TestCase
TestCrampedWriters.settings = settings(max_examples=examples(50), **STEPS)
