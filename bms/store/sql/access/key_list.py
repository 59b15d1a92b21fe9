"""The keys of a SQLite database, read without the libraries that a running backend needs: whoever
only looks waits for none of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bms.model.control.kept_key import KeptKey
from bms.model.epoch import from_micros

SQLITE = "sqlite:///"
_ROWS = "SELECT id, digest, scope, name, created, expires, revoked FROM keys ORDER BY created, id"


def keys_of_file(url: str) -> list[KeptKey] | None:
    """All keys of the database of ``url``, oldest first; None where it is no SQLite file with
    tables of this version, and has to be opened as a whole."""
    file = Path(url.removeprefix(SQLITE))
    if not url.startswith(SQLITE) or "?" in url or not file.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            rows = opened.execute(_ROWS).fetchall()
    except sqlite3.Error:
        return None
    return [
        KeptKey(
            id=id_,
            digest=digest,
            scope=scope,
            name=name,
            created=from_micros(created),
            expires=None if expires is None else from_micros(expires),
            revoked=None if revoked is None else from_micros(revoked),
        )
        for id_, digest, scope, name, created, expires, revoked in rows
    ]
