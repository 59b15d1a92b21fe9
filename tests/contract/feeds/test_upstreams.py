"""Backends that are read beside each other, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.feeds.upstream.federation import UpstreamFederation
from bms.feeds.upstream.keys import Upstream
from bms.model.savings.objection import Verdict
from bms.outgoing.http import HttpxClient
from tests.rigs.fakes.api import NOW, a_world, live_in
from tests.rigs.feeds.server import FeedServer, Reply
from tests.rigs.feeds.upstream import SAVINGS, a_page


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


@pytest.mark.slow
async def test_what_a_backend_of_this_version_tells_is_understood(
    server: FeedServer, tmp_path: Path
) -> None:
    world = a_world(tmp_path / "city")
    live_in(world)
    async with world.browser(**world.key("read")) as browser:
        body = (await browser.get(SAVINGS)).content
    server.says(SAVINGS, Reply(body))
    found = reading(server, tmp_path, VirtualClock(NOW))
    found.refresh(found.upstreams[0])
    (look,) = found.looks()
    assert look.error is None
    assert look.numbers is not None
    assert [site.id for site in look.numbers.sites] == ["lodge"]
