"""What of a database cannot be read, whoever made it so, while all the rest of it can."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_SQLITE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT)
"""There is no such table or column; a page of it is damaged."""
_POSTGRES = ("42", "XX")
"""Classes of SQLSTATE: no such table or column, or none that we may read; damaged data."""
_BROKEN_TEXT = "Could not decode to UTF-8"


def is_unreadable(error: DBAPIError) -> bool:
    """Whether the error is of what was asked for, and not of the database as a whole (away, full,
    busy, cut off)."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE
    return str(getattr(error.orig, "sqlstate", None) or "")[:2] in _POSTGRES


def is_broken_text(error: DBAPIError) -> bool:
    """Whether SQLite has met a text that is not UTF-8; PostgreSQL takes none."""
    return isinstance(error.orig, sqlite3.Error) and _BROKEN_TEXT in str(error.orig)


@contextmanager
def broken_text_as_digits(connection: Connection) -> Iterator[None]:
    """While the block runs, a text of SQLite that is not UTF-8 is read as the list of the
    hexadecimal digits of its bytes, which nothing else in a column is."""
    below = connection.connection.driver_connection
    assert isinstance(below, sqlite3.Connection)
    usual, below.text_factory = below.text_factory, _text_or_digits
    try:
        yield
    finally:
        below.text_factory = usual


def _text_or_digits(raw: bytes) -> str | list[str]:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return [raw.hex()]
