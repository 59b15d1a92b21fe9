"""Periods as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import typer

from bms.model.savings.avoided_use import Span
from bms.services.periods import midnight

YEARS = range(1990, 2100)
"""Years in which buildings have meters and time zones rules; others are slips of the pen."""


def span(text: str, timezone: str) -> Span:
    """``2018-01-14..2019-01-14``: local dates, the second one exclusive."""
    try:
        first, last = (local_day(part, timezone) for part in text.split(".."))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a period; write 2018-01-14..2019-01-14 (end exclusive)"
        ) from None
    if not first < last:
        raise typer.BadParameter(f"{text!r} ends before it starts")
    return Span(start=first, end=last)


def local_day(text: str, timezone: str) -> datetime:
    """The start of a local day, in UTC. Raises ValueError for anything else."""
    day = date.fromisoformat(text)
    if day.year not in YEARS:
        raise ValueError(f"{text} lies outside {YEARS.start}..{YEARS.stop}")
    return midnight(day, timezone)


def local_moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    """A local moment, or the start of a local day; in UTC."""
    try:
        if "T" not in text and " " not in text:
            return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write 2026-10-01T18:00 or 2026-10-01", param_hint=option
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
