"""Bookings and closures, and taking them back."""

from __future__ import annotations

from api.pages.actions.form import FormField, local_text, next_evening
from api.pages.actions.holds import WHOLE
from api.pages.actions.steps import ActionOutcome, ActionPreview, Doing, NothingToDo
from bms.model.control.booking import Booking, BookingKind
from bms.services.occupancy import LONGEST, BookingRequest, book
from bms.services.off_loop import off_loop


class MakeBooking:
    """A room or a building is used, or closed, outside its weekly timetable."""

    code = "booking"

    def _zones(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t = doing.t
        rows = [(zone.id, zone.name) for zone in doing.site.zones]
        return ((WHOLE, t("override_all")), *sorted(rows, key=lambda row: t.collated(row[1])))

    def _kinds(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        t = doing.t
        return tuple((kind.value, t(f"booking_{kind.value}")) for kind in BookingKind)

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t, ask, zone = doing.t, doing.ask, doing.site.timezone
        evening = next_evening(doing.now, zone)
        begin, end = local_text(evening, zone), local_text(evening.replace(hour=21), zone)
        return (
            ask.choice("kind", t("form_booking_kind"), self._kinds(doing), BookingKind.IN_USE),
            ask.choice("zone", t("form_where"), self._zones(doing)),
            ask.moment("start", t("from"), begin),
            ask.moment("end", t("to"), end),
            ask.number("people", t("form_people"), about=t("form_people_help"), step="1"),
            doing.ask_reason(),
        )

    def _read(self, doing: Doing) -> BookingRequest:
        form, t = doing.form(), doing.t
        kind = form.choice("kind", self._kinds(doing))
        zone = form.choice("zone", self._zones(doing))
        start, end = form.moment("start"), form.moment("end")
        people = form.number("people", required=False)
        reason = form.reason()
        if end is not None and end <= doing.now:
            form.wrong("end", t("form_over", now=t.moment(doing.now)))
        if start is not None and end is not None and not start < end:
            form.wrong("end", t("form_end_first"))
        if start is not None and end is not None and end - start > LONGEST:
            form.wrong("end", t("form_too_long"))
        if people is not None and kind == BookingKind.CLOSED.value:
            form.wrong("people", t("form_nobody_comes"))
        if people is not None and zone == WHOLE and len(doing.site.zones) > 1:
            form.wrong("people", t("form_people_where"))
        form.check()
        assert start is not None
        assert end is not None
        return BookingRequest(
            zone=None if zone == WHOLE else zone,
            start=start,
            end=end,
            kind=BookingKind(kind),
            reason=reason,
            author=doing.actor,
            people=people,
        )

    def preview(self, doing: Doing) -> ActionPreview:
        t, asked = doing.t, self._read(doing)
        where = t("override_all") if asked.zone is None else doing.site.zone(asked.zone).name
        span = {"where": where, "start": t.moment(asked.start), "end": t.moment(asked.end)}
        if asked.kind is BookingKind.CLOSED:
            lines = (t("preview_closed", **span), t("preview_closed_comfort"))
        else:
            lines = (t("preview_booked", **span), t("preview_booked_comfort"))
        return ActionPreview(lines=(*lines, t("preview_next_plan")))

    async def perform(self, doing: Doing) -> ActionOutcome:
        asked = self._read(doing)
        decisions = doing.ports.control.decisions
        made = await off_loop(book, doing.site, decisions, asked, now=doing.now)
        return ActionOutcome(back=f"/do/unbook?booking={made.id}")


class RemoveBooking:
    """A booking or closure is taken back."""

    code = "unbook"

    def _standing(self, doing: Doing) -> list[Booking]:
        """Raises ``NothingToDo`` where nothing is booked."""
        t = doing.t
        found = doing.ports.control.decisions.bookings(doing.site.id, doing.now)
        if not found:
            raise NothingToDo(t("nothing_booked"))
        return found

    def _choices(self, doing: Doing) -> tuple[tuple[str, str], ...]:
        return tuple((each.id, booking_line(doing, each)) for each in self._standing(doing))

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        t = doing.t
        return (doing.ask.choice("booking", t("form_which"), self._choices(doing)),)

    def _read(self, doing: Doing) -> tuple[str, str]:
        form, choices = doing.form(), self._choices(doing)
        chosen = form.choice("booking", choices)
        form.check()
        return chosen, dict(choices)[chosen]

    def preview(self, doing: Doing) -> ActionPreview:
        t = doing.t
        _, line = self._read(doing)
        return ActionPreview(lines=(t("preview_unbook", booking=line), t("preview_next_plan")))

    async def perform(self, doing: Doing) -> ActionOutcome:
        chosen, _ = await off_loop(self._read, doing)
        remove = doing.ports.control.decisions.remove_booking
        await off_loop(remove, doing.site.id, chosen, actor=doing.actor, at=doing.now)
        return ActionOutcome(back="/do/booking")


def booking_line(doing: Doing, booking: Booking) -> str:
    """A booking in one line."""
    t = doing.t
    where = t("override_all") if booking.zone is None else doing.site.zone(booking.zone).name
    return t(
        "booking_line",
        kind=t(f"booking_{booking.kind.value}"),
        where=where,
        start=t.moment(booking.start),
        end=t.moment(booking.end),
        reason=booking.reason,
    )
