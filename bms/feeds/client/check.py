"""What a provider said when it was asked once: how much, how old, how complete, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bms.feeds.client.cached_fetch import CachedValue
from bms.feeds.client.disk_cache import FailureKind
from bms.model.fact import Fact, MessageCode, Moment, fact

HORIZON = timedelta(hours=36)
"""What a forecast is expected to reach [h]: as far as plans do."""


class CheckVerdict(MessageCode):
    """What came of a request, and what to do."""

    GOOD = "feed_check_good"
    SHORT = "feed_check_short"
    STALE = "feed_check_stale"
    NOTHING = "feed_check_nothing"
    NO_STATION = "feed_check_no_station"
    TOO_SOON = "feed_check_too_soon"
    AWAY = "feed_check_away"
    BUSY = "feed_check_busy"
    REFUSED = "feed_check_refused"
    STATUS = "feed_check_status"
    UNREADABLE = "feed_check_unreadable"


FAILED: dict[FailureKind, CheckVerdict] = {
    FailureKind.AWAY: CheckVerdict.AWAY,
    FailureKind.BUSY: CheckVerdict.BUSY,
    FailureKind.REFUSED: CheckVerdict.REFUSED,
    FailureKind.STATUS: CheckVerdict.STATUS,
    FailureKind.UNREADABLE: CheckVerdict.UNREADABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How many values there are, from when until when, and when they were made."""

    n: int = 0
    since: datetime | None = None
    until: datetime | None = None
    made_at: datetime | None = None
    complete: float | None = None
    """Share of the values that are expected between now and the end of a plan, 0..1; None where
    nothing can be expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCheck:
    """A dataset after it was asked for once; ``age_h`` [h] is that of the values."""

    name: str
    verdict: Fact
    asked_at: datetime | None
    extent: Extent
    age_h: float | None

    @property
    def is_good(self) -> bool:
        """Whether nothing has to be done."""
        return self.verdict.code in (CheckVerdict.GOOD, CheckVerdict.TOO_SOON)


def dataset_check(
    name: str,
    known: CachedValue[Any],
    extent: Extent,
    now: datetime,
    *,
    stale_after: timedelta | None = None,
    nothing: CheckVerdict = CheckVerdict.NOTHING,
) -> DatasetCheck:
    """Returns the check of a dataset; values older than ``stale_after`` are called old, and
    ``nothing`` is what an answer without values means."""
    made = extent.made_at or known.entry.fetched_at
    age = None if made is None or not extent.n else now - made
    return DatasetCheck(
        name=name,
        verdict=_verdict(known, extent, age, stale_after, nothing),
        asked_at=known.entry.asked_at,
        extent=extent,
        age_h=None if age is None else age / timedelta(hours=1),
    )


def _verdict(
    known: CachedValue[Any],
    extent: Extent,
    age: timedelta | None,
    stale_after: timedelta | None,
    nothing: CheckVerdict,
) -> Fact:
    entry = known.entry
    if entry.failure is not None:
        again = None if entry.not_before is None else Moment(entry.not_before)
        return fact(FAILED[entry.failure], reason=entry.trouble or "", again=again)
    if not extent.n:
        return fact(nothing)
    if age is not None and stale_after is not None and age > stale_after:
        return fact(CheckVerdict.STALE, hours=age / timedelta(hours=1))
    if extent.complete is not None and extent.complete < 1.0:
        return fact(CheckVerdict.SHORT, share=extent.complete)
    if not known.asked_now:
        return fact(CheckVerdict.TOO_SOON)
    return fact(CheckVerdict.GOOD)
