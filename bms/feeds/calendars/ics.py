"""When a hall is in use, from an iCalendar file (RFC 5545). Only times are taken.

Titles, places, organisers and guests are never kept: what leaves this module are moments. Repeats,
exceptions and moved or cancelled single events are those of ``recurring_ical_events``. Times are
those of their time zone in both nights of summer time; one without a zone is the building's, and a
day is a local day. An event that is cancelled, or marked as leaving the calendar free
(``TRANSP:TRANSPARENT``), is not in use; a private or tentative one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from bms.errors import FeedError
from bms.model.control.booking import BookedTime

MAX_BYTES = 5_000_000
MAX_EVENTS = 5_000
"""Events [1] of a calendar, a series counted once."""
MAX_SPANS = 10_000
MAX_STEPS = 500_000
"""Repeats [1] that all series of a calendar may be worked out over, from their beginnings on."""
_STEPS_A_DAY = {"HOURLY": 24.0, "DAILY": 1.0, "WEEKLY": 1 / 7, "MONTHLY": 1 / 28, "YEARLY": 1 / 365}
_PICKED = ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYMONTH")
"""Parts of a rule by which it may never come true; with a count nothing ends the search then."""
_FINE = ("BYMINUTE", "BYSECOND")
_FOLDED = re.compile(rb"\r?\n[ \t]")
_NAME = "the calendar"


def spans_in(body: bytes, start: datetime, end: datetime, timezone: str) -> tuple[BookedTime, ...]:
    """Returns when something is booked in ``[start, end)``, joined where events touch or overlap.

    Raises ``FeedError`` for what is no calendar, or one that repeats by the minute.
    """
    _refuse_odd(body)
    zone = ZoneInfo(timezone)
    try:
        return _joined(sorted(_events(body, start, end, zone), key=lambda span: span.start))
    except FeedError:
        raise
    except Exception as error:  # the libraries raise whatever a strange value makes fail in them
        raise FeedError(f"{_NAME} cannot be read ({type(error).__name__})") from error


def _refuse_odd(body: bytes) -> None:
    """Raises ``FeedError`` for what the libraries need not be asked about."""
    if len(body) > MAX_BYTES:
        raise FeedError(f"{_NAME} is larger than {MAX_BYTES} bytes")
    unfolded = _FOLDED.sub(b"", body)
    if b"BEGIN:VCALENDAR" not in unfolded[:1000].upper():
        raise FeedError(f"{_NAME} is none: it does not begin with BEGIN:VCALENDAR")
    if unfolded.upper().count(b"BEGIN:VEVENT") > MAX_EVENTS:
        raise FeedError(f"{_NAME} has more than {MAX_EVENTS} events")


def _events(body: bytes, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[BookedTime]:
    import icalendar
    import recurring_ical_events

    calendar = icalendar.Calendar.from_ical(body)
    _bound_series(calendar, end)
    found = recurring_ical_events.of(calendar, skip_bad_series=True).between(
        start.astimezone(zone), end.astimezone(zone)
    )
    if len(found) > MAX_SPANS:
        raise FeedError(f"{_NAME} has more than {MAX_SPANS} events at a time")
    for event in found:
        span = None if _leaves_free(event) else _span(event, zone)
        if span is not None and span.start < end and span.end > start:
            yield span


def _bound_series(calendar: Any, end: datetime) -> None:
    """Ends every series with the question. Raises ``FeedError`` where all of them together would
    take too many steps: a line in a calendar can ask for a million years of seconds."""
    steps = 0.0
    for event in calendar.walk("VEVENT"):
        rules = event.get("RRULE") or []
        for rule in rules if isinstance(rules, list) else [rules]:
            steps += _steps(rule, event["DTSTART"].dt, end)
    if not steps <= MAX_STEPS:
        raise FeedError(f"{_NAME} repeats more often than can be worked out")


def _steps(rule: Any, begins: date, end: datetime) -> float:
    """The steps of a series until ``end``, where it is made to end."""
    each_day = _STEPS_A_DAY.get(str(rule.get("FREQ", [""])[0]).upper(), inf)
    fine = any(len(rule.get(part, ())) > 1 for part in _FINE)
    if fine or min(rule.get("INTERVAL", [1])) < 1:
        return inf
    if "COUNT" not in rule:
        last = rule.get("UNTIL", [end])[0]
        if last.year >= end.year:
            rule["UNTIL"] = [end if isinstance(begins, datetime) else end.date()]
    elif each_day > _STEPS_A_DAY["MONTHLY"] and any(part in rule for part in _PICKED):
        return inf
    days = end.toordinal() - begins.toordinal()
    return max(0.0, each_day * days)


def _leaves_free(event: Any) -> bool:
    return (
        str(event.get("STATUS", "")).upper() == "CANCELLED"
        or str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
    )


def _span(event: Any, zone: ZoneInfo) -> BookedTime | None:
    """The time of an event; None where it has no length."""
    begins, ends = (_moment(event[name].dt, zone) for name in ("DTSTART", "DTEND"))
    return BookedTime(begins, ends) if begins < ends else None


def _moment(value: date, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), zone).astimezone(UTC)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _joined(spans: list[BookedTime]) -> tuple[BookedTime, ...]:
    """Returns spans without overlaps, in order; who has booked twice is in once."""
    found: list[BookedTime] = []
    for span in spans:
        if found and span.start <= found[-1].end:
            found[-1] = BookedTime(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)
