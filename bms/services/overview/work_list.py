"""What needs a person, with the items of the work list in place of what they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bms.model.work.finding import Severity
from bms.model.work.item import WorkItem, WorkKind, WorkState
from bms.services.overview.attention import Attention, AttentionCode, Topic, rank

SAME: Mapping[str, WorkKind] = {
    AttentionCode.ROOM_COLD: WorkKind.COMFORT_AT_RISK,
    AttentionCode.DEVICE_SILENT: WorkKind.DEVICE_SILENT,
    AttentionCode.METER_SILENT: WorkKind.DATA_MISSING,
    AttentionCode.OVERRIDDEN: WorkKind.OVERRIDE_STANDING,
    AttentionCode.OVERRIDDEN_UNTIL: WorkKind.OVERRIDE_STANDING,
    AttentionCode.AT_BUILDING: WorkKind.OVERRIDE_STANDING,
    AttentionCode.WRITE_FAILED: WorkKind.WRITE_FAILED,
    AttentionCode.STILL_HELD: WorkKind.NOT_GIVEN_BACK,
}
"""Of which kind an item is that says the same."""
WAITS = (WorkState.OPEN, WorkState.ACKNOWLEDGED, WorkState.ASSIGNED)
URGENT = (Severity.CRITICAL, Severity.HIGH)


def with_work(
    matters: Sequence[Attention], items: Iterable[WorkItem], now: datetime
) -> list[Attention]:
    """The matters and the items that wait, worst first. A matter that an item of its building is
    about is told by that alone, and by nobody while the item sleeps."""
    known = [item for item in items if item.closed is None]
    told = {(item.cause.site, item.cause.kind) for item in known}
    left = [
        each
        for each in matters
        if each.what.code not in SAME or (each.site, SAME[each.what.code]) not in told
    ]
    waiting = [_matter(item) for item in known if item.state(now) in WAITS]
    return sorted([*left, *waiting], key=lambda each: rank(each, now))


def _matter(item: WorkItem) -> Attention:
    cause = item.cause
    year = cause.dkk_year
    return Attention(
        site=cause.site,
        what=cause.what,
        topic=Topic.WORK,
        urgent=cause.severity in URGENT,
        since=cause.since,
        dkk=None if year is None else year / 365.0,
    )
