"""Items of the work list, what people do with them, and notices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bms.model.fact import Fact
from bms.model.work.finding import Evidence, Finding, Price, RuleId, Severity
from bms.model.work.item import Cause, WorkAct, WorkEvent, WorkItem, WorkKind
from bms.model.work.notice import Channel, NoticeRecord, Occasion
from tests.rigs.fakes.store import HOUR, MONDAY

SITE = "lodge"


def a_cause(subject: str = f"{SITE}/heat", **changes: object) -> Cause:
    """Poor cooling at a meter, of 4000 DKK a year."""
    made = Cause(
        kind=WorkKind.FAULT,
        site=SITE,
        subject=subject,
        rule="cooling_low",
        what=Fact("override_all_day", {}),
        since=MONDAY - HOUR,
        price=Price(kwh_year=5000.0, dkk_year=4000.0, dkk_low=2000.0, dkk_high=6000.0),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_work_item(id_: str = "w1", **changes: object) -> WorkItem:
    subject = f"{SITE}/heat" if id_ == "w1" else f"{SITE}/{id_}"
    made = WorkItem(id=id_, cause=a_cause(subject), opened_at=MONDAY)
    return replace(made, **changes)  # type: ignore[arg-type]


def a_work_event(item: str = "w1", act: WorkAct = WorkAct.ASSIGN, **changes: object) -> WorkEvent:
    made = WorkEvent(item=item, site=SITE, at=MONDAY + HOUR, act=act, actor="bo")
    return replace(made, **changes)  # type: ignore[arg-type]


def a_notice(id_: str = "n1", **changes: object) -> NoticeRecord:
    made = NoticeRecord(
        id=id_,
        at=MONDAY,
        recipient="caretakers",
        channel=Channel.EMAIL,
        address="drift@example.dk",
        occasion=Occasion.AT_ONCE,
        items=("w1", "w2"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_finding(**changes: object) -> Finding:
    made = Finding(
        rule=RuleId("cooling_low"),
        site_id=SITE,
        subject=f"{SITE}/heat",
        start=MONDAY - timedelta(days=10),
        end=MONDAY,
        severity=Severity.MEDIUM,
        evidence=Evidence(start=MONDAY - timedelta(days=10), end=MONDAY),
        price=Price(kwh_year=5000.0, dkk_year=4000.0, dkk_low=2000.0, dkk_high=6000.0),
        fact=Fact("cooling_low", {"cooling": 12.0}),
        look_for=Fact("look_for_valves", {}),
        confidence=0.9,
    )
    return replace(made, **changes)  # type: ignore[arg-type]
