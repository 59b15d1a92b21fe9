"""The partitions of ``readings`` on PostgreSQL: one table per calendar month in UTC.

A month is counted from January 1970. Partitions are made in a transaction of their own before the
readings come, and attached to ``readings`` rather than created in place: that holds back neither
readers nor writers (https://www.postgresql.org/docs/current/ddl-partitioning.html). An empty
month that a failed batch leaves behind does no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from sqlalchemy import Connection, text

from bms.store.database.tables import RawReading

#: Any number will do, as long as every process of this product asks for the same one.
_LOCK = 0x626D73_02
_ATTACHED = text(
    "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = to_regclass('readings') AND c.relname = ANY(:names)"
)


def months_of(rows: Sequence[RawReading]) -> list[int]:
    """The month of each row."""
    times = np.array([row[1] for row in rows], np.int64)
    months: list[int] = times.view("M8[us]").astype("M8[M]").astype(np.int64).tolist()
    return months


def ensure_months(connection: Connection, months: Collection[int]) -> None:
    """Make the partitions that are missing; several processes may do so at once."""
    if not _missing(connection, months):
        return
    with connection.engine.begin() as apart:
        apart.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        for month in _missing(apart, months):  # somebody else may have made them meanwhile
            for statement in _making(month):
                apart.exec_driver_sql(statement)


def _missing(connection: Connection, months: Collection[int]) -> list[int]:
    names = {_name(month): month for month in sorted(months)}
    attached = set(connection.execute(_ATTACHED, {"names": list(names)}).scalars())
    return [month for name, month in names.items() if name not in attached]


def _making(month: int) -> tuple[str, str]:
    name, first, end = _name(month), _start(month), _start(month + 1)
    return (
        f"CREATE TABLE {name} (LIKE readings INCLUDING ALL)",
        f"ALTER TABLE readings ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})",
    )


def _name(month: int) -> str:
    year, of_year = divmod(month, 12)
    return f"readings_{1970 + year:04d}_{of_year + 1:02d}"


def _start(month: int) -> int:
    """The first moment of a month [us after 1970]; the year may be past what datetime knows."""
    return int(np.datetime64(month, "M").astype("M8[us]").astype(np.int64))
