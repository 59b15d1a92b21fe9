"""Who owns a site: one worker at a time, whatever the store (clause W2)."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import NotOwner
from bms.model.control.command import Released
from bms.model.control.ownership import Ownership, OwningWorker, SiteClaim
from tests.rigs.fakes.store import MONDAY, a_plan
from tests.rigs.storage.stores import AnyStore

ANNA = OwningWorker(id="anna", place="anna.example, process 1", selection="shard:1/2")
BO = OwningWorker(id="bo", place="bo.example, process 2")
LONG, SHORT, GRACE = 60.0, 0.15, 0.1
WRITES = 1800.0


def claim(
    store: AnyStore,
    worker: OwningWorker,
    *sites: str,
    lasts_s: float = LONG,
    stands_s: float = WRITES,
) -> dict[str, SiteClaim]:
    return store.claim(worker, sites, lasts_s=lasts_s, stands_s=stands_s, grace_s=GRACE)


def row(store: AnyStore, site: str) -> Ownership:
    return next(each for each in store.owners() if each.site == site)


def test_w02_a_site_is_taken_by_one_worker(store: AnyStore) -> None:
    taken = claim(store, ANNA, "school", "lodge")
    assert {site: each.waits_s for site, each in taken.items()} == {"school": 0.0, "lodge": 0.0}
    assert claim(store, BO, "school", "lodge", "hall").keys() == {"hall"}
    seen = row(store, "school")
    assert (seen.owner, seen.place, seen.selection) == ("anna", ANNA.place, "shard:1/2")
    assert seen.token == taken["school"].token
    assert seen.runs
    assert 0 < seen.left_s <= LONG


def test_w02_a_lease_that_ran_out_is_free_after_the_longest_write(store: AnyStore) -> None:
    first = claim(store, ANNA, "school", lasts_s=SHORT)["school"]
    time.sleep(SHORT)
    assert not row(store, "school").runs
    assert store.beat(ANNA, LONG) == {}
    assert claim(store, BO, "school") == {}
    time.sleep(GRACE)
    second = claim(store, BO, "school")["school"]
    assert second.token > first.token
    assert second.waits_s == WRITES
    assert row(store, "school").waits


def test_w02_the_beat_owns_on_what_is_owned(store: AnyStore) -> None:
    taken = claim(store, ANNA, "school", "lodge", lasts_s=SHORT)
    claim(store, BO, "hall")
    tokens = store.beat(ANNA, LONG)
    assert tokens == {site: each.token for site, each in taken.items()}
    time.sleep(SHORT + GRACE)
    assert claim(store, BO, "school", "lodge") == {}


def test_w02_what_was_given_up_is_free_at_once(store: AnyStore) -> None:
    first = claim(store, ANNA, "school")["school"]
    store.give_up("bo", ["school"])
    assert claim(store, BO, "school") == {}
    store.give_up("anna", ["school"])
    assert store.beat(ANNA, LONG) == {}
    second = claim(store, BO, "school")["school"]
    assert second.waits_s == 0.0
    assert second.token > first.token


def test_w02_a_home_takes_its_own_back_at_once(store: AnyStore) -> None:
    first = claim(store, ANNA, "school")["school"]
    again = claim(store, replace(ANNA, place="anna.example, process 3"), "school")["school"]
    assert again.token > first.token
    assert again.waits_s == 0.0
    assert row(store, "school").place == "anna.example, process 3"


def test_w02_who_waits_goes_on_waiting_after_a_restart_until_it_has_settled(
    store: AnyStore,
) -> None:
    claim(store, ANNA, "school", lasts_s=0.0)
    time.sleep(GRACE)
    assert claim(store, BO, "school")["school"].waits_s == WRITES
    assert claim(store, BO, "school", stands_s=60.0)["school"].waits_s == WRITES
    store.settle("bo", ["school"])
    assert claim(store, BO, "school")["school"].waits_s == 0.0


def test_w02_a_long_write_of_a_person_is_waited_for(store: AnyStore) -> None:
    claim(store, ANNA, "school", lasts_s=SHORT)
    assert store.reserve("anna", ["school", "hall"], 7200.0) == {"school"}
    assert store.reserve("bo", ["school"], 9000.0) == frozenset()
    time.sleep(SHORT + GRACE)
    assert claim(store, BO, "school")["school"].waits_s == 7200.0


def test_w02_a_site_is_handed_over_once_its_heir_has_accepted(store: AnyStore) -> None:
    claim(store, BO, BO.presence)
    first = claim(store, ANNA, "school", "lodge")
    assert store.offer("anna", "bo", {"school": "[1]", "lodge": "[2]", "hall": ""}) == {
        "school",
        "lodge",
    }
    assert store.hand_over("anna", ["school"], LONG) == frozenset()
    assert store.offers("bo") == {"school": "[1]", "lodge": "[2]"}
    assert store.accept("bo", {"school": "[1]", "hall": ""}) == {"school"}
    assert store.offers("bo") == {"lodge": "[2]"}
    assert store.withdraw("anna", ["school", "lodge"]) == {"lodge"}
    assert store.accept("bo", {"lodge": "[2]"}) == frozenset()
    assert store.hand_over("anna", ["school", "lodge"], LONG) == {"school"}
    tokens = store.beat(BO, LONG)
    assert tokens["school"] > first["school"].token
    assert set(store.beat(ANNA, LONG)) == {"lodge"}
    seen = row(store, "school")
    assert (seen.owner, seen.place, seen.heir, seen.waits) == ("bo", BO.place, None, False)


def test_w02_an_acceptance_that_comes_late_is_none_of_a_newer_offer(store: AnyStore) -> None:
    """The heir has opened what stood in the earlier one, and would own points that it has not."""
    claim(store, ANNA, "school")
    store.offer("anna", "bo", {"school": "[1]"})
    [earlier] = store.offers("bo").values()
    assert store.withdraw("anna", ["school"]) == {"school"}
    store.offer("anna", "bo", {"school": "[1, 2]"})
    assert store.accept("bo", {"school": earlier}) == frozenset()
    assert store.hand_over("anna", ["school"], LONG) == frozenset()
    assert store.offers("bo") == {"school": "[1, 2]"}
    assert store.accept("bo", store.offers("bo")) == {"school"}


def test_w02_an_offer_ends_with_the_lease_of_who_made_it(store: AnyStore) -> None:
    claim(store, ANNA, "school", lasts_s=SHORT)
    store.offer("anna", "bo", {"school": "[]"})
    time.sleep(SHORT)
    assert store.offers("bo") == {}
    assert store.accept("bo", {"school": "[]"}) == frozenset()


def test_w02_of_two_sites_at_one_object_the_first_one_stands(store: AnyStore) -> None:
    terms = {"lasts_s": LONG, "stands_s": WRITES, "grace_s": GRACE}
    store.claim(ANNA, ["school", "hall"], **terms, places={"school": ["a", "b"], "hall": ["c"]})
    store.claim(BO, ["skole", "gym"], **terms, places={"skole": ["b", "x"], "gym": ["y"]})
    assert store.overlaps("bo") == {"skole": "school"}
    assert store.overlaps("anna") == {}
    store.give_up("anna", ["school"])
    assert store.overlaps("bo") == {}


class TestFence:
    """Plans, models and receipts are kept with the newest token only."""

    def test_w02_an_old_token_keeps_nothing(self, store: AnyStore) -> None:
        tokens = {"school": claim(store, ANNA, "school")["school"].token}
        store.fence(lambda: tokens)
        store.add_plan(a_plan("p1", "school"))
        store.add_receipts([Released("school/gym.setpoint", 19.0)], MONDAY)
        store.give_up("anna", ["school"])
        claim(store, BO, "school")
        with pytest.raises(NotOwner, match="school: another worker"):
            store.add_plan(a_plan("p2", "school"))
        receipts = [Released(f"{s}/x.setpoint", 19.0) for s in ("school", "hall")]
        with pytest.raises(NotOwner) as refusal:
            store.add_receipts(receipts, MONDAY + timedelta(days=1))
        assert refusal.value.sites == {"school"}
        assert store.plan_in_force("school", MONDAY + timedelta(days=1)) == a_plan("p1", "school")
        assert len(store.receipts("school", MONDAY)) == 1
        assert store.receipts("hall", MONDAY) == []

    def test_w02_what_was_never_owned_here_is_kept_for_people(self, store: AnyStore) -> None:
        claim(store, BO, "school")
        store.fence(lambda: {"lodge": 1})
        store.add_receipts([Released("school/gym.setpoint", 19.0)], MONDAY)
        assert len(store.receipts("school", MONDAY)) == 1
