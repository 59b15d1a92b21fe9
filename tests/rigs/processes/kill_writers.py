"""Starts writers one after the other and kills each; one process imports for all of them.

Each line on standard input is an order: ``KIND URL SPOOL FIRST SECONDS``. A writer says the number
of every batch once it was told that the batch is kept, and is killed so many seconds after its
first one, or after its start where they are negative. This process then says ``killed``. Kinds:
``direct`` writes into the database, ``forwarding`` over a spool; ``drain`` hands on what waits and
kills itself ``FIRST`` segments later, right after the commit.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.model.readings.measurement import Ingested, Reading
from bms.store.database.availability import Availability
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.store_and_forward import ForwardingReadings
from bms.store.sql.store import SqlStore

START = datetime(2019, 1, 14, tzinfo=UTC)
SIZE = 200
POINT = "school/gym.temp"
PATIENCE_S = 0.02


def batch(number: int) -> list[Reading]:
    """Readings that belong to no other batch, all with its number as their value."""
    return [
        Reading(POINT, START + timedelta(seconds=SIZE * number + i), float(number))
        for i in range(SIZE)
    ]


class Forwarding(ForwardingReadings):
    """Over a database of its own."""

    def __init__(self, url: str, spool: Path) -> None:
        known = Availability(retry_s=PATIENCE_S)
        self._database = SqlStore(url, patience_s=PATIENCE_S, availability=known)
        super().__init__(
            self._database, SpoolFolders(spool, limit_bytes=50_000_000, importance={}), known
        )

    def close(self) -> None:
        super().close()
        self._database.close()


class Suicidal(SqlStore):
    """Kills its process right after a commit."""

    left = 0

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        done = super().add_readings(readings, durable=durable)
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


def drain(url: str, spool: Path, segments: int) -> None:
    store = Suicidal(url)
    store.left = segments
    folders = SpoolFolders(spool, limit_bytes=50_000_000, importance={})
    ForwardingReadings(store, folders).forward()
    raise SystemExit("nobody killed us")


def write(kind: str, url: str, spool: Path, first: int, begun: int) -> None:
    if kind == "drain":
        drain(url, spool, first)
    store = SqlStore(url) if kind == "direct" else Forwarding(url, spool)
    for number in range(first, first + 100_000):
        store.add_readings(batch(number), durable=number % 2 == 0)
        say(str(number))
        os.write(begun, b"!")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def lived(kind: str, url: str, spool: Path, first: int, seconds: float) -> None:
    """Start a writer and see it die."""
    begun, begins = os.pipe()
    writer = os.fork()
    if writer == 0:
        write(kind, url, spool, first, begins)
    os.close(begins)
    if kind != "drain":
        if seconds >= 0:
            os.read(begun, 1)
        time.sleep(abs(seconds))
        os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    os.close(begun)
    assert os.WIFSIGNALED(status), status
    assert os.WTERMSIG(status) == signal.SIGKILL, status


def warm_up() -> None:
    """So that writers begin at once: they share what this process has imported and compiled."""
    with tempfile.TemporaryDirectory() as folder:
        store = Forwarding(f"sqlite:///{folder}/bms.db", Path(folder))
        store.add_readings(batch(0))
        store.close()


def main() -> None:
    warm_up()
    for order in sys.stdin:
        kind, url, spool, first, seconds = order.split()
        lived(kind, url, Path(spool), int(first), float(seconds))
        say("\nkilled")


if __name__ == "__main__":
    main()
