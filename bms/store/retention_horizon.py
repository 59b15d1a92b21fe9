"""How far back the readings of a point go, in SQL: older ones were deleted and stay away."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from bms.store.database.tables import RawReading
from bms.store.erasure_ledger import ALWAYS

_FURTHEST = text("SELECT max(before) FROM horizons")
_AFTER = text("SELECT point, before FROM horizons WHERE before > :moment")
_OF = text("SELECT before FROM horizons WHERE point = :point")
_RAISE = text(
    "INSERT INTO horizons (point, before) VALUES (:point, :before)"
    " ON CONFLICT (point) DO UPDATE SET before = excluded.before"
    " WHERE horizons.before < excluded.before"
)


def horizon_of(connection: Connection, point: int) -> int:
    """The moment [us] before which the readings of a point were deleted."""
    before = connection.execute(_OF, {"point": point}).scalar()
    return ALWAYS if before is None else int(before)


def raise_horizons(connection: Connection, points: Sequence[int], before: int) -> None:
    """From now on the readings of ``points`` from before ``before`` [us] are gone."""
    if points:
        rows = [{"point": point, "before": before} for point in points]
        connection.execute(_RAISE, rows)


def unexpired(connection: Connection, rows: list[RawReading]) -> list[RawReading]:
    """The rows that are not older than the horizon of their point."""
    oldest = min((row[1] for row in rows), default=0)
    furthest = connection.execute(_FURTHEST).scalar()
    if furthest is None or furthest <= oldest:
        return rows
    found = connection.execute(_AFTER, {"moment": oldest}).all()
    before = {row[0]: row[1] for row in found}
    return [row for row in rows if row[1] >= before.get(row[0], ALWAYS)]
