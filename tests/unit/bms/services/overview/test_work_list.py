"""The work list in place of what its items are about."""

from __future__ import annotations

from datetime import datetime

from bms.model.fact import fact
from bms.model.work.finding import Severity
from bms.model.work.item import Cause, WorkAct, WorkEvent, WorkItem, WorkKind
from bms.services.overview.attention import Attention, AttentionCode, Topic
from bms.services.overview.work_list import with_work
from tests.rigs.fakes.api import NOW
from tests.rigs.fakes.city import HOUR

WHAT = fact(AttentionCode.PLAN_MISSING)
SILENT = Attention(site="lodge", what=fact(AttentionCode.DEVICE_SILENT), topic=Topic.NOW)


def item(site: str = "lodge", *, until: datetime | None = None, closed: bool = False) -> WorkItem:
    cause = Cause(
        kind=WorkKind.DEVICE_SILENT,
        site=site,
        subject=f"{site}/rooms",
        what=WHAT,
        since=NOW - HOUR,
        severity=Severity.HIGH,
        dkk_day=12.0,
    )
    acts = [WorkAct.SNOOZE] * (until is not None) + [WorkAct.CLOSE] * closed
    events = tuple(
        WorkEvent(item="w1", site=site, at=NOW, act=act, actor="Bo", until=until) for act in acts
    )
    return WorkItem(id="w1", cause=cause, opened_at=NOW, events=events)


def test_an_item_takes_the_place_of_what_it_is_about() -> None:
    (matter,) = with_work([SILENT], [item()], NOW)
    assert (matter.what, matter.topic, matter.urgent, matter.dkk) == (WHAT, Topic.WORK, True, 12.0)


def test_what_sleeps_is_told_by_nobody() -> None:
    assert with_work([SILENT], [item(until=NOW + HOUR)], NOW) == []
    assert len(with_work([SILENT], [item(until=NOW - HOUR)], NOW)) == 1


def test_an_item_of_another_building_or_a_closed_one_takes_no_place() -> None:
    assert SILENT in with_work([SILENT], [item("barn")], NOW)
    assert with_work([SILENT], [item(closed=True)], NOW) == [SILENT]
