"""Which stretch of time a saving is told for, and which one it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.errors import ConfigError
from bms.model.savings.avoided_use import Span

BASELINE_DAYS = 365
WITHOUT_CONTROL_DAYS = 14
LONGEST_DAYS = 1100


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Baseline and reporting period; ``control_start`` is our first write, where there was one."""

    baseline: Span
    reporting: Span
    control_start: datetime | None = None


def midnight(day: date, timezone: str) -> datetime:
    """The start of a local day, in UTC."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def local_date(moment: datetime, timezone: str) -> date:
    return moment.astimezone(ZoneInfo(timezone)).date()


def parse_span(text: str, timezone: str) -> Span:
    """``2018-01-14..2019-01-14``: local dates, the second one exclusive.

    Raises ``ConfigError`` that says what is wrong and how it is written.
    """
    example = "write 2018-01-14..2019-01-14 (local dates, the last one exclusive)"
    try:
        first, last = (date.fromisoformat(part) for part in text.split(".."))
    except ValueError:
        raise ConfigError(f"{text!r} is not a period; {example}") from None
    if not first < last:
        raise ConfigError(f"{text!r} ends before it starts; {example}")
    if (last - first).days > LONGEST_DAYS:
        raise ConfigError(f"{text!r} is longer than {LONGEST_DAYS} days; choose a shorter period")
    return Span(start=midnight(first, timezone), end=midnight(last, timezone))


def year_before(end: datetime, timezone: str) -> Span:
    """The 365 local days that end at ``end``."""
    first = local_date(end, timezone) - timedelta(days=BASELINE_DAYS)
    return Span(start=midnight(first, timezone), end=end)


def default_periods(control_start: datetime | None, now: datetime, timezone: str) -> Periods:
    """All whole days since our first write (at most a year) against the year before that write.

    Without any write: the last 14 whole days against the year before them.
    """
    today = local_date(now, timezone)
    if control_start is None:
        since = midnight(today - timedelta(days=WITHOUT_CONTROL_DAYS), timezone)
        reporting = Span(start=since, end=midnight(today, timezone))
        return Periods(baseline=year_before(since, timezone), reporting=reporting)
    first = local_date(control_start, timezone)
    shown = max(first, today - timedelta(days=BASELINE_DAYS))
    last = max(today, first + timedelta(days=1))
    return Periods(
        baseline=year_before(midnight(first, timezone), timezone),
        reporting=Span(start=midnight(shown, timezone), end=midnight(last, timezone)),
        control_start=control_start,
    )


def chosen_periods(
    default: Periods, timezone: str, baseline: str | None, reporting: str | None
) -> Periods:
    """The default periods with those in their place that somebody asked for as text.

    A reporting period without a baseline is compared with the year before it, or before our
    first write where that was earlier. Raises ``ConfigError``.
    """
    if baseline is None and reporting is None:
        return default
    shown = parse_span(reporting, timezone) if reporting else default.reporting
    if baseline is not None:
        before = parse_span(baseline, timezone)
    elif default.control_start is not None and default.control_start < shown.start:
        before = default.baseline
    else:
        before = year_before(shown.start, timezone)
    return Periods(baseline=before, reporting=shown, control_start=default.control_start)
