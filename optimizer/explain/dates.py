"""A moment as people say it: "mandag 21. jan. kl. 07.15", "Monday 21 Jan 07:15"."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS_DA = ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag")
DAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS_DA = (
    "jan.", "feb.", "marts", "april", "maj", "juni",
    "juli", "aug.", "sept.", "okt.", "nov.", "dec.",
)  # fmt: skip
MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def local(moment: datetime, timezone: str) -> datetime:
    """The moment on the clock of ``timezone``; on that of UTC where the name is not known."""
    try:
        return moment.astimezone(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return moment.astimezone(UTC)


def spoken(moment: datetime) -> tuple[str, str]:
    """Danish and English, on the clock of ``moment`` itself; another clock than UTC is local."""
    day, month = moment.weekday(), moment.month - 1
    zone = " UTC" if moment.tzinfo is UTC else ""
    return (
        f"{DAYS_DA[day]} {moment.day}. {MONTHS_DA[month]} kl. {moment:%H.%M}{zone}",
        f"{DAYS_EN[day]} {moment.day} {MONTHS_EN[month]} {moment:%H:%M}{zone}",
    )
