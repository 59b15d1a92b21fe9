"""A database of the first version, made large by the bench itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.bench.storage.migration import (
    FIRST_US,
    PLANS_AT_ONCE,
    POINTS,
    RECEIPTS_AT_ONCE,
    ROWS_AT_ONCE,
    migrated,
)
from bms.model.epoch import from_micros
from bms.store.sql.store import SqlStore


@pytest.mark.slow
def test_every_row_is_there_afterwards(tmp_path: Path) -> None:
    done = migrated(tmp_path / "bms.db", 1.0, lambda *_: None)
    assert done.readings == ROWS_AT_ONCE
    assert (done.plans, done.receipts) == (PLANS_AT_ONCE, RECEIPTS_AT_ONCE)
    assert done.peak >= done.after > 1e6
    assert done.took_s > 0
    store = SqlStore(f"sqlite:///{tmp_path / 'bms.db'}")
    rows = store.readings("site0/p1", from_micros(FIRST_US), datetime(2030, 1, 1, tzinfo=UTC))
    proven = store.verify()
    store.close()
    assert proven.flaws == ()
    assert proven.entries == PLANS_AT_ONCE + RECEIPTS_AT_ONCE
    assert len(rows) == ROWS_AT_ONCE // POINTS
