"""Deleting readings for good, in SQL, and the ledger that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, select

from bms.model.assets.point import Privacy
from bms.model.control.retention import Erased, Erasure, KeptClass
from bms.model.readings.rollup import Level
from bms.store.database.tables import LEVEL_CODES, StoredErasure, StoredPoint
from bms.store.erasure_ledger import ALWAYS, ErasureTally
from bms.store.retention_horizon import raise_horizons
from bms.store.rollups import stale_days as stale
from bms.store.rollups.buckets import no_buckets
from bms.store.rollups.refresh import fold_marked, hours_of, keep_hours
from bms.store.sql.rollups import PORTION, SqlRollups

_DELETIONS = (
    text("DELETE FROM readings WHERE point = :point AND time < :before"),
    text("DELETE FROM corrections WHERE point = :point AND time < :before"),
)
_CLASS = text("UPDATE points SET privacy = :privacy, kept_days = :days WHERE name = :name")
_MONTHS = text(
    "SELECT month FROM rollups WHERE level = :level AND point = :point AND month <= :last"
    " ORDER BY month"
).bindparams(level=LEVEL_CODES[Level.HOUR])


@dataclass(frozen=True, slots=True)
class _Place:
    """The readings of ``point``, whose number is ``key``, from before ``before`` [us]."""

    session: Session
    point: str
    key: int
    before: int


class SqlRetention(SqlRollups):
    """The part of ``RetentionStore`` that keeps readings only as long as it should."""

    def forget(self, erasure: Erasure) -> Erased:
        """See ``RetentionStore``."""
        before = self._days.midnight(erasure.before)
        keys = self._keys_of(set(erasure.points))
        loss = ErasureTally()
        with self._link.writing(durable=True) as session:
            connection = session.connection()
            self._link.database.lock_stale_days(connection, alone=True)
            for point in sorted(set(erasure.points)):
                place = _Place(session, point, keys[point], before)
                self._take(place, loss)
                if erasure.with_rollups:
                    self._take_rollups(place, loss)
            raise_horizons(connection, [keys[point] for point in erasure.points], before)
            erased = loss.erased(erasure, before)
            if not erased.nothing:
                session.add(_line(erased))
        return erased

    def keep_classes(self, classes: Mapping[str, KeptClass]) -> None:
        """See ``RetentionStore``."""
        known = self.kept_classes()
        changed = [
            {"name": point, "privacy": kept.privacy.value, "days": kept.days}
            for point, kept in classes.items()
            if point in known and known[point] != kept
        ]
        if changed:
            with self._link.writing(durable=False) as session:
                session.connection().execute(_CLASS, changed)

    def kept_classes(self) -> dict[str, KeptClass | None]:
        """See ``RetentionStore``."""
        wanted = select(StoredPoint.name, StoredPoint.privacy, StoredPoint.kept_days)
        with self._link.reading() as session:
            return {
                name: None if privacy is None else KeptClass(Privacy(privacy), days)
                for name, privacy, days in session.exec(wanted)
            }

    def scrub(self, *, whole: bool = False) -> None:
        """See ``RetentionStore``."""
        self._link.scrub(whole=whole)

    def _take(self, place: _Place, loss: ErasureTally) -> None:
        """Fold what is about to go, and let it go."""
        point, key, before = place.point, place.key, place.before
        connection = place.session.connection()
        while marked := stale.ended(connection, [key], before, PORTION):
            fold_marked(connection, self._days, marked)
        loss.readings(self._between(place.session, point, key, ALWAYS, before))
        loss.corrections(self._corrected(place.session, point, key, ALWAYS, before))
        for deletion in _DELETIONS:
            connection.execute(deletion, {"point": key, "before": before})

    def _take_rollups(self, place: _Place, loss: ErasureTally) -> None:
        connection, key = place.session.connection(), place.key
        last = {"point": key, "last": self._days.month_of(place.before)}
        for month in connection.execute(_MONTHS, last).scalars().all():
            starts = self._days.edges(Level.HOUR, *self._days.month(month))[:-1]
            hours = hours_of(connection, self._days, key, month)
            gone = starts < place.before
            loss.hours(place.point, hours[gone & (hours["n"] > 0)])
            hours[gone] = no_buckets(1)
            keep_hours(connection, self._days, key, month, hours)

    def erasures(self, since: datetime) -> list[Erased]:
        """See ``RetentionStore``."""
        wanted = (
            select(StoredErasure).where(StoredErasure.at >= since).order_by(col(StoredErasure.seq))
        )
        with self._link.reading() as session:
            return [_erased(row) for row in session.exec(wanted)]


def _line(erased: Erased) -> StoredErasure:
    return StoredErasure(**{**asdict(erased), "privacy": erased.privacy.value})


def _erased(row: StoredErasure) -> Erased:
    kept = row.model_dump(exclude={"seq"})
    return Erased(**{**kept, "privacy": Privacy(row.privacy)})
