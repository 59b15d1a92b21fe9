"""The work list: what every store promises about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import NotFound, StoreError
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.evidence import CITY, EvidenceKind, Part
from bms.model.work.detection import Detection
from bms.model.work.finding import CannotRun, Price, RuleId
from bms.model.work.item import BY_US, Closing, WorkAct, WorkState
from bms.ports.storage.whole import Store
from tests.rigs.fakes.store import HOUR, MONDAY
from tests.rigs.storage.evidence_rows import a_pruning
from tests.rigs.storage.stores import AnyStore
from tests.rigs.work.rows import SITE, a_cause, a_finding, a_notice, a_work_event, a_work_item

CLOSE = a_work_event("w1", WorkAct.CLOSE, closing=Closing.NOT_A_FAULT, note="built so")


def test_it_is_a_store(store: AnyStore) -> None:
    seam: Store = store  # mypy holds the signatures to the port
    assert seam.items([SITE]) == []


class TestItems:
    def test_they_come_back_whole_with_what_was_done(self, store: AnyStore) -> None:
        first, other = a_work_item(), a_work_item("w2", opened_at=MONDAY + HOUR)
        store.keep_items([first, other], [a_work_event("w1", WorkAct.OPEN, actor=BY_US)])
        store.add_work_event(a_work_event("w1", assignee="eva"))
        events = (
            a_work_event("w1", WorkAct.OPEN, actor=BY_US),
            a_work_event("w1", assignee="eva"),
        )
        assert store.item("w1") == replace(first, events=events)
        assert [item.id for item in store.items([SITE, "barn"])] == ["w2", "w1"]
        assert store.items(["barn"]) == []
        assert [item.id for item in store.items([SITE], most=1)] == ["w2"]

    def test_a_later_look_takes_the_place_of_an_earlier_one(self, store: AnyStore) -> None:
        store.keep_items([a_work_item()])
        seen = a_work_item(gone_since=MONDAY + HOUR)
        store.keep_items([seen])
        assert store.items([SITE]) == [seen]

    def test_a_cause_has_one_living_item_whoever_looks(self, store: AnyStore) -> None:
        store.keep_items([a_work_item()], [a_work_event("w1", WorkAct.OPEN, actor=BY_US)])
        again = a_work_event("w2", WorkAct.OPEN, actor=BY_US)
        other = a_work_item("w2", cause=a_cause())
        store.keep_items([other], [again])
        assert [item.id for item in store.items([SITE])] == ["w1"]
        store.add_work_event(CLOSE)
        store.keep_items([other], [again])
        assert store.items([SITE]) == [], "it has not cleared yet"
        store.keep_items([a_work_item(cleared_at=MONDAY + 2 * HOUR)])
        store.keep_items([other], [again])
        assert [item.id for item in store.items([SITE])] == ["w2"]

    def test_one_is_closed_once_and_lives_on_until_its_cause_has_cleared(
        self, store: AnyStore
    ) -> None:
        store.keep_items([a_work_item()])
        store.add_work_event(CLOSE)
        with pytest.raises(StoreError, match="is closed"):
            store.add_work_event(replace(CLOSE, actor="eva"))
        by_itself = replace(CLOSE, actor=BY_US, closing=Closing.CLEARED)
        store.keep_items([a_work_item()], [by_itself])
        assert store.items([SITE]) == []
        (closed,) = store.items([SITE], closed=True)
        assert closed.state(MONDAY) is WorkState.CLOSED
        assert closed.closed == CLOSE
        assert [item.id for item in store.live_items([SITE])] == ["w1"]
        store.keep_items([replace(closed, cleared_at=MONDAY + 2 * HOUR)])
        assert store.live_items([SITE]) == []
        assert len(store.items([SITE], closed=True)) == 1

    def test_what_is_no_fault_is_known_with_its_size(self, store: AnyStore) -> None:
        larger = a_cause(price=Price(kwh_year=7000.0))
        store.keep_items([a_work_item()])
        store.add_work_event(CLOSE)
        store.keep_items([a_work_item(cleared_at=MONDAY + HOUR)])
        store.keep_items([a_work_item("w2", cause=larger)])
        later = {"at": MONDAY + 2 * HOUR, "closing": Closing.NOT_A_FAULT}
        store.add_work_event(a_work_event("w2", WorkAct.CLOSE, **later))
        assert store.dismissed(SITE) == {larger.key: 7000.0}
        assert store.dismissed("barn") == {}

    def test_a_site_closes_only_its_own(self, store: AnyStore) -> None:
        store.keep_items([a_work_item()])
        for wrong in (replace(CLOSE, site="barn"), replace(CLOSE, item="w9")):
            with pytest.raises(NotFound):
                store.add_work_event(wrong)
        with pytest.raises(NotFound):
            store.item("w9")

    def test_what_people_do_stands_in_audit_and_evidence(self, store: AnyStore) -> None:
        store.keep_items([a_work_item()], [a_work_event("w1", WorkAct.OPEN, actor=BY_US)])
        store.add_work_event(a_work_event("w1", WorkAct.ACKNOWLEDGE))
        store.add_work_event(CLOSE)
        done = [(e.action, e.actor, e.subject) for e in store.audit(AuditSearch(site=SITE))]
        assert done == [(Action.CLOSE_WORK, "bo", "w1"), (Action.ACKNOWLEDGE_WORK, "bo", "w1")]
        kinds = [entry.kind for entry in store.evidence(SITE)]
        assert kinds.count(EvidenceKind.WORK_EVENT) == 3
        assert store.verify().flaws == ()

    def test_names_go_and_what_was_done_stays(self, store: AnyStore) -> None:
        store.keep_items([a_work_item()])
        store.add_work_event(a_work_event("w1", assignee="eva", note="ask ole"))
        later = MONDAY + timedelta(days=400)
        store.prune(a_pruning(EvidenceKind.WORK_EVENT, Part.APART, before=later, at=later))
        (event,) = store.item("w1").events
        assert (event.act, event.actor, event.note, event.assignee) == (
            *(WorkAct.ASSIGN, "–", "", "–"),
        )
        assert store.verify().flaws == ()

    def test_of_the_city(self, store: AnyStore) -> None:
        item = a_work_item(cause=a_cause(site=CITY))
        store.keep_items([item])
        store.add_work_event(replace(CLOSE, site=CITY))
        assert len(store.items([CITY], closed=True)) == 1
        assert len(store.evidence(CITY)) == 2


class TestDetections:
    def test_the_last_one_stands(self, store: AnyStore) -> None:
        cannot = CannotRun(
            rule=RuleId("cooling_low"), site_id=SITE, subject="", reason=a_finding().look_for
        )
        first = Detection(site=SITE, at=MONDAY, findings=(a_finding(),), cannot=(cannot,))
        store.keep_detection(first)
        assert store.detections([SITE, "barn"]) == [first]
        store.keep_detection(Detection(site=SITE, at=MONDAY + HOUR))
        assert store.detections([SITE]) == [Detection(site=SITE, at=MONDAY + HOUR)]

    def test_since_when_a_site_is_watched(self, store: AnyStore) -> None:
        assert store.watched_at(SITE) is None
        for i in (1, 2):
            store.keep_watched(SITE, MONDAY, MONDAY + i * HOUR)
        assert store.watched_at(SITE) == (MONDAY, MONDAY + 2 * HOUR)


class TestNotices:
    def test_what_arrived_has_told_its_items(self, store: AnyStore) -> None:
        failed = a_notice("n1", error="refused")
        arrived = a_notice("n2", at=MONDAY + HOUR, items=("w2",))
        for notice in (failed, arrived, arrived):
            store.add_notice(notice)
        assert store.notices(MONDAY) == [failed, arrived]
        assert store.notices(MONDAY + HOUR) == [arrived]
        assert store.told_items("caretakers") == {"w2"}
        assert store.told_items("others") == frozenset()

    def test_names_go_from_them_and_nobody_is_told_again(self, store: AnyStore) -> None:
        store.add_notice(a_notice())
        later = MONDAY + timedelta(days=400)
        of_city = {"site": CITY, "before": later, "at": later}
        store.prune(a_pruning(EvidenceKind.NOTICE, Part.APART, **of_city))
        (kept,) = store.notices(MONDAY)
        assert (kept.recipient, kept.address, kept.items) == ("–", "", ("w1", "w2"))
        assert store.told_items("caretakers") == {"w1", "w2"}
        assert store.verify().flaws == ()
