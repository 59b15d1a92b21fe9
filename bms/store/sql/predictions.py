"""The records of prediction errors in SQL: a row for each zone, lead and local day."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, delete, select

from bms.model.planning.prediction import Foreseen, PredictionDay, UseForecastDay, UseStart
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredPrediction, StoredUseForecast, StoredUseStart


class SqlPredictions(Linked):
    """The part of ``PlanStore`` that keeps how far predictions were off."""

    def keep_predictions(self, rows: Iterable[PredictionDay]) -> None:
        """See ``PlanStore``."""
        with self._link.writing(durable=False) as session:
            _put(session, StoredPrediction, map(_row, rows))

    def predictions(self, site: str, since: date) -> list[PredictionDay]:
        """See ``PlanStore``."""
        return self.predictions_of([site], since).get(site, [])

    def predictions_of(self, sites: Collection[str], since: date) -> dict[str, list[PredictionDay]]:
        """See ``PlanStore``."""
        wanted = (
            select(StoredPrediction)
            .where(col(StoredPrediction.site).in_(sites), StoredPrediction.day >= since.toordinal())
            .order_by(
                col(StoredPrediction.day), col(StoredPrediction.zone), col(StoredPrediction.lead_h)
            )
        )
        found: dict[str, list[PredictionDay]] = {}
        with self._link.reading() as session:
            for row in session.exec(wanted):
                found.setdefault(row.site, []).append(_day(row))
        return found

    def keep_use_starts(self, rows: Iterable[UseStart]) -> None:
        """See ``PlanStore``."""
        with self._link.writing(durable=False) as session:
            _put(session, StoredUseStart, map(_start, rows))

    def use_starts(self, site: str, since: date) -> list[UseStart]:
        """See ``PlanStore``."""
        wanted = (
            select(StoredUseStart)
            .where(StoredUseStart.site == site, StoredUseStart.day >= since.toordinal())
            .order_by(col(StoredUseStart.day), col(StoredUseStart.zone))
        )
        with self._link.reading() as session:
            return [
                UseStart(
                    site=row.site,
                    zone=row.zone,
                    day=date.fromordinal(row.day),
                    shortfall_k=row.shortfall_k,
                    margin_k=row.margin_k,
                )
                for row in session.exec(wanted)
            ]

    def keep_use_forecasts(self, rows: Iterable[UseForecastDay]) -> None:
        """See ``PlanStore``."""
        with self._link.writing(durable=False) as session:
            _put(session, StoredUseForecast, map(_stored, rows))

    def use_forecasts(self, site: str, since: date) -> list[UseForecastDay]:
        """See ``PlanStore``."""
        kept = StoredUseForecast
        wanted = (
            select(kept)
            .where(kept.site == site, kept.day >= since.toordinal())
            .order_by(col(kept.day), col(kept.what), col(kept.zone), col(kept.lead_h))
        )
        with self._link.reading() as session:
            return [_foreseen(row) for row in session.exec(wanted)]

    def forget_occupancy(self, site: str | None, before: date) -> None:
        """See ``PlanStore``."""
        old = delete(StoredUseForecast).where(
            col(StoredUseForecast.what) == Foreseen.OCCUPANCY.value,
            col(StoredUseForecast.day) < before.toordinal(),
        )
        if site is not None:
            old = old.where(col(StoredUseForecast.site) == site)
        with self._link.writing(durable=False) as session:
            session.exec(old)


def _put(session: Session, table: type[SQLModel], rows: Iterable[SQLModel]) -> None:
    """Rows in the place of those with the same key, in one statement: SQLModel's ``merge`` has two
    for each."""
    values = [row.model_dump() for row in rows]
    if not values:
        return
    connection = session.connection()
    postgres = connection.dialect.name == "postgresql"
    new = postgresql.insert(table) if postgres else sqlite.insert(table)
    columns = inspect(table).local_table.columns
    rest = {c.name: new.excluded[c.name] for c in columns if not c.primary_key}
    keys = [c for c in columns if c.primary_key]
    connection.execute(new.on_conflict_do_update(index_elements=keys, set_=rest), values)


def _start(row: UseStart) -> StoredUseStart:
    return StoredUseStart(
        site=row.site,
        day=row.day.toordinal(),
        zone=row.zone,
        shortfall_k=row.shortfall_k,
        margin_k=row.margin_k,
    )


def _row(day: PredictionDay) -> StoredPrediction:
    return StoredPrediction(
        site=day.site,
        zone=day.zone,
        lead_h=day.lead_h,
        day=day.day.toordinal(),
        n=day.n,
        rmse_k=day.rmse_k,
        bias_k=day.bias_k,
        expected_k=day.expected_k,
        model_at=day.model_at,
        drifting=day.drifting,
    )


def _day(row: StoredPrediction) -> PredictionDay:
    return PredictionDay(
        site=row.site,
        zone=row.zone,
        lead_h=row.lead_h,
        day=date.fromordinal(row.day),
        n=row.n,
        rmse_k=row.rmse_k,
        bias_k=row.bias_k,
        expected_k=row.expected_k,
        model_at=row.model_at,
        drifting=row.drifting,
    )


def _stored(row: UseForecastDay) -> StoredUseForecast:
    return StoredUseForecast(
        site=row.site,
        day=row.day.toordinal(),
        what=row.what.value,
        zone=row.zone or "",
        lead_h=row.lead_h,
        n=row.n,
        bias=row.bias,
        rmse=row.rmse,
    )


def _foreseen(row: StoredUseForecast) -> UseForecastDay:
    return UseForecastDay(
        site=row.site,
        what=Foreseen(row.what),
        zone=row.zone or None,
        lead_h=row.lead_h,
        day=date.fromordinal(row.day),
        n=row.n,
        bias=row.bias,
        rmse=row.rmse,
    )
