"""Let the database itself refuse to change what is only ever added."""

from __future__ import annotations

from alembic import op


def seal(table: str) -> None:
    """Rows of ``table`` may be added and read, never changed or removed."""
    _SEALS[op.get_bind().dialect.name](table)


def unseal(table: str) -> None:
    """Before ``table`` is dropped."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER {table}_sealed ON {table}")
        op.execute(f"DROP FUNCTION {table}_refuse()")


def _on_sqlite(table: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
        )


def _on_postgresql(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'rows of {table} are never changed'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_sealed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
    )


_SEALS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}
