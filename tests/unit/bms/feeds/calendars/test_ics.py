"""Times of an iCalendar file: repeats, exceptions, cancellations, whole days, both nights of summer
time; and nothing but times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.errors import FeedError
from bms.feeds.calendars.ics import MAX_BYTES, MAX_EVENTS, spans_in
from bms.model.control.booking import BookedTime
from tests.rigs.examples import examples

COPENHAGEN = "Europe/Copenhagen"
ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Copenhagen
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
END:VTIMEZONE
"""


def calendar(*events: str, zone: str = ZONE) -> bytes:
    """A calendar of events given by their lines."""
    parts = "".join(
        f"BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\n{each}\nEND:VEVENT\n" for each in events
    )
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//\n{zone}{parts}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(body: bytes, start: str = "2026-03-20", days: int = 28) -> list[tuple[str, str]]:
    begin = at(start)
    found = spans_in(body, begin, begin + timedelta(days=days), COPENHAGEN)
    return [(f"{each.start:%m-%d %H:%M}", f"{each.end:%m-%d %H:%M}") for each in found]


TRAINING = (
    "UID:a\nSUMMARY:Badminton with Karen Hansen\n"
    "DTSTART;TZID=Europe/Copenhagen:20260107T190000\nDTEND;TZID=Europe/Copenhagen:20260107T210000\n"
    "RRULE:FREQ=WEEKLY;BYDAY=WE"
)


def test_a_series_keeps_its_local_hour_over_the_night_of_summer_time() -> None:
    assert spans(calendar(TRAINING), days=14) == [
        ("03-25 18:00", "03-25 20:00"),
        ("04-01 17:00", "04-01 19:00"),
    ]
    assert spans(calendar(TRAINING), "2026-10-20", 14) == [
        ("10-21 17:00", "10-21 19:00"),
        ("10-28 18:00", "10-28 20:00"),
    ]


def test_the_nights_themselves_have_23_and_25_hours() -> None:
    def night(day: str, after: str) -> bytes:
        return calendar(f"UID:n\nDTSTART;VALUE=DATE:{day}\nDTEND;VALUE=DATE:{after}")

    assert spans(night("20260329", "20260330")) == [("03-28 23:00", "03-29 22:00")]
    assert spans(night("20261025", "20261026"), "2026-10-20") == [("10-24 22:00", "10-25 23:00")]


def test_exceptions_moved_and_cancelled_single_events() -> None:
    moved = (
        "UID:a\nRECURRENCE-ID;TZID=Europe/Copenhagen:20260401T190000\n"
        "DTSTART;TZID=Europe/Copenhagen:20260402T170000\n"
        "DTEND;TZID=Europe/Copenhagen:20260402T180000"
    )
    cancelled = (
        "UID:a\nRECURRENCE-ID;TZID=Europe/Copenhagen:20260408T190000\nSTATUS:CANCELLED\n"
        "DTSTART;TZID=Europe/Copenhagen:20260408T190000\n"
        "DTEND;TZID=Europe/Copenhagen:20260408T210000"
    )
    series = f"{TRAINING}\nEXDATE;TZID=Europe/Copenhagen:20260325T190000"
    assert spans(calendar(series, moved, cancelled)) == [
        ("04-02 15:00", "04-02 16:00"),
        ("04-15 17:00", "04-15 19:00"),
    ]


def test_cancelled_and_free_events_are_none_private_and_tentative_ones_are() -> None:
    when = "DTSTART:20260325T100000Z\nDTEND:20260325T110000Z"
    assert spans(calendar(f"UID:1\n{when}\nSTATUS:CANCELLED")) == []
    assert spans(calendar(f"UID:1\n{when}\nTRANSP:TRANSPARENT")) == []
    for line in ("CLASS:PRIVATE", "CLASS:CONFIDENTIAL", "STATUS:TENTATIVE"):
        assert len(spans(calendar(f"UID:1\n{when}\n{line}"))) == 1


def test_a_time_without_a_zone_is_the_buildings() -> None:
    body = calendar("UID:1\nDTSTART:20260401T180000\nDURATION:PT90M", zone="")
    assert spans(body) == [("04-01 16:00", "04-01 17:30")]


