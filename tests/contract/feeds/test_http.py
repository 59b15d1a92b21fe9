"""One GET against a real server that answers badly in every way."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bms.errors import FeedError
from bms.outgoing.addresses import CheckedTransport, looked_up
from bms.outgoing.http import HttpxClient, refuse_elsewhere
from tests.rigs.feeds.server import FeedServer, Reply
from tests.rigs.web.certificate import self_signed

BODY = b"0123456789" * 100


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


def client(**more: Any) -> HttpxClient:
    return HttpxClient(**{"user_agent": "bms (energy@example.org)", "timeout_s": 2.0, **more})


class TestAnAnswer:
    @pytest.mark.parametrize("how", [{}, {"packed": True}, {"chunked": True}, {"endless": False}])
    def test_comes_with_status_headers_and_body(
        self, server: FeedServer, how: dict[str, Any]
    ) -> None:
        server.says("/x", Reply(BODY, headers={"ETag": '"a"'}, **how))
        got = client().get(f"{server.address}/x?q=1", {"Accept": "application/json"})
        assert (got.status, got.headers["etag"], got.body) == (200, '"a"', BODY)
        (asked,) = server.asked
        assert asked.query == {"q": "1"}
        assert asked.headers["user-agent"] == "bms (energy@example.org)"
        assert asked.headers["accept"] == "application/json"
        assert asked.headers["accept-encoding"] == "gzip"
        assert not {"authorization", "cookie"} & set(asked.headers)

    @pytest.mark.parametrize("status", [304, 403, 404, 429, 500, 503])
    def test_of_another_status_has_no_body_and_its_headers(
        self, server: FeedServer, status: int
    ) -> None:
        server.says("/x", Reply(b"sorry" * 10, status=status, headers={"Retry-After": "60"}))
        got = client(max_bytes=10).get(f"{server.address}/x", {})
        assert (got.status, got.headers["retry-after"], got.body) == (status, "60", b"")

    def test_leaves_no_cookie_behind(self, server: FeedServer) -> None:
        server.says("/x", Reply(BODY, headers={"Set-Cookie": "who=us"}))
        one = client()
        for _ in range(2):
            one.get(f"{server.address}/x", {})
        assert all("cookie" not in asked.headers for asked in server.asked)

    async def test_comes_to_a_thread_that_runs_an_event_loop(self, server: FeedServer) -> None:
        server.says("/x", Reply(BODY))
        assert client().get(f"{server.address}/x", {}).body == BODY


class TestSize:
    @pytest.mark.parametrize("packed", [False, True])
    def test_as_many_bytes_as_may_be_are_taken_and_not_one_more(
        self, server: FeedServer, packed: bool
    ) -> None:
        server.says("/x", Reply(BODY, packed=packed))
        assert client(max_bytes=len(BODY)).get(f"{server.address}/x", {}).body == BODY
        with pytest.raises(FeedError, match="larger than 999 bytes"):
            client(max_bytes=len(BODY) - 1).get(f"{server.address}/x", {})

    @pytest.mark.parametrize("chunked", [False, True])
    def test_a_body_without_end_is_left(self, server: FeedServer, chunked: bool) -> None:
        server.says("/x", Reply(b" " * 10_000, endless=True, chunked=chunked))
        with pytest.raises(FeedError, match="larger than 100000 bytes"):
            client(max_bytes=100_000).get(f"{server.address}/x", {})

    def test_what_follows_a_gzip_without_end_is_left_too(self, server: FeedServer) -> None:
        packed = gzip.compress(BODY)
        server.says("/x", Reply(packed, headers={"Content-Encoding": "gzip"}, endless=True))
        with pytest.raises(FeedError, match="larger than 100000 bytes"):
            client(max_bytes=100_000).get(f"{server.address}/x", {})

    def test_what_follows_a_gzip_is_not_left_out(self, server: FeedServer) -> None:
        twice = gzip.compress(BODY) + gzip.compress(BODY)
        server.says("/x", Reply(twice, headers={"Content-Encoding": "gzip"}))
        with pytest.raises(FeedError, match="something else follows"):
            client().get(f"{server.address}/x", {})

    def test_a_bomb_is_never_unpacked(self, server: FeedServer) -> None:
        bomb = gzip.compress(b"\0" * 20_000_000)
        server.says("/x", Reply(bomb, headers={"Content-Encoding": "gzip"}))
        tracemalloc.start()
        try:
            with pytest.raises(FeedError, match="larger than 1000000 bytes"):
                client(max_bytes=1_000_000).get(f"{server.address}/x", {})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 8_000_000

    @pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd"])
    def test_what_was_not_asked_for_is_not_unpacked(
        self, server: FeedServer, encoding: str
    ) -> None:
        twice = gzip.compress(gzip.compress(BODY))
        server.says("/x", Reply(twice, headers={"Content-Encoding": encoding}))
        with pytest.raises(FeedError, match=f"packed as '{encoding}', not as gzip"):
            client().get(f"{server.address}/x", {})


class TestLength:
    @pytest.mark.parametrize(
        ("reply", "why"),
        [
            (Reply(BODY, cut=1), "cut off"),
            (Reply(BODY, cut=1, chunked=True), "cut off"),
            (Reply(BODY, cut=1, packed=True), "cut off"),
            (Reply(BODY, headers={"Content-Length": str(len(BODY) + 1)}), "cut off"),
            (Reply(BODY, headers={"Content-Length": "-1"}), "no answer"),
            (Reply(BODY, headers={"Content-Length": "many"}), "no answer"),
            (Reply(BODY, headers={"content-length": "10", "Content-Length": "20"}), "no answer"),
            (Reply(BODY, headers={"X": "y" * 200_000}), "no answer"),
            (Reply(b"not gzip", headers={"Content-Encoding": "gzip"}), "no answer"),
            (Reply(hang_up=True), "no answer"),
        ],
    )
    def test_what_is_not_whole_is_none(self, server: FeedServer, reply: Reply, why: str) -> None:
        server.says("/x", reply)
        with pytest.raises(FeedError, match=why):
            client().get(f"{server.address}/x", {})

    def test_half_a_gzip_is_none_even_where_the_length_is_right(self, server: FeedServer) -> None:
        half = gzip.compress(BODY)[:-1]
        server.says("/x", Reply(half, headers={"Content-Encoding": "gzip"}))
        with pytest.raises(FeedError, match="cut off"):
            client().get(f"{server.address}/x", {})

    def test_what_lies_beyond_the_length_is_not_of_the_answer(self, server: FeedServer) -> None:
        server.says("/x", Reply(BODY, headers={"Content-Length": "10"}))
        assert client().get(f"{server.address}/x", {}).body == BODY[:10]


class TestTime:
    @pytest.mark.parametrize(
        "slow", [Reply(BODY, pause_s=0.3), Reply(BODY, head_pause_s=0.3)], ids=["body", "headers"]
    )
    def test_a_trickle_ends_at_the_deadline(self, server: FeedServer, slow: Reply) -> None:
        server.says("/x", slow)
        began = time.monotonic()
        with pytest.raises(FeedError, match=r"longer than 0.4 s"):
            client(deadline_s=0.4).get(f"{server.address}/x", {})
        assert time.monotonic() - began < 2.5

    @pytest.mark.parametrize(
        "silent", [Reply(BODY, pause_s=5), Reply(BODY, head_pause_s=5)], ids=["body", "headers"]
    )
    def test_silence_ends_sooner(self, server: FeedServer, silent: Reply) -> None:
        server.says("/x", silent)
        with pytest.raises(FeedError, match=r"no answer for 0.2 s"):
            client(timeout_s=0.2).get(f"{server.address}/x", {})

    def test_a_server_of_names_that_is_slow_is_not_waited_for(self) -> None:
        ended = threading.Event()

        def slow(*_: object, **__: object) -> list[Any]:
            ended.wait(10)
            raise OSError("too late")

        names = CheckedTransport(httpx.AsyncHTTPTransport(), partial(looked_up, ask=slow))
        began = time.monotonic()
        with pytest.raises(FeedError, match=r"longer than 0.2 s"):
            client(deadline_s=0.2, transport=names).get("http://provider.invalid/x", {})
        assert time.monotonic() - began < 5
        ended.set()


class TestRedirects:
    def redirect(self, server: FeedServer, to: str, status: int = 302) -> None:
        server.says("/old", Reply(b"moved", status=status, headers={"Location": to}))
        server.says("/new", Reply(BODY))

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_on_the_same_host_they_are_followed(self, server: FeedServer, status: int) -> None:
        self.redirect(server, "/new?q=1", status)
        got = client().get(f"{server.address}/old", {"Accept": "application/json"})
        assert (got.status, got.body) == (200, BODY)
        assert server.paths() == ["/old", "/new"]
        assert server.asked[1].headers["accept"] == "application/json"

    def test_to_another_host_they_are_not(self, server: FeedServer) -> None:
        elsewhere = server.address.replace("127.0.0.1", "localhost")
        self.redirect(server, f"{elsewhere}/new")
        with pytest.raises(FeedError, match=f"redirects to {elsewhere}, which is not followed"):
            client().get(f"{server.address}/old", {})
        assert server.paths() == ["/old"]

    @pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://[", "http:"])
    def test_to_what_is_no_page_they_are_not(self, server: FeedServer, to: str) -> None:
        self.redirect(server, to)
        with pytest.raises(FeedError, match=r"redirects to|no answer"):
            client().get(f"{server.address}/old", {})
        assert server.paths() == ["/old"]

    def test_in_a_circle_they_end(self, server: FeedServer) -> None:
        self.redirect(server, "/old")
        with pytest.raises(FeedError, match="no answer"):
            client().get(f"{server.address}/old", {})
        assert len(server.paths()) == 4

    @pytest.mark.parametrize(
        ("asked", "to", "followed"),
        [
            ("https://api.met.no/a", "https://api.met.no/b", True),
            ("http://api.met.no/a", "https://api.met.no/a", True),
            ("https://api.met.no/a", "https://api.met.no:443/a", True),
            ("https://api.met.no/a", "https://api.met.no:99999/a", False),
            ("https://api.met.no:8443/a", "https://api.met.no/a", False),
            ("http://127.0.0.1:8080/a", "http://127.0.0.1/a", False),
            ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/b", True),
            ("https://api.met.no/a", "http://api.met.no/a", False),
            ("https://api.met.no/a", "https://api.met.no.example.org/a", False),
        ],
    )
    def test_encryption_is_never_given_up(self, asked: str, to: str, followed: bool) -> None:
        check = refuse_elsewhere(httpx.URL(asked), httpx.Request("GET", to))
        if followed:
            asyncio.run(check)
        else:
            with pytest.raises(FeedError, match="not followed"):
                asyncio.run(check)


class TestTheWayThere:
    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("http://127.0.0.1:1/x", "Connection refused"),
            ("http://no.such.host.invalid/x", "no answer"),
            ("nonsense", "no answer"),
        ],
    )
    def test_that_leads_nowhere_is_said(self, url: str, why: str) -> None:
        with pytest.raises(FeedError, match=why):
            client().get(url, {})

    def test_a_certificate_that_nobody_signed_is_not_trusted(self, server: FeedServer) -> None:
        with pytest.raises(FeedError, match="no answer"):
            client().get(server.address.replace("http:", "https:") + "/x", {})
        assert server.asked == []

    def test_goes_through_the_proxy_of_the_computer(
        self, server: FeedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", server.address)
        monkeypatch.setenv("no_proxy", "")
        server.says("/x", Reply(BODY))
        assert client().get("http://provider.invalid/x", {}).body == BODY
        assert server.asked[0].headers["host"] == "provider.invalid"

    def test_the_password_of_a_proxy_is_in_no_message(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://us:secret@127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "")
        with caplog.at_level("DEBUG"), pytest.raises(FeedError) as caught:
            client().get("http://provider.invalid/x", {})
        assert "secret" not in str(caught.value) + caplog.text


class TestACertificate:
    @pytest.mark.parametrize(("host", "good"), [("127.0.0.1", True), ("localhost", False)])
    async def test_is_that_of_the_name_whatever_address_is_asked(
        self, tmp_path: Path, host: str, good: bool
    ) -> None:
        """Both stand for the same address, and the certificate is of one of them."""
        certificate, context = self_signed(tmp_path)

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        trusted = ssl.create_default_context(cafile=str(certificate))
        way = CheckedTransport(httpx.AsyncHTTPTransport(verify=trusted))
        ask = client(transport=way).send("GET", f"https://{host}:{port}/", {}, None)
        async with server:
            if good:
                assert (await ask).status == 204
            else:
                with pytest.raises(FeedError, match="localhost"):
                    await ask
