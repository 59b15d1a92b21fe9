"""Every kind of store, empty: contract tests run on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore

AnyStore = MemoryStore | SqlStore


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    made: AnyStore
    match request.param:
        case "memory":
            made = MemoryStore()
        case "sqlite":
            made = SqlStore(f"sqlite:///{tmp_path}/bms.db")
        case _:
            made = SqlStore(request.getfixturevalue("postgres_url"))
    yield made
    made.close()
