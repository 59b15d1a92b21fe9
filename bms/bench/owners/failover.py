"""A database that fails over to a copy without its last commit, as far as owners are concerned."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

Row = dict[str, Any]
OwnersBySite = dict[str, str]
LOOK_S = 0.005

_PUT_BACK = """
UPDATE site_owner SET owner = %(owner)s, place = %(place)s, selection = %(selection)s,
 places = %(places)s, token = %(token)s, until = %(until)s, released = %(released)s,
 stands_s = %(stands_s)s, waits_s = %(waits_s)s, heir = %(heir)s, accepted = %(accepted)s,
 bequest = %(bequest)s WHERE site = %(site)s
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def lose_commit(
    url: str, is_it: Callable[[OwnersBySite, OwnersBySite], bool], patience_s: float
) -> bool:
    """Wait at most ``patience_s`` [s] for a commit that changes the table of owners of a PostgreSQL
    as ``is_it`` says of the owners before and after, and lose it; connections end, as they do with
    a server. Whether there was one."""
    import psycopg
    from psycopg.rows import dict_row

    deadline = time.monotonic() + patience_s
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        before = _rows(connection)
        while time.monotonic() < deadline:
            after = _rows(connection)
            if after != before and is_it(_owners(before), _owners(after)):
                _put_back(connection, before)
                return True
            before = after
            time.sleep(LOOK_S)
    return False


def _rows(connection: Connection[Row]) -> list[Row]:
    return connection.execute("SELECT * FROM site_owner ORDER BY site").fetchall()


def _put_back(connection: Connection[Row], rows: Sequence[Row]) -> None:
    with connection.transaction():
        connection.execute("LOCK TABLE site_owner IN ACCESS EXCLUSIVE MODE")
        known = [row["site"] for row in rows]
        connection.execute("DELETE FROM site_owner WHERE NOT site = ANY(%s)", (known,))
        connection.cursor().executemany(_PUT_BACK, rows)
        connection.execute(_OTHERS)


def _owners(rows: Sequence[Mapping[str, Any]]) -> OwnersBySite:
    return {row["site"]: row["owner"] for row in rows if not row["released"]}
