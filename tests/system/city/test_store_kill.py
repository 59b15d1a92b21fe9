"""Sixty writers are killed (more with ``make test-long``), each at a moment of its own: nothing
acknowledged is lost, nothing is there twice, nothing is made up."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bms.store.spool.frames import content, unpack
from bms.store.spool.process_folders import SpoolFolders
from bms.store.sql.store import SqlStore
from tests.rigs.examples import examples
from tests.rigs.processes.kill_writers import POINT, SIZE, START, Forwarding, batch

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]

BATCHES, KILLS = 20, 10


class Killer:
    """Orders writers and their death; ``acknowledged`` are the batches that were told as kept."""

    def __init__(self, process: subprocess.Popen[str], url: str, spool: Path) -> None:
        self._process = process
        self._url = url
        self._spool = spool
        self.acknowledged: list[int] = []
        self.first: set[int] = set()
        self.next = 0

    def kill(self, kind: str, seconds: float = 0.0, first: int | None = None) -> None:
        """One writer lives for so long [s] after its first batch, or less than that (negative)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        number = self.next if first is None else first
        self.first.add(number)
        print(kind, self._url, self._spool, number, seconds, file=self._process.stdin)
        for line in iter(self._process.stdout.readline, "killed\n"):
            assert line, "the writers are gone"
            if line.strip():
                self.acknowledged.append(int(line))
        # No number is used twice: the one whose acknowledgement was cut off may be there.
        self.next = max([number, *self.acknowledged[-1:]]) + 2


class Thief:
    """Takes the database away and gives it back, over and over, while the block runs."""

    def __init__(self, file: Path, seed: int) -> None:
        self._file = file
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.taken = 0

    def __enter__(self) -> Thief:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=1.0)) as thief:
            while not self._stop.is_set():
                thief.execute("BEGIN IMMEDIATE")
                self.taken += 1
                self._stop.wait(self._chance.uniform(0.01, 0.08))
                thief.execute("ROLLBACK")
                self._stop.wait(self._chance.uniform(0.005, 0.04))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    SqlStore(f"sqlite:///{tmp_path}/bms.db").close()
    return tmp_path / "bms.db"


@contextmanager
def a_killer(url: str, spool: Path) -> Iterator[Killer]:
    command = [sys.executable, "-m", "tests.rigs.processes.kill_writers"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        yield Killer(process, url, spool)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def killer(file: Path) -> Iterator[Killer]:
    with a_killer(f"sqlite:///{file}", file.parent / "spool") as made:
        yield made


def in_database(file: Path) -> Counter[int]:
    """Readings by batch; each is what its writer wrote."""
    with closing(sqlite3.connect(file)) as reader:
        assert reader.execute("SELECT count(*) FROM corrections").fetchone() == (0,)
        query = "SELECT value, count(*), min(time), max(time) FROM readings GROUP BY value"
        found = reader.execute(query).fetchall()
    for value, _, first, last in found:
        times = [round(reading.time.timestamp() * 1e6) for reading in batch(int(value))]
        assert times[0] <= first <= last <= times[-1]
    return Counter({int(value): count for value, count, *_ in found})


def in_spool(spool: Path) -> Counter[int]:
    """Readings by batch that wait on disk; each batch whole, and as its writer wrote it."""
    found: Counter[int] = Counter()
    for segment in sorted(spool.rglob("*.spool")):
        held = content(segment.read_bytes())
        assert held.lost == 0
        for payload in held.payloads:
            readings = unpack(payload)
            number = int(readings[0].value or 0)
            assert readings == batch(number)
            found[number] += SIZE
    return found


def nothing_is_lost_or_made_up(killer: Killer, file: Path) -> None:
    database, spool = in_database(file), in_spool(file.parent / "spool")
    there = set(database) | set(spool)
    assert set(killer.acknowledged) <= there
    assert all(count == SIZE for count in [*database.values(), *spool.values()])
    # Besides, at most the one of each writer whose acknowledgement was cut off.
    cut_off = {number + 1 for number in killer.acknowledged} | killer.first
    assert there - set(killer.acknowledged) <= cut_off


def a_life(chance: random.Random) -> float:
    """Some die before they have begun, most of them in the middle of something [s]."""
    return -chance.uniform(0.001, 0.05) if chance.random() < 0.2 else chance.uniform(0.0, 0.06)


def test_writers_into_the_database(killer: Killer, file: Path) -> None:
    chance = random.Random(4)
    for _ in range(examples(15)):
        killer.kill("direct", a_life(chance))
        nothing_is_lost_or_made_up(killer, file)
    assert len(killer.acknowledged) > 10


def test_writers_whose_database_comes_and_goes(killer: Killer, file: Path) -> None:
    chance = random.Random(5)
    waited = 0
    with Thief(file, 6) as thief:
        for _ in range(examples(25)):
            killer.kill("forwarding", a_life(chance))
            nothing_is_lost_or_made_up(killer, file)
            waited += bool(in_spool(file.parent / "spool"))
    assert thief.taken > 10
    assert waited > 2
    assert len(in_database(file)) > 2
    assert len(killer.acknowledged) > 15
    store = Forwarding(f"sqlite:///{file}", file.parent / "spool")
    assert store.forward().waiting == 0
    store.close()
    assert in_spool(file.parent / "spool") == Counter()
    nothing_is_lost_or_made_up(killer, file)


def test_killed_between_commit_and_removal(killer: Killer, file: Path) -> None:
    spool = file.parent / "spool"
    folders = SpoolFolders(spool, limit_bytes=50_000_000, importance={})
    for number in range(BATCHES):
        folders.own().append(batch(number))
        folders.close()  # each batch in a segment of its own
    killer.acknowledged = list(range(BATCHES))
    for kill in range(KILLS):
        killer.kill("drain", first=kill % 3)
        nothing_is_lost_or_made_up(killer, file)
        assert len(set(in_database(file)) & set(in_spool(spool))) == 1
    store = Forwarding(f"sqlite:///{file}", spool)
    assert store.forward().waiting == 0
    store.close()
    assert in_spool(spool) == Counter()
    assert in_database(file) == Counter(dict.fromkeys(range(BATCHES), SIZE))


def test_writers_into_postgresql(postgres_url: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    with a_killer(postgres_url, tmp_path / "spool") as killer:
        for _ in range(examples(10)):
            killer.kill("direct", a_life(chance))
    assert len(killer.acknowledged) > 5
    store = SqlStore(postgres_url)
    found = store.readings(POINT, START, batch(killer.next)[-1].time)
    assert store.corrections(POINT, START, found[-1].time) == []
    store.close()
    there = sorted({int(reading.value or 0) for reading in found})
    assert found == [reading for number in there for reading in batch(number)]
    assert set(killer.acknowledged) <= set(there)
    cut_off = {number + 1 for number in killer.acknowledged} | killer.first
    assert set(there) - set(killer.acknowledged) <= cut_off