def test_a_zone_that_is_only_named_is_known() -> None:
    assert spans(calendar(TRAINING, zone=""), days=7) == [("03-25 18:00", "03-25 20:00")]


def test_what_overlaps_is_one_and_what_has_no_length_none() -> None:
    body = calendar(
        "UID:1\nDTSTART:20260325T100000Z\nDTEND:20260325T120000Z",
        "UID:2\nDTSTART:20260325T110000Z\nDTEND:20260325T130000Z",
        "UID:3\nDTSTART:20260325T130000Z\nDTEND:20260325T133000Z",
        "UID:4\nDTSTART:20260326T130000Z\nDTEND:20260326T130000Z",
    )
    assert spans(body) == [("03-25 10:00", "03-25 13:30")]


def test_what_is_under_way_has_its_own_start() -> None:
    body = calendar("UID:1\nDTSTART:20260319T220000Z\nDTEND:20260320T020000Z")
    assert spans(body) == [("03-19 22:00", "03-20 02:00")]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "none"),
        (b"<html>Log in</html>", "none"),
        (b"\x00\xff", "none"),
        (b"BEGIN:VCALENDAR\n" + b"x" * MAX_BYTES, "larger"),
        (calendar(*["UID:1\nDTSTART:20260325T100000Z"] * (MAX_EVENTS + 1)), "more than"),
        (calendar("UID:1\nDTSTART:20260325T100000Z\nRRULE:FREQ=SECONDLY"), "more often"),
        (calendar("UID:1\nDTSTART:20260325T100000Z\nRRULE:FREQ=MINU\n TELY"), "more often"),
        (calendar("UID:1\nDTSTART:20260325T100000Z\nRRULE:FREQ=DAILY;INTERVAL=0"), "more often"),
        (calendar("UID:1\nDTSTART:00010101T100000Z\nRRULE:FREQ=DAILY"), "more often"),
        (
            calendar(
                "UID:1\nDTSTART:20260325T100000Z\nRRULE:FREQ=DAILY;COUNT=2;BYMONTH=2;BYMONTHDAY=30"
            ),
            "more often",
        ),
        (calendar("UID:1\nDTSTART:20260325T100000Z").replace(b"END:VCALENDAR", b""), "read"),
    ],
)
def test_what_is_no_calendar_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(FeedError, match=why):
        spans(body)


BODY = calendar(TRAINING, "UID:2\nDTSTART;VALUE=DATE:20260325")


def sound(body: bytes) -> None:
    begin = at("2026-03-20")
    try:
        found = spans_in(body, begin, begin + timedelta(days=28), COPENHAGEN)
    except FeedError:
        return
    for before, after in pairwise(found):
        assert before.end < after.start
    for each in found:
        assert isinstance(each, BookedTime)
        assert each.start < each.end


@given(data=st.data())
@settings(max_examples=examples(100), deadline=None)
def test_any_change_of_a_calendar_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    sound(bytes(body[: data.draw(st.integers(0, len(body)))]))


@given(lines=st.lists(st.sampled_from(
    ["RRULE:FREQ=HOURLY", "RRULE:FREQ=DAILY;INTERVAL=0", "RRULE:FREQ=YEARLY;COUNT=-1",
     "RDATE:20260325T100000Z", "EXDATE:x", "DURATION:-P1D", "DURATION:P999999999D",
     "DTSTART:00010101T000000Z", "DTEND:99991231T235959Z", "RECURRENCE-ID:20260101T000000Z",
     "DTSTART;TZID=Nowhere/Else:20260325T100000", "RRULE:FREQ=DAILY;UNTIL=20250101",
     "RRULE:FREQ=WEEKLY;BYDAY=8XX", "DTSTART;VALUE=DATE:20260230", "STATUS:", "DTSTART:"]
), max_size=5))  # fmt: skip
@settings(max_examples=examples(60), deadline=None)
def test_any_mixture_of_lines_is_read_or_refused(lines: list[str]) -> None:
    sound(calendar("UID:1\nDTSTART:20260101T100000Z\n" + "\n".join(lines)))
