"""What a worker owns by its own running clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bms.clock import VirtualClock
from bms.model.control.ownership import SiteClaim
from bms.services.ownership.held import HeldSites

START = datetime(2019, 1, 14, tzinfo=UTC)


def held() -> tuple[HeldSites, VirtualClock]:
    clock = VirtualClock(START)
    return HeldSites(clock, clock, lambda site: site != "far"), clock


def beaten(sites: HeldSites, clock: VirtualClock, *names: str) -> frozenset[str]:
    return sites.renewed(dict.fromkeys(names, 7), clock.elapsed(), 60.0)


def test_w02_nothing_is_sent_before_a_heartbeat_has_confirmed_the_claim() -> None:
    sites, clock = held()
    sites.claimed({"hut": SiteClaim(site="hut", token=7)})
    assert not sites.owns("hut")
    assert beaten(sites, clock, "hut") == {"hut"}
    assert sites.owns("hut")
    assert sites.may_send("hut", 2.0)
    assert beaten(sites, clock, "hut") == frozenset()


def test_w02_the_deadline_counts_from_before_the_heartbeat_was_sent() -> None:
    sites, clock = held()
    asked = clock.elapsed()
    clock.advance(timedelta(seconds=50))  # the answer came late
    sites.renewed({"hut": 7}, asked, 60.0)
    assert sites.may_send("hut", 9.0)
    assert not sites.may_send("hut", 10.0)
    clock.advance(timedelta(seconds=10))
    assert not sites.owns("hut")


def test_w02_a_calendar_that_is_set_back_lengthens_nothing() -> None:
    sites, clock = held()
    beaten(sites, clock, "hut")
    clock.advance(timedelta(seconds=60))
    clock.set_calendar(START)
    assert not sites.may_send("hut")


def test_w02_a_computer_that_started_anew_owns_nothing() -> None:
    sites, clock = held()
    beaten(sites, clock, "hut")
    clock.reboot("another")
    assert not sites.may_send("hut")


def test_w02_what_the_heartbeat_does_not_name_is_lost() -> None:
    sites, clock = held()
    beaten(sites, clock, "hut", "hall")
    beaten(sites, clock, "hall")
    assert not sites.owns("hut")
    assert sites.token("hut") is None
    assert sites.fencing_tokens() == {"hut": 7, "hall": 7}


def test_w02_who_came_after_a_lost_owner_waits_for_what_that_one_wrote() -> None:
    sites, clock = held()
    sites.claimed({"hut": SiteClaim(site="hut", token=7, waits_s=1800.0)})
    beaten(sites, clock, "hut")
    assert sites.owns("hut")
    assert not sites.may_send("hut")
    assert sites.settled() == frozenset()
    clock.advance(timedelta(minutes=30))
    beaten(sites, clock, "hut")
    assert sites.may_send("hut")
    assert sites.settled() == {"hut"}


def test_readings_go_on_while_nobody_can_say_who_owns() -> None:
    sites, clock = held()
    assert sites.may_collect("hut")
    assert not sites.may_collect("far")
    beaten(sites, clock, "hut")
    clock.advance(timedelta(hours=1))
    assert sites.may_collect("hut")
    beaten(sites, clock, "hall")
    assert not sites.may_collect("hut")


async def test_w02_a_hand_over_waits_for_the_work_and_lets_none_begin() -> None:
    sites, clock = held()
    beaten(sites, clock, "hut", "hall")
    with sites.at_work("hut") as ours, sites.closing(["hut", "hall"]):
        assert ours
        with sites.at_work("hall") as begun:
            assert not begun
        assert await sites.drained(["hut", "hall"], 0.05) == {"hall"}
    with sites.at_work("hut") as again:
        assert again
    waiting = asyncio.create_task(sites.drained(["hut"], 5.0))
    assert await waiting == {"hut"}
