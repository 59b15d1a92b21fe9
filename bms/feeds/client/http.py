"""One GET, bounded in time and size. Nothing here decides whether it may be asked."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from typing import Protocol

from bms.errors import FeedError

MAX_BYTES = 64_000_000
"""Largest answer that is taken, unpacked [B]."""

_CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Web(Protocol):
    """Asks a server once."""

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Any answer, also a refusal. Raises ``FeedError`` when there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpWeb:
    """``timeout_s`` [s] is the longest silence, ``deadline_s`` [s] the longest answer.

    Proxies and certificates are the computer's own (``https_proxy``, ``SSL_CERT_FILE``).
    """

    user_agent: str
    timeout_s: float = 10.0
    deadline_s: float = 60.0
    max_bytes: int = MAX_BYTES

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        own = {"User-Agent": self.user_agent, "Accept-Encoding": "gzip"}
        try:
            # the addresses are of the providers that bms.feeds names, never of a user
            request = urllib.request.Request(url, headers={**own, **headers})  # noqa: S310
            until = time.monotonic() + self.deadline_s
            try:
                with urllib.request.urlopen(request, timeout=self.timeout_s) as got:  # noqa: S310
                    return self._answer(got.status, got.headers, got, until)
            except urllib.error.HTTPError as refusal:
                with refusal:
                    return Answer(status=refusal.code, headers=_lower(refusal.headers), body=b"")
        except (OSError, HTTPException, ValueError, zlib.error) as error:
            raise FeedError(f"no answer ({_reason(error)})") from error

    def _answer(self, status: int, headers: Message, got: HTTPResponse, until: float) -> Answer:
        said = _lower(headers)
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
        packed = said.get("content-encoding", "").lower() == "gzip"
        promised = int(said.get("content-length", "-1"))
        body, came = bytearray(), 0
        while came != promised and (chunk := got.read1(_CHUNK)):
            came += len(chunk)
            body += unpack.decompress(chunk, self.max_bytes) if packed else chunk
            if len(body) > self.max_bytes or unpack.unconsumed_tail:
                raise FeedError(f"the answer is larger than {self.max_bytes} bytes")
            if time.monotonic() > until:
                raise FeedError(f"the answer took longer than {self.deadline_s:g} s")
        if came < promised or (packed and not unpack.eof):
            raise FeedError("the answer was cut off")
        return Answer(status=status, headers=said, body=bytes(body))


def _lower(headers: Message | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers.items() if headers else ())}


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    text = str(reason) or type(reason).__name__
    return text[:200]
