"""Bring the tables of a database to the version that this code knows, or back to an earlier one."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from bms.errors import StoreError

#: The version that this code works with; a test holds it against the newest migration.
NEWEST = "0026"


def version(connection: Connection) -> str | None:
    """The version of the tables, None for a database without any."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, place: str) -> None:
    """Walk up to ``NEWEST`` inside the transaction of ``connection``: all of it or nothing.

    Raises StoreError where a newer version of the product made the database at ``place``.
    """
    current = version(connection)
    if current == NEWEST:
        return
    config = _config(connection)
    if current is not None and not _knows(config, current):
        raise StoreError(
            f"{place} was made by a newer version of this product (tables {current}, this version"
            f" knows {NEWEST}); install that version, or restore a backup of before"
        )
    command.upgrade(config, NEWEST)


def downgrade(connection: Connection, revision: str) -> None:
    """Walk down to ``revision`` (``base``: no tables at all); their data goes with them."""
    command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "bms.store:migrations")
    config.attributes["connection"] = connection
    return config


def _knows(config: Config, revision: str) -> bool:
    try:
        return ScriptDirectory.from_config(config).get_revision(revision) is not None
    except CommandError:
        return False
