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
    for name in ("update", "delete", "erase"):
        op.execute(f"DROP TRIGGER IF EXISTS {table}_no_{name}")


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


def _on_sqlite(table: str, erasable: Sequence[str], nothing: str) -> None:
    refusal = f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
    others = _others(table, erasable)
    op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE{others} ON {table} {refusal}")
    op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refusal}")
    if erasable:
        names = ", ".join(f'"{name}"' for name in erasable)
        op.execute(
            f"CREATE TRIGGER {table}_no_erase BEFORE UPDATE OF {names} ON {table}"
            f" WHEN {_filled(erasable, nothing)} {refusal}"
        )


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
