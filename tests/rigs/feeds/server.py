"""A local server that answers as the providers of weather and prices do, well or badly.

Each path has a row of answers that are given in turn; the last one stays. Every request is kept.
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.rigs.paths import ROOT

PAYLOADS = ROOT / "tests" / "data" / "feeds"


def payload(name: str) -> bytes:
    """A recorded answer by the name of its file, without its ending."""
    return (PAYLOADS / f"{name}.json").read_bytes()


@dataclass(frozen=True)
class Asked:
    """A request: its path, its query, its headers (names in lower case) and its body."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


Body = bytes | Callable[[Asked], bytes]


@dataclass(frozen=True)
class Reply:
    """An answer. ``etag`` is checked against If-None-Match; ``cut`` bytes are left out at the end;
    ``pause_s`` lies before each tenth of the body, ``head_pause_s`` before each of 50 more headers;
    ``endless`` repeats the body for ever; ``hang_up`` says nothing at all."""

    body: Body = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    cut: int = 0
    pause_s: float = 0.0
    head_pause_s: float = 0.0
    endless: bool = False
    hang_up: bool = False
    packed: bool = False
    chunked: bool = False


class FeedServer:
    """On loopback, at a port of its own; a context."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.serve(self)

            def do_POST(self) -> None:
                server.serve(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hangs up is none of ours."""

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> FeedServer:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def says(self, path: str, *replies: Reply) -> None:
        """From now on ``path`` answers so. A path stands for all that begin with it."""
        with self._lock:
            self._replies[path] = list(replies)

    def paths(self, part: str = "") -> list[str]:
        """The paths that were asked for, in order, with ``part`` in them."""
        return [one.path for one in self.asked if part in one.path]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        asked = Asked(
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(int(handler.headers.get("Content-Length", 0))),
        )
        with self._lock:
            self.asked.append(asked)
            reply = self._next(asked)
        if reply.hang_up:
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        if reply.etag is not None and asked.headers.get("if-none-match") == reply.etag:
            reply = Reply(status=304, headers=reply.headers)
        _send(handler, reply, reply.body(asked) if callable(reply.body) else reply.body)

    def _next(self, asked: Asked) -> Reply:
        known = [path for path in self._replies if asked.path.startswith(path)]
        if not known:
            return Reply(status=404)
        row = self._replies[max(known, key=len)]
        return row.pop(0) if len(row) > 1 else row[0]


def _send(handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
    body = gzip.compress(body) if reply.packed else body
    headers = {**reply.headers}
    if reply.packed:
        headers["Content-Encoding"] = "gzip"
    if reply.etag is not None:
        headers["ETag"] = reply.etag
    if reply.chunked:
        headers["Transfer-Encoding"] = "chunked"
        handler.protocol_version = "HTTP/1.1"
    elif not reply.endless:
        headers.setdefault("Content-Length", str(len(body)))
    handler.send_response(reply.status)
    for name, value in headers.items():
        handler.send_header(name, value)
    for i in range(50 if reply.head_pause_s else 0):
        handler.send_header(f"X-More-{i}", "more")
        handler.flush_headers()
        time.sleep(reply.head_pause_s)
    handler.end_headers()
    while reply.endless:  # until the client hangs up
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(body), body) if reply.chunked else body)
    sent = body[: len(body) - reply.cut]
    step = max(1, len(sent) // 10) if reply.pause_s else len(sent) or 1
    for at in range(0, len(sent), step):
        time.sleep(reply.pause_s)
        part = sent[at : at + step]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if reply.chunked else part)
        handler.wfile.flush()
    if reply.chunked and not reply.cut:
        handler.wfile.write(b"0\r\n\r\n")
