"""Which stretch of time a saving is told for, and which one it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.errors import ConfigError
from bms.model.savings.avoided_use import Span

BASELINE_DAYS = 365
WITHOUT_CONTROL_DAYS = 14
LONGEST_DAYS = 1100
FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Local days of other years cannot be told in every time zone, and no reading is of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Baseline and reporting period; ``control_start`` is our first write, where there was one.

    ``project`` is all of the time that is measured against that baseline, from its start to today;
    None where the reporting period is compared with a baseline of its own.
    """

    baseline: Span
    reporting: Span
    control_start: datetime | None = None
    project: Span | None = None

    @property
    def whole(self) -> Span:
        """From the first to the last day that has a part in the comparison."""
        parts = [self.baseline, self.reporting, *([self.project] if self.project else ())]
        return Span(start=min(p.start for p in parts), end=max(p.end for p in parts))


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
    if first.year < FIRST_YEAR or last.year > LAST_YEAR:
        raise ConfigError(f"{text!r}: years from {FIRST_YEAR} to {LAST_YEAR} are known; {example}")
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
    begin = midnight(first, timezone)
    end = midnight(max(today, first + timedelta(days=1)), timezone)
    return Periods(
        baseline=year_before(begin, timezone),
        reporting=Span(start=midnight(shown, timezone), end=end),
        control_start=control_start,
        project=Span(start=begin, end=end),
    )


def chosen_periods(
    default: Periods, timezone: str, baseline: str | None, reporting: str | None
) -> Periods:
    """The default periods with those in their place that somebody asked for as text.

    A reporting period without a baseline is compared with the baseline of the project, and is the
    part of it that lies in the project; one from before the project with the year before itself.
    Raises ``ConfigError``.
    """
    if baseline is None and reporting is None:
        return default
    shown = parse_span(reporting, timezone) if reporting else default.reporting
    asked = None if baseline is None else parse_span(baseline, timezone)
    project = default.project
    if project is not None and project.start < shown.end and asked in (None, default.baseline):
        return replace(default, reporting=_part(shown, project))
    before = year_before(shown.start, timezone) if asked is None else asked
    return Periods(baseline=before, reporting=shown, control_start=default.control_start)


def _part(shown: Span, project: Span) -> Span:
    """The part of a period that lies in the project; all of it where it begins later."""
    start = max(shown.start, project.start)
    return Span(start=start, end=min(shown.end, project.end) if start < project.end else shown.end)
