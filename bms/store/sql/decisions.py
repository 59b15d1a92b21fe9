"""Decisions of people in SQL: modes, overrides and bookings, each with an entry in the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session, col, desc, func, or_, select

from bms.errors import NotFound, StoreError
from bms.model.assets.site import Mode
from bms.model.codec import from_json, to_json
from bms.model.control.audit import Action
from bms.model.control.booking import Booking, BookingKind
from bms.model.control.command import Override
from bms.model.control.hands_off import SiteMode
from bms.model.fact import Fact
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredBooking, StoredMode, StoredOverride
from bms.store.ledger_rules import NAME_GONE
from bms.store.sql.audit import note


class SqlDecisions(Linked):
    """Implements ``DecisionStore``."""

    def mode(self, site: str) -> Mode | None:
        """See ``DecisionStore``."""
        last = (
            select(StoredMode.mode)
            .where(StoredMode.site == site)
            .order_by(desc(col(StoredMode.seq)))
        )
        with self._link.reading() as session:
            mode = session.exec(last.limit(1)).first()
        return None if mode is None else Mode(mode)

    def modes(self, sites: Collection[str]) -> dict[str, Mode]:
        """See ``DecisionStore``."""
        newest = (
            select(func.max(StoredMode.seq))
            .where(col(StoredMode.site).in_(sites))
            .group_by(col(StoredMode.site))
        )
        wanted = select(StoredMode.site, StoredMode.mode).where(col(StoredMode.seq).in_(newest))
        with self._link.reading() as session:
            return {site: Mode(mode) for site, mode in session.exec(wanted)}

    def set_mode(self, site: str, mode: Mode, *, actor: str, at: datetime, reason: str) -> None:
        """See ``DecisionStore``."""
        with self._link.writing(durable=True) as session:
            _add_mode(session, SiteMode(site=site, mode=mode, at=at, actor=actor, reason=reason))

    def say_modes(self, words: Iterable[SiteMode]) -> None:
        """See ``DecisionStore``."""
        said = list(words)
        if not said:
            return
        with self._link.writing(durable=True) as session:
            last = {word.site: word for word in _modes_said(session, {w.site for w in said})}
            for word in said:
                if last.get(word.site) != word:
                    _add_mode(session, word)
                    last[word.site] = word

    def modes_said(self, sites: Collection[str]) -> list[SiteMode]:
        """See ``DecisionStore``."""
        with self._link.reading() as session:
            return _modes_said(session, sites)

    def add_override(self, override: Override) -> None:
        """See ``DecisionStore``."""
        with self._link.writing(durable=True) as session:
            row = session.get(StoredOverride, override.id)
            if row is not None:
                if _override(row) != override:
                    raise StoreError(f"another override is kept as {override.id} already")
                return
            session.add(_override_row(override))
            note(
                session,
                Action.ADD_OVERRIDE,
                override.id,
                at=override.since,
                actor=override.actor,
                site=override.site,
                reason=str(override.reason),
            )

    def remove_override(self, override_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        with self._link.writing(durable=True) as session:
            row = session.get(StoredOverride, override_id, with_for_update=True)
            if row is None:
                raise NotFound(f"there is no override {override_id}")
            if row.removed_at is None:
                row.removed_at, row.removed_by = at, actor
                note(
                    session, Action.REMOVE_OVERRIDE, override_id, at=at, actor=actor, site=row.site
                )

    def overrides(self, site: str, at: datetime) -> list[Override]:
        """See ``DecisionStore``."""
        return self.overrides_of([site], at)[site]

    def overrides_of(self, sites: Collection[str], at: datetime) -> dict[str, list[Override]]:
        """See ``DecisionStore``."""
        until, removed = col(StoredOverride.until), col(StoredOverride.removed_at)
        in_force = (
            select(StoredOverride)
            .where(col(StoredOverride.site).in_(sites), or_(until.is_(None), until > at))
            .where(removed.is_(None))
            .order_by(col(StoredOverride.since), col(StoredOverride.id))
        )
        found: dict[str, list[Override]] = {site: [] for site in sites}
        with self._link.reading() as session:
            for row in session.exec(in_force):
                found[row.site].append(_override(row))
        return found

    def removed_overrides(self, ids: Collection[str]) -> dict[str, bool]:
        """See ``DecisionStore``."""
        wanted = select(StoredOverride.id, StoredOverride.removed_at).where(
            col(StoredOverride.id).in_(ids)
        )
        with self._link.reading() as session:
            return {id_: removed is not None for id_, removed in session.exec(wanted)}

    def add_booking(self, booking: Booking) -> None:
        """See ``DecisionStore``."""
        with self._link.writing(durable=True) as session:
            known = session.get(StoredBooking, booking.id)
            if known is not None:
                if _booking(known) != booking:
                    raise StoreError(f"another booking is kept as {booking.id} already")
                return
            session.add(_booking_row(booking))
            note(
                session,
                Action.ADD_BOOKING,
                booking.id,
                at=booking.made_at,
                actor=booking.author,
                site=booking.site,
                reason=booking.reason,
            )

    def remove_booking(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        with self._link.writing(durable=True) as session:
            row = session.get(StoredBooking, booking_id, with_for_update=True)
            if row is None or row.site != site:
                raise NotFound(f"{site} has no booking {booking_id}")
            if row.removed_at is not None:
                return
            row.removed_at, row.removed_by = at, actor
            note(session, Action.REMOVE_BOOKING, booking_id, at=at, actor=actor, site=site)

    def bookings(self, site: str, start: datetime, end: datetime | None = None) -> list[Booking]:
        """See ``DecisionStore``."""
        wanted = (
            select(StoredBooking)
            .where(StoredBooking.site == site, StoredBooking.ends > start)
            .where(col(StoredBooking.removed_at).is_(None))
            .order_by(col(StoredBooking.starts), col(StoredBooking.id))
        )
        if end is not None:
            wanted = wanted.where(StoredBooking.starts < end)
        with self._link.reading() as session:
            return [_booking(row) for row in session.exec(wanted)]

    def bookings_of(self, sites: Collection[str], start: datetime) -> dict[str, list[Booking]]:
        """See ``DecisionStore``."""
        wanted = (
            select(StoredBooking)
            .where(col(StoredBooking.site).in_(sites), StoredBooking.ends > start)
            .where(col(StoredBooking.removed_at).is_(None))
            .order_by(col(StoredBooking.starts), col(StoredBooking.id))
        )
        found: dict[str, list[Booking]] = {site: [] for site in sites}
        with self._link.reading() as session:
            for row in session.exec(wanted):
                found[row.site].append(_booking(row))
        return found


def _add_mode(session: Session, word: SiteMode) -> None:
    mode, at, actor, reason = word.mode.value, word.at, word.actor, word.reason
    session.add(StoredMode(site=word.site, mode=mode, actor=actor, at=at, reason=reason))
    note(session, Action.SET_MODE, mode, at=at, actor=actor, site=word.site, reason=reason)


def _modes_said(session: Session, sites: Collection[str]) -> list[SiteMode]:
    wanted = select(StoredMode).where(col(StoredMode.site).in_(sites)).order_by(col(StoredMode.seq))
    return [
        SiteMode(site=row.site, mode=Mode(row.mode), at=row.at, actor=row.actor, reason=row.reason)
        for row in session.exec(wanted)
    ]


def _override_row(override: Override) -> StoredOverride:
    return StoredOverride(
        id=override.id,
        site=override.site,
        point=override.point,
        since=override.since,
        until=override.until,
        reason=override.reason if isinstance(override.reason, str) else "",
        actor=override.actor,
        fact=None if isinstance(override.reason, str) else to_json(override.reason),
    )


def _override(row: StoredOverride) -> Override:
    return Override(
        id=row.id,
        site=row.site,
        point=row.point,
        since=row.since,
        until=row.until,
        reason=row.reason if row.fact is None else from_json(Fact, row.fact),
        actor=row.actor,
    )


def _booking_row(booking: Booking) -> StoredBooking:
    return StoredBooking(
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


def _booking(row: StoredBooking) -> Booking:
    return Booking(
        id=row.id,
        site=row.site,
        zone=row.zone,
        start=row.starts,
        end=row.ends,
        kind=BookingKind(row.kind),
        reason=row.reason or NAME_GONE,
        author=row.author or NAME_GONE,
        made_at=row.made_at,
        people=row.people,
    )
