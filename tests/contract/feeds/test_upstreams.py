"""Backends that are read beside each other, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.clock import VirtualClock
from bms.feeds.upstream.federation import UpstreamFederation
from bms.feeds.upstream.keys import Upstream
from bms.model.savings.objection import Verdict
from bms.outgoing.http import HttpxClient
from tests.rigs.fakes.api import NOW, a_world, live_in
from tests.rigs.feeds.server import FeedServer, Reply
from tests.rigs.feeds.upstream import CONSUMPTION, SAVINGS, a_page, a_saving, a_year


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as made:
        yield made


def reading(server: FeedServer, home: Path, clock: VirtualClock) -> UpstreamFederation:
    return UpstreamFederation(
        [Upstream(server.address, "secret", "Aarhus")],
        HttpxClient(user_agent="bms", timeout_s=2.0, deadline_s=5.0),
        home / "upstreams",
        clock,
    )


def test_all_pages_are_read_with_the_key(server: FeedServer, tmp_path: Path) -> None:
    server.says(SAVINGS, Reply(a_page("a", "b", after="b")), Reply(a_page("c")))
    found = reading(server, tmp_path, VirtualClock(NOW))
    found.refresh(found.upstreams[0])
    (look,) = found.looks()
    assert look.numbers is not None
    assert [site.id for site in look.numbers.sites] == ["a", "b", "c"]
    assert (look.name, look.silent_since, look.age_s(NOW)) == ("Aarhus", None, 0.0)
    assert look.numbers.portfolio.verdict is Verdict.VERIFIED
    assert {one.headers["authorization"] for one in server.asked} == {"Bearer secret"}
    assert server.asked[1].query["cursor"] == "b"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=401), "key"),
        (Reply(status=500), "HTTP 500"),
        (Reply(b"<html>"), "none of this product's"),
        (Reply(hang_up=True), "no answer"),
    ],
)
def test_one_that_is_silent_is_named_and_keeps_its_last_numbers(
    server: FeedServer, tmp_path: Path, reply: Reply, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = VirtualClock(NOW)
    found = reading(server, tmp_path, clock)
    server.says(SAVINGS, Reply(a_page("a")), reply)
    for _ in range(3):
        found.refresh(found.upstreams[0])
        clock.advance(timedelta(minutes=10))
    (look,) = found.looks()
    assert look.silent_since == NOW + timedelta(minutes=10)
    assert said in (look.error or "")
    assert look.numbers is not None
    assert look.age_s(clock.now()) == 1800.0
    assert len([r for r in caplog.records if "is silent" in r.getMessage()]) == 1


def test_the_last_numbers_outlive_a_restart(server: FeedServer, tmp_path: Path) -> None:
    server.says(SAVINGS, Reply(a_page("a")), Reply(hang_up=True))
    first = reading(server, tmp_path, VirtualClock(NOW))
    first.refresh(first.upstreams[0])
    again = reading(server, tmp_path, VirtualClock(NOW + timedelta(days=1)))
    again.refresh(again.upstreams[0])
    (look,) = again.looks()
    assert look.numbers == first.looks()[0].numbers
    assert look.silent_since is not None


def lying(**told: Any) -> bytes:
    """A page of which something cannot be."""
    page = json.loads(a_page("a"))
    page["portfolio"].update(told)
    return json.dumps(page).encode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lying(saving_kwh=float("nan")), "none of this product's"),
        (lying(co2_kg=float("inf")), "none of this product's"),
        (lying(measured_kwh=1e300), "cannot be"),
        (lying(saving_low_kwh=102.0), "interval"),
        (lying(confidence=2.0), "confidence"),
        (a_page("a", "a"), "twice"),
        (a_page("a/b"), "none of this product's"),
        (a_page("a" * 300), "none of this product's"),
        (json.dumps({**json.loads(a_page("a")), "upstreams": []}).encode(), "region itself"),
        (b"[" * 100_000, "none of this product's"),
    ],
)
def test_what_cannot_be_is_not_taken(
    server: FeedServer, tmp_path: Path, body: bytes, said: str
) -> None:
    found = reading(server, tmp_path, VirtualClock(NOW))
    server.says(SAVINGS, Reply(a_page("a")), Reply(body))
    for _ in range(2):
        found.refresh(found.upstreams[0])
    (look,) = found.looks()
    assert said in (look.error or "")
    assert look.numbers is not None
    assert look.numbers.portfolio.saving_kwh == a_saving("portfolio", 100.0)["saving_kwh"]


def test_pages_that_never_end_are_left_at_the_first_that_comes_again(
    server: FeedServer, tmp_path: Path
) -> None:
    found = reading(server, tmp_path, VirtualClock(NOW))
    server.says(SAVINGS, Reply(a_page("a", after="a")))
    found.refresh(found.upstreams[0])
    assert "twice" in (found.looks()[0].error or "")
    assert len(server.asked) == 2


def test_consumption_is_read_beside_savings(server: FeedServer, tmp_path: Path) -> None:
    found = reading(server, tmp_path, VirtualClock(NOW))
    server.says(SAVINGS, Reply(a_page("a")))
    server.says(CONSUMPTION, Reply(a_year(900.0)))
    found.refresh(found.upstreams[0])
    again = reading(server, tmp_path, VirtualClock(NOW))
    for each in (found, again):  # what was told outlives a restart
        numbers = each.looks()[0].numbers
        assert numbers is not None
        assert numbers.consumption is not None
        (heat,) = numbers.consumption.totals
        assert (heat.commodity, heat.use, heat.co2_kg) == ("heat", 900.0, 7.0)


@pytest.mark.parametrize("reply", [Reply(status=404), Reply(status=503)])
def test_consumption_that_is_not_told_leaves_savings_and_what_was_told_of_it(
    server: FeedServer, tmp_path: Path, reply: Reply
) -> None:
    found = reading(server, tmp_path, VirtualClock(NOW))
    server.says(SAVINGS, Reply(a_page("a")))
    server.says(CONSUMPTION, Reply(a_year(900.0)), reply)
    for _ in range(2):
        found.refresh(found.upstreams[0])
    (look,) = found.looks()
    assert look.error is None
    assert look.numbers is not None
    told = look.numbers.consumption
    assert (told is None) is (reply.status == 404)


@pytest.mark.slow
async def test_what_a_backend_of_this_version_tells_is_understood(
    server: FeedServer, tmp_path: Path
) -> None:
    world = a_world(tmp_path / "city")
    live_in(world)
    async with world.browser(**world.key("read")) as browser:
        body = (await browser.get(SAVINGS)).content
        year = (await browser.get(f"{CONSUMPTION}?limit=1")).content
    server.says(SAVINGS, Reply(body))
    server.says(CONSUMPTION, Reply(year))
    found = reading(server, tmp_path, VirtualClock(NOW))
    found.refresh(found.upstreams[0])
    (look,) = found.looks()
    assert look.error is None
    assert look.numbers is not None
    assert [site.id for site in look.numbers.sites] == ["lodge"]
    assert look.numbers.consumption is not None
    assert look.numbers.consumption.year == NOW.year
