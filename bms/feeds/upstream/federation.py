"""Reads the savings of upstreams, and keeps the last that each of them told."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from bms.errors import FeedError
from bms.feeds.upstream.keys import Upstream
from bms.model.codec import from_json, to_json
from bms.model.savings.upstream import ToldSaving, UpstreamLook, UpstreamNumbers
from bms.outgoing.http import HttpClient
from bms.ports.clock import Clock

log = logging.getLogger(__name__)

ROWS = 1000
MOST_PAGES = 100
SAVINGS = "/v1/portfolio/savings"


class _Site(BaseModel):
    site: str
    savings: ToldSaving


class _Page(BaseModel):
    """The fields that are read; an upstream of a newer version may tell more."""

    portfolio: ToldSaving
    sites: list[_Site]
    next: str | None


class UpstreamFederation:
    """Implements ``bms.ports.federation.Federation``. Thread-safe.

    What an upstream told last is kept in ``folder``, so that it outlives a restart.
    """

    def __init__(
        self, upstreams: Sequence[Upstream], client: HttpClient, folder: Path, clock: Clock
    ) -> None:
        self.upstreams = tuple(upstreams)
        self._client, self._folder, self._clock = client, folder, clock
        self._lock = threading.Lock()
        self._looks = {each.url: self._remembered(each) for each in upstreams}

    def looks(self) -> tuple[UpstreamLook, ...]:
        """See ``Federation``."""
        with self._lock:
            return tuple(self._looks[each.url] for each in self.upstreams)

    def refresh(self, upstream: Upstream) -> None:
        """Ask an upstream. One that does not answer, or answers what cannot be understood, is
        silent; its last numbers stay."""
        before = self._looks[upstream.url]
        try:
            numbers = self._asked(upstream)
        except FeedError as error:
            self._put(self._silent(before, str(error)))
            return
        if before.silent_since is not None:
            log.warning("upstream %s answers again", upstream.name)
        self._keep(upstream, numbers)
        self._put(UpstreamLook(name=upstream.name, url=upstream.url, numbers=numbers))

    def _silent(self, before: UpstreamLook, error: str) -> UpstreamLook:
        if before.silent_since is None:
            log.error("upstream %s is silent: %s", before.name, error)
        since = before.silent_since or self._clock.now()
        return replace(before, silent_since=since, error=error)

    def _asked(self, upstream: Upstream) -> UpstreamNumbers:
        at, cursor = self._clock.now(), None
        sites: list[ToldSaving] = []
        for _ in range(MOST_PAGES):
            page = self._page(upstream, cursor)
            sites += [replace(row.savings, id=row.site) for row in page.sites]
            cursor = page.next
            if cursor is None:
                return UpstreamNumbers(at=at, portfolio=page.portfolio, sites=tuple(sites))
        raise FeedError(f"more than {MOST_PAGES * ROWS} buildings")

    def _page(self, upstream: Upstream, cursor: str | None) -> _Page:
        asked: dict[str, Any] = {"limit": ROWS, **({} if cursor is None else {"cursor": cursor})}
        url = f"{upstream.url}{SAVINGS}?{urlencode(asked)}"
        answer = self._client.get(url, {"Authorization": f"Bearer {upstream.key}"})
        if answer.status != 200:
            why = {401: "the key is not (or no longer) good", 403: "the key may not read"}
            raise FeedError(f"HTTP {answer.status}: {why.get(answer.status, 'no numbers')}")
        try:
            return _Page.model_validate_json(answer.body)
        except ValidationError as error:
            raise FeedError("the answer is none of this product's savings") from error

    def _put(self, look: UpstreamLook) -> None:
        with self._lock:
            self._looks[look.url] = look

    def _file(self, upstream: Upstream) -> Path:
        return self._folder / f"{hashlib.sha256(upstream.url.encode()).hexdigest()[:16]}.json"

    def _keep(self, upstream: Upstream, numbers: UpstreamNumbers) -> None:
        file = self._file(upstream)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_text(to_json(numbers), "utf-8")
            fresh.replace(file)
        except OSError as error:
            log.warning("what %s told is not kept: %s", upstream.name, error.strerror)

    def _remembered(self, upstream: Upstream) -> UpstreamLook:
        """Nothing was asked yet in this run: silent until it answers."""
        try:
            numbers = from_json(UpstreamNumbers, self._file(upstream).read_bytes())
        except (OSError, ValueError):
            numbers = None
        return UpstreamLook(name=upstream.name, url=upstream.url, numbers=numbers)
