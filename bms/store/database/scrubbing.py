"""How what was deleted leaves the file of SQLite, while others write.

Deleted rows and pages are overwritten with zeros at once (``secure_delete``). Two things are left:
free pages go back to the disk, in small steps (``incremental_vacuum``); and copies of rows that the
splitting of pages left in unused parts of others go. That needs the file written anew (``VACUUM``),
which holds every writer: it is done unasked only where the file is small.
See https://sqlite.org/pragma.html#pragma_incremental_vacuum and https://sqlite.org/lang_vacuum.html.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

STEP_PAGES = 500
"""Pages [1] that one step gives back; a step of 2 MB takes some 20 ms."""
PAUSE_S = 0.05
"""Between steps, for those who write [s]."""
SMALL_BYTES = 16 << 20
"""A file of so many [bytes] is written anew in some 0.1 s."""
LOG_TRIES, LOG_WAIT_MS = 5, 200
"""How often the log is emptied [1], and how long its readers are waited for each time [ms]: writers
wait as well."""
_INCREMENTAL = 2


def scrub_in_steps(connection: sqlite3.Connection, place: str, small: int = SMALL_BYTES) -> int:
    """Give free pages back, at most ``STEP_PAGES`` at once, write a file of up to ``small`` bytes
    anew, and empty the log. No writer waits for more than one step. Returns the steps [1].

    Raises ``sqlite3.OperationalError`` where another process writes for longer than our patience.
    """
    if _number(connection, "page_count") * _number(connection, "page_size") <= small:
        write_anew(connection)
        return 1
    if _number(connection, "auto_vacuum") != _INCREMENTAL:
        log.warning(
            "%s is of an earlier version and gives no room back; run `bms db scrub` once, at a "
            "moment when writers may wait",
            place,
        )
    steps = sum(1 for _ in _given_back(connection))
    _empty_log(connection)
    return steps


def write_anew(connection: sqlite3.Connection) -> None:
    """Write the whole file anew, so that nothing deleted is left in it; writers wait meanwhile."""
    connection.execute("PRAGMA temp_store=FILE").close()  # it may be larger than the memory
    try:
        connection.execute("VACUUM").close()
    finally:
        connection.execute("PRAGMA temp_store=MEMORY").close()
    _empty_log(connection)


def _given_back(connection: sqlite3.Connection) -> Iterator[int]:
    """What was free before each step [pages]."""
    if _number(connection, "auto_vacuum") != _INCREMENTAL:
        return
    while free := _number(connection, "freelist_count"):
        yield free
        # ``execute`` would end after the first page: it takes the statement for one without rows
        connection.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})").close()
        time.sleep(PAUSE_S)


def _empty_log(connection: sqlite3.Connection) -> None:
    """Move the log into the file and empty it, where no reader needs it for long."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # the most of it; nobody waits
    with _patience(connection, LOG_WAIT_MS):
        for _ in range(LOG_TRIES):
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            time.sleep(PAUSE_S)
    log.info("the log of the database is emptied with the next scrub: somebody reads in it")


@contextmanager
def _patience(connection: sqlite3.Connection, milliseconds: int) -> Iterator[None]:
    before = _number(connection, "busy_timeout")
    connection.execute(f"PRAGMA busy_timeout={milliseconds}").close()
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout={before}").close()


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (found,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(found)
