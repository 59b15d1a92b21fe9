"""What every store keeps of commissionings, steps back and days beside the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bms.errors import StoreError
from bms.model.assets.site import Mode
from bms.model.control.audit import Action, AuditSearch
from bms.model.trust.commissioning import TestOutcome
from bms.model.trust.modes import Application, AutoScope, ShadowDay
from tests.rigs.fakes.store import HOUR, MONDAY
from tests.rigs.storage.evidence_rows import POINT, SITE, a_commissioning, a_step
from tests.rigs.storage.stores import AnyStore

SHADOW = ShadowDay(
    site=SITE,
    day=date(2019, 1, 14),
    plan="p1",
    plan_kwh=100.0,
    own_kwh=120.0,
    plan_kh=0.0,
    own_kh=0.5,
    happened_kh=None,
    followed=0.4,
    application=Application.PARTLY,
)


class TestCommissionings:
    def test_they_come_back_whole_and_the_newest_counts(self, store: AnyStore) -> None:
        first, again = a_commissioning("c1"), a_commissioning("c2", at=MONDAY + HOUR)
        failed = replace(again, tests=(replace(again.tests[0], outcome=TestOutcome.FAILED),))
        store.add_commissionings([first])
        store.add_commissionings([first, failed])
        assert store.commissionings(SITE) == [first, failed]
        found = store.commissioned([SITE, "school"])
        assert found["school"] == {}
        newest = found[SITE][POINT]
        assert (newest.at, newest.declared, newest.passed) == (failed.at, failed.declared, False)

    def test_another_one_of_the_same_id_is_refused(self, store: AnyStore) -> None:
        store.add_commissionings([a_commissioning()])
        with pytest.raises(StoreError, match="another commissioning"):
            store.add_commissionings([a_commissioning(declared="1" * 64)])

    def test_it_stands_in_the_audit(self, store: AnyStore) -> None:
        store.add_commissionings([a_commissioning()])
        [entry] = store.audit(AuditSearch(action=Action.COMMISSION))
        assert (entry.actor, entry.site, entry.subject) == ("mette", SITE, POINT)


class TestStepsBack:
    def test_a_step_back_lowers_the_mode_until_somebody_agrees(self, store: AnyStore) -> None:
        store.set_mode(SITE, Mode.AUTO, actor="eva", at=MONDAY - HOUR, reason="approved")
        store.step_back(a_step("s1"), actor="bms")
        store.step_back(a_step("s2"), actor="bms")
        assert store.mode(SITE) is Mode.ADVISE
        assert store.steps_back(SITE) == [a_step("s1")]
        said = {"actor": "eva", "at": MONDAY + HOUR, "reason": "the sensor is mended"}
        store.approve(SITE, AutoScope.FULL, **said)
        assert store.mode(SITE) is Mode.AUTO
        [agreed] = store.steps_back(SITE)
        assert (agreed.agreed_by, agreed.agreed_at) == ("eva", MONDAY + HOUR)
        store.step_back(a_step("s3"), actor="bms")
        assert [step.id for step in store.steps_back(SITE)] == ["s1", "s3"]
        [entry] = store.audit(AuditSearch(action=Action.AGREE))
        assert (entry.actor, entry.subject) == ("eva", "s1")

    def test_the_last_approval_says_for_what_it_was(self, store: AnyStore) -> None:
        assert store.auto_scope(SITE) is None
        said = {"actor": "eva", "at": MONDAY, "reason": "approved"}
        store.approve(SITE, AutoScope.FULL, **said)
        store.approve(SITE, AutoScope.LIMITED, **said)
        store.approve("school", AutoScope.FULL, **said)
        assert store.auto_scope(SITE) is AutoScope.LIMITED


def test_a_day_beside_the_plan_takes_the_place_of_the_same_day(store: AnyStore) -> None:
    store.keep_shadow_days([SHADOW, replace(SHADOW, day=SHADOW.day - timedelta(days=1))])
    store.keep_shadow_days([replace(SHADOW, followed=1.0, application=Application.APPLIED)])
    [row] = store.shadow_days(SITE, SHADOW.day)
    assert (row.followed, row.application) == (1.0, Application.APPLIED)
    assert len(store.shadow_days(SITE, SHADOW.day - timedelta(days=1))) == 2
