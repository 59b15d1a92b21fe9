"""Bookings and closures in SQL: a row for each, and who took it back."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import col, select

from bms.errors import NotFound, StoreError
from bms.model.control.booking import Booking, BookingKind
from bms.store.database.connection import Linked
from bms.store.database.tables import AuditRow, BookingRow
from bms.store.records import Action


class SqlBookings(Linked):
    """The part of ``DecisionStore`` that keeps what people know about the coming use."""

    def add_booking(self, booking: Booking) -> None:
        """See ``DecisionStore``."""
        with self._link.writing(durable=True) as session:
            known = session.get(BookingRow, booking.id)
            if known is not None:
                if _booking(known) != booking:
                    raise StoreError(f"another booking is kept as {booking.id} already")
                return
            session.add(_row(booking))
            session.add(
                AuditRow(
                    at=booking.made_at,
                    actor=booking.author,
                    action=Action.ADD_BOOKING.value,
                    site=booking.site,
                    subject=booking.id,
                    reason=booking.reason,
                )
            )

    def remove_booking(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        with self._link.writing(durable=True) as session:
            row = session.get(BookingRow, booking_id, with_for_update=True)
            if row is None or row.site != site:
                raise NotFound(f"{site} has no booking {booking_id}")
            if row.removed_at is not None:
                return
            row.removed_at, row.removed_by = at, actor
            session.add(
                AuditRow(
                    at=at,
                    actor=actor,
                    action=Action.REMOVE_BOOKING.value,
                    site=site,
                    subject=booking_id,
                    reason="",
                )
            )

    def bookings(self, site: str, start: datetime, end: datetime | None = None) -> list[Booking]:
        """See ``DecisionStore``."""
        wanted = (
            select(BookingRow)
            .where(BookingRow.site == site, BookingRow.ends > start)
            .where(col(BookingRow.removed_at).is_(None))
            .order_by(col(BookingRow.starts), col(BookingRow.id))
        )
        if end is not None:
            wanted = wanted.where(BookingRow.starts < end)
        with self._link.reading() as session:
            return [_booking(row) for row in session.exec(wanted)]


def _row(booking: Booking) -> BookingRow:
    return BookingRow(
        id=booking.id,
        site=booking.site,
        zone=booking.zone,
        starts=booking.start,
        ends=booking.end,
        kind=booking.kind.value,
        reason=booking.reason,
        author=booking.author,
        made_at=booking.made_at,
        people=booking.people,
    )


def _booking(row: BookingRow) -> Booking:
    return Booking(
        id=row.id,
        site=row.site,
        zone=row.zone,
        start=row.starts,
        end=row.ends,
        kind=BookingKind(row.kind),
        reason=row.reason,
        author=row.author,
        made_at=row.made_at,
        people=row.people,
    )
