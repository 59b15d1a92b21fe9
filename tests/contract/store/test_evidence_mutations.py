"""Mutations of the evidence: whatever is changed behind its back is found and named (W16).

Each mutation is made in the database itself, by somebody who may do everything but rewrite the
chain, and is taken back before the next one.
"""

from __future__ import annotations

import logging
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import IntegrityError

from bms.model.control.evidence import ChainFlaw, ChainHead, FlawReason
from bms.store.sql.chains.proofs import PROOFS
from bms.store.sql.chains.verification import verified
from bms.store.sql.store import SqlStore
from tests.rigs.examples import LEVEL
from tests.rigs.storage.evidence_rows import fill

OUTSIDE = {"receipts": {"renewals", "renewed_at"}}
"""Columns that the chain does not cover: counters of renewals."""
ORDER = {name: {"seq"} for name in ("plans", "trials", "events", "measures", "notices")}
"""Rows with a name of their own: the order in which they were stored stands in the chain itself."""
City = tuple[Engine, dict[str, ChainHead]]
log = logging.getLogger(__name__)
CHAIN = ("evidence", "evidence_heads")
TABLES = sorted({str(proof.table.__tablename__) for proof in PROOFS} | set(CHAIN))
CONTENT = {str(proof.table.__tablename__): proof.content[-1] for proof in PROOFS}
LONG = LEVEL == "long"
"""Every byte of every row is flipped, every pair exchanged; else a part of them, as each takes a
check of all chains."""
STEP = 1 if LONG else 24
ROWS = 10_000 if LONG else 4


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A small city without the triggers, and the heads of its chains as the file knows them."""
    file = tmp_path_factory.mktemp("evidence") / "bms.db"
    store = SqlStore(f"sqlite:///{file}")
    fill(store)
    known = store.chain_heads()
    assert store.verify(known=known).flaws == ()
    store.close()
    engine = without_triggers(file)
    yield engine, known
    engine.dispose()


def without_triggers(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        for (name,) in names.all():
            connection.execute(text(f"DROP TRIGGER {name}"))
    return engine


def flaws(connection: Connection, known: dict[str, ChainHead]) -> tuple[ChainFlaw, ...]:
    return verified(connection, None, known).flaws


def rows_of(connection: Connection, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]


def covered(table: str, row: dict[str, Any]) -> list[str]:
    outside = OUTSIDE.get(table, set()) | ORDER.get(table, set())
    return [name for name, value in row.items() if name not in outside and value is not None]


def flipped(value: Any) -> Iterator[Any]:
    """The value with one bit of one of its bytes changed, byte after byte."""
    whole, back = as_bytes(value)
    for i in range(0, len(whole), STEP):
        yield back(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])


def as_bytes(value: Any) -> tuple[bytes, Any]:
    match value:
        case bytes():
            return value, bytes
        case str():
            return value.encode("latin-1", "replace"), lambda raw: raw.decode("latin-1")
        case int():
            return struct.pack("<q", value), lambda raw: struct.unpack("<q", raw)[0]
        case _:
            return struct.pack("<d", value), lambda raw: struct.unpack("<d", raw)[0]


def key_of(connection: Connection, table: str) -> list[str]:
    found = connection.execute(text(f"PRAGMA table_info({table})")).all()
    return [row[1] for row in found if row[5]]


def put(connection: Connection, table: str, key: dict[str, Any], new: dict[str, Any]) -> None:
    values = ", ".join(f'"{name}" = :new_{name}' for name in new)
    where = " AND ".join(f'"{name}" = :{name}' for name in key)
    fields = {**key, **{f"new_{name}": value for name, value in new.items()}}
    connection.execute(text(f"UPDATE {table} SET {values} WHERE {where}"), fields)


def tally(what: str, name: str, counts: Counter[str]) -> None:
    """One line of the table of counts; ``pytest -rP`` shows it."""
    log.info("%s of %s: %s", what, name, dict(counts))
    assert not counts["missed"]
    assert counts["found"]


@pytest.mark.parametrize("table", TABLES)
def test_w16_every_byte_that_is_flipped_is_found(table: str, city: City) -> None:
    engine, known = city
    counts: Counter[str] = Counter()
    with engine.connect() as connection:
        keys = key_of(connection, table)
        for row in rows_of(connection, table)[:ROWS]:
            key = {name: row[name] for name in keys}
            for column in covered(table, row):
                for value in flipped(row[column]):
                    counts[outcome(connection, known, table, key, {column: value})] += 1
    tally("flipped bytes", table, counts)


@pytest.mark.parametrize("table", TABLES)
def test_w16_every_row_that_is_removed_is_found(table: str, city: City) -> None:
    engine, known = city
    counts: Counter[str] = Counter()
    with engine.connect() as connection:
        keys = key_of(connection, table)
        where = " AND ".join(f'"{name}" = :{name}' for name in keys)
        for row in rows_of(connection, table):
            connection.execute(text(f"DELETE FROM {table} WHERE {where}"), row)
            counts["found" if flaws(connection, known) else "missed"] += 1
            connection.rollback()
    tally("removed rows", table, counts)


@pytest.mark.parametrize("table", TABLES)
def test_w16_every_pair_that_is_exchanged_is_found(table: str, city: City) -> None:
    """Two rows keep their keys and exchange all the rest."""
    engine, known = city
    counts: Counter[str] = Counter()
    with engine.connect() as connection:
        keys = key_of(connection, table)
        for one, other in combinations(rows_of(connection, table)[: 2 * ROWS], 2):
            counts[exchanged(connection, known, table, keys, (one, other))] += 1
    tally("exchanged pairs", table, counts)


def exchanged(
    connection: Connection,
    known: dict[str, ChainHead],
    table: str,
    keys: list[str],
    pair: tuple[dict[str, Any], dict[str, Any]],
) -> str:
    rest = [
        {name: value for name, value in row.items() if name not in keys and not unique(table, name)}
        for row in pair
    ]
    if rest[0] == rest[1]:
        return "alike"
    try:
        for row, other in zip(pair, reversed(rest), strict=True):
            put(connection, table, {name: row[name] for name in keys}, other)
        found = flaws(connection, known)
    finally:
        connection.rollback()
    return "found" if found else "missed"


def unique(table: str, column: str) -> bool:
    """A column that no two rows share, besides their key."""
    return column == "id" and table in ORDER


def outcome(
    connection: Connection,
    known: dict[str, ChainHead],
    table: str,
    key: dict[str, Any],
    new: dict[str, Any],
) -> str:
    """Whether a change is found; a database that refuses it needs no chain."""
    try:
        put(connection, table, key, new)
        return "found" if flaws(connection, known) else "missed"
    except IntegrityError:
        return "refused"
    finally:
        connection.rollback()


INSERTED = "INSERT INTO modes (site, mode, actor, at, reason) VALUES ('lodge', 'auto', 'x', 0, '')"


@pytest.mark.parametrize(
    "change",
    [
        "evidence SET number = 'a' WHERE chain = 'lodge' AND number = 2",
        "evidence SET number = 2.5 WHERE chain = 'lodge' AND number = 2",
        "evidence SET chain = x'ff' WHERE chain = 'lodge' AND number = 2",
        "evidence SET kind = x'ff', proves = x'ff' WHERE chain = 'lodge' AND number = 2",
        *("evidence SET salt = 'a' WHERE salt IS NOT NULL", "evidence SET salt = 5"),
        *("evidence_heads SET chain = x'ff' WHERE chain = 'lodge'", "evidence_heads SET hash = 5"),
        "evidence_heads SET number = 'a'",
        *("audit SET reason = x'ff'", "audit SET reason = CAST(reason AS BLOB) WHERE seq = 1"),
        "modes SET site = x'ff'",
        "removals SET first = 'a', kind = x'ff' WHERE seq = 1",
        *("audit SET reason = CAST(x'ff' AS TEXT)", "modes SET site = CAST(x'ff' AS TEXT)"),
        *("overrides SET id = CAST(x'ff' AS TEXT) WHERE id = 'o2'", "removals SET kind = 5"),
        "plans SET body = CAST(body AS TEXT)",
        "evidence SET kind = CAST(x'ff' AS TEXT), salt = CAST(x'ff' AS TEXT) WHERE number = 3",
        "evidence SET chain = CAST(x'ff' AS TEXT) WHERE number = 1 AND chain = ''",
        "evidence SET hash = CAST(hash AS TEXT) WHERE number = 1",
        "evidence_heads SET chain = CAST(x'ff' AS TEXT) WHERE chain = 'lodge'",
        "removals SET part = CAST(x'ff' AS TEXT)",
        *("modes SET mode = CAST(mode AS BLOB)", "modes SET mode = x'6aeb68' WHERE mode = 'auto'"),
    ],
)
def test_w16_a_value_of_another_type_is_found_and_hides_nothing(change: str, city: City) -> None:
    """SQLite takes a value of any type in a column."""
    engine, known = city
    with engine.connect() as connection:
        connection.execute(text(f"UPDATE {change}"))
        alone = flaws(connection, known)
        connection.execute(text("UPDATE overrides SET until = NULL WHERE id = 'o1'"))
        found = flaws(connection, known)
        connection.rollback()
    assert alone
    assert FlawReason.ROW_CHANGED in {flaw.what.code for flaw in found}
    assert len(found) > len(alone)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "change", ["DROP TABLE {table}", "ALTER TABLE {table} RENAME {column} TO x"]
)
def test_w16_what_cannot_be_read_is_named_and_hides_nothing(
    table: str, change: str, city: City
) -> None:
    engine, known = city
    column = {"evidence": "hash", "evidence_heads": "hash"}.get(table) or CONTENT[table]
    other = "modes SET mode = 'off' WHERE seq = 1" if table != "modes" else "goals SET budget = 5"
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")  # the driver begins nothing for a change of a table
        connection.execute(text(change.format(table=table, column=column)))
        connection.execute(text(f"UPDATE {other}"))
        found = flaws(connection, known)
        connection.rollback()
    codes = {flaw.what.code for flaw in found}
    unread = [flaw for flaw in found if flaw.what.code == FlawReason.UNREADABLE]
    assert {flaw.what.parameters["table"] for flaw in unread} == {table}
    assert FlawReason.ROW_GONE not in codes or table == "removals"
    assert FlawReason.ROW_CHANGED in codes or table == "evidence"


def test_w16_a_page_that_is_damaged_is_named_and_hides_nothing(tmp_path: Path) -> None:
    file = tmp_path / "bms.db"
    store = SqlStore(f"sqlite:///{file}")
    fill(store)
    store.close()
    engine = without_triggers(file)
    with engine.begin() as connection:
        size = connection.execute(text("PRAGMA page_size")).scalar_one()
        root = "SELECT rootpage FROM sqlite_master WHERE name = 'goals'"
        page = connection.execute(text(root)).scalar_one()
        connection.execute(text("UPDATE modes SET mode = 'off' WHERE seq = 1"))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(bytes([255]) * size)
    with engine.connect() as connection:
        found = flaws(connection, {})
    engine.dispose()
    codes = {flaw.what.code for flaw in found}
    assert {FlawReason.UNREADABLE, FlawReason.ROW_CHANGED} <= codes
    assert FlawReason.ROW_GONE not in codes


class TestNames:
    """What the report says of each kind of change."""

    @pytest.mark.parametrize(
        ("change", "code", "number"),
        [
            ("UPDATE overrides SET until = NULL WHERE id = 'o1'", FlawReason.ROW_CHANGED, 0),
            ("DELETE FROM receipts WHERE seq = 1", FlawReason.ROW_GONE, 0),
            ("UPDATE audit SET actor = 'eva' WHERE seq = 1", FlawReason.APART_CHANGED, 0),
            ("DELETE FROM evidence WHERE chain = 'lodge' AND number = 4", FlawReason.ENTRY_GONE, 4),
            ("DELETE FROM evidence WHERE chain = 'lodge' AND number > 9", FlawReason.TAIL_CUT, 10),
            (
                "UPDATE evidence SET kind = 'modes' WHERE chain = 'lodge' AND number = 1",
                FlawReason.ENTRY_CHANGED,
                1,
            ),
            ("UPDATE evidence_heads SET number = 2", FlawReason.HEAD_CHANGED, 0),
            ("UPDATE plans SET problem = NULL", FlawReason.APART_GONE, 0),
            (INSERTED, FlawReason.ROW_ADDED, 0),
        ],
    )
    def test_w16_a_flaw_is_named(
        self, city: City, change: str, code: FlawReason, number: int
    ) -> None:
        engine, known = city
        with engine.connect() as connection:
            connection.execute(text(change))
            found = flaws(connection, known)
            connection.rollback()
        named = [flaw for flaw in found if flaw.what.code == code]
        assert named
        assert not number or named[0].number == number

    def test_w16_two_rows_that_were_exchanged_are_named_each(self, city: City) -> None:
        engine, known = city
        with engine.connect() as connection:
            rows = rows_of(connection, "modes")
            exchange = [{**rows[0], "seq": rows[1]["seq"]}, {**rows[1], "seq": rows[0]["seq"]}]
            for row in exchange:
                new = {name: value for name, value in row.items() if name != "seq"}
                put(connection, "modes", {"seq": row["seq"]}, new)
            found = flaws(connection, known)
            connection.rollback()
        elsewhere = [f for f in found if f.what.code == FlawReason.ROW_ELSEWHERE]
        numbers = {flaw.number for flaw in elsewhere}
        assert {flaw.what.parameters["number"] for flaw in elsewhere} == numbers
        assert len(numbers) == 2
        assert all(flaw.found and flaw.expected for flaw in elsewhere)

    def test_w16_a_changed_hash_is_one_flaw_and_what_follows_is_proven(self, city: City) -> None:
        engine, known = city
        with engine.connect() as connection:
            put(connection, "evidence", {"chain": "lodge", "number": 2}, {"hash": bytes(32)})
            found = flaws(connection, known)
            connection.rollback()
        changed = [flaw.number for flaw in found if flaw.what.code == FlawReason.ENTRY_CHANGED]
        assert changed == [2]
