"""Let the database itself refuse to change what is only ever added."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def seal(table: str) -> None:
    """Rows of ``table`` may be added and read, never changed or removed."""
    seal_but(table, ())


def seal_but(table: str, erasable: Sequence[str], nothing: str = "''") -> None:
    """Rows of ``table`` may be added and read, never removed; of their fields only ``erasable``
    ones may be changed, and only to ``nothing``."""
    _SEALS[op.get_bind().dialect.name](table, erasable, nothing)


def unseal(table: str) -> None:
    """Before ``table`` is dropped or sealed in another way."""
    if op.get_bind().dialect.name == "postgresql":
        for name in ("sealed", "erased"):
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}")
        op.execute(f"DROP FUNCTION {table}_refuse()")
        return
    for name in ("update", "delete", "erase", "replace", "move"):
        op.execute(f"DROP TRIGGER IF EXISTS {table}_no_{name}")


def seal_keys(table: str) -> None:
    """Let SQLite refuse a row in the place of another, which ``REPLACE`` removes without asking the
    triggers of a removal. PostgreSQL asks those of an update (``ON CONFLICT``).

    A row whose number is left to the database has the number -1 before it is inserted.
    """
    taken = [_taken(table, names) for names in _unique_keys(table)]
    if _numbered(table):
        taken.append(f"{_taken(table, ('rowid',))} AND NEW.rowid <> -1")
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_move BEFORE UPDATE ON {table}"
            f" WHEN OLD.rowid <> NEW.rowid {_refusal(table)}"
        )
    op.execute(
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_replace BEFORE INSERT ON {table}"
        f" {_refusal(table, ' WHERE ' + ' OR '.join(taken))}"
    )


def unseal_keys(table: str) -> None:
    """Leave the keys on SQLite as they were before they were sealed."""
    for name in ("replace", "move"):
        op.execute(f"DROP TRIGGER IF EXISTS {table}_no_{name}")


def sealed_tables() -> list[str]:
    """The tables of an SQLite database whose rows are never removed."""
    if op.get_bind().dialect.name != "sqlite":
        return []
    query = "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name = tbl_name || :end"
    return [row[0] for row in op.get_bind().execute(sa.text(query), {"end": "_no_delete"})]


def _others(table: str, erasable: Sequence[str]) -> str:
    """``OF`` and the columns that never change; nothing where none may."""
    if not erasable:
        return ""
    columns = sa.inspect(op.get_bind()).get_columns(table)
    names = [column["name"] for column in columns if column["name"] not in erasable]
    return " OF " + ", ".join(f'"{name}"' for name in names)


def _filled(erasable: Sequence[str], nothing: str) -> str:
    """Whether one of these fields becomes something."""
    compare = "IS NOT" if nothing == "NULL" else "<>"
    return " OR ".join(f'NEW."{name}" {compare} {nothing}' for name in erasable)


def _refusal(table: str, where: str = "") -> str:
    return f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'){where}; END"


def _taken(table: str, names: Sequence[str]) -> str:
    """Whether a row has the same key."""
    same = " AND ".join(f"{name} = NEW.{name}" for name in names)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of our own


def _numbered(table: str) -> bool:
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    made: str = op.get_bind().execute(query, {"table": table}).scalar_one()
    return "WITHOUT ROWID" not in made


def _unique_keys(table: str) -> list[tuple[str, ...]]:
    """The columns of each key of which no two rows have the same, quoted; a row's number aside."""
    known = sa.inspect(op.get_bind())
    found: list[Sequence[str | None]] = [
        known.get_pk_constraint(table)["constrained_columns"],
        *(each["column_names"] for each in known.get_unique_constraints(table)),
        *(each["column_names"] for each in known.get_indexes(table) if each["unique"]),
    ]
    quoted = (tuple(f'"{name}"' for name in names if name) for names in found)
    return [names for names in quoted if names not in ((), ('"seq"',))]


def _on_sqlite(table: str, erasable: Sequence[str], nothing: str) -> None:
    refusal = _refusal(table)
    others = _others(table, erasable)
    op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE{others} ON {table} {refusal}")
    op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refusal}")
    if erasable:
        names = ", ".join(f'"{name}"' for name in erasable)
        op.execute(
            f"CREATE TRIGGER {table}_no_erase BEFORE UPDATE OF {names} ON {table}"
            f" WHEN {_filled(erasable, nothing)} {refusal}"
        )
    seal_keys(table)


def _on_postgresql(table: str, erasable: Sequence[str], nothing: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'rows of {table} are never changed'; END $$"
    )
    update = f"UPDATE{_others(table, erasable)}"
    op.execute(
        f"CREATE TRIGGER {table}_sealed BEFORE {update} OR DELETE OR TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
    )
    if erasable:
        names = ", ".join(f'"{name}"' for name in erasable)
        op.execute(
            f"CREATE TRIGGER {table}_erased BEFORE UPDATE OF {names} ON {table} FOR EACH ROW"
            f" WHEN ({_filled(erasable, nothing)}) EXECUTE FUNCTION {table}_refuse()"
        )


_SEALS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
