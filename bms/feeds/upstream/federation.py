"""Reads savings and consumption of upstreams, and keeps the last that each of them told."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bms.errors import FeedError
from bms.feeds.upstream.answers import SavingsPage, consumption_year, savings_page
from bms.feeds.upstream.keys import Upstream
from bms.model.codec import from_json, to_json
from bms.model.savings.upstream import ToldSaving, ToldYear, UpstreamLook, UpstreamNumbers
from bms.outgoing.http import HttpClient, HttpResponse
from bms.ports.clock import Clock

log = logging.getLogger(__name__)

ROWS = 1000
MOST_PAGES = 20
SAVINGS = "/v1/portfolio/savings"
CONSUMPTION = "/v1/portfolio/consumption"
OLDER = 404
NOT_MADE_YET = 503


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
            numbers = self._asked(upstream, before.numbers)
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

    def _asked(self, upstream: Upstream, before: UpstreamNumbers | None) -> UpstreamNumbers:
        """What it tells now. Raises ``FeedError``."""
        at, cursor = self._clock.now(), None
        year = None if before is None else before.consumption
        sites: dict[str, ToldSaving] = {}
        for _ in range(MOST_PAGES):
            page = self._page(upstream, cursor)
            for row in page.sites:
                if row.site in sites:  # an answer without an end has its pages again
                    raise FeedError(f"the answer has the building {row.site} twice")
                sites[row.site] = replace(row.savings, id=row.site)
            cursor = page.next
            if cursor is None:
                return UpstreamNumbers(
                    at=at,
                    portfolio=page.portfolio,
                    sites=tuple(sites.values()),
                    consumption=self._consumption(upstream, year),
                )
        raise FeedError(f"more than {MOST_PAGES * ROWS} buildings")

    def _page(self, upstream: Upstream, cursor: str | None) -> SavingsPage:
        asked: dict[str, Any] = {"limit": ROWS, **({} if cursor is None else {"cursor": cursor})}
        answer = self._answer(upstream, f"{SAVINGS}?{urlencode(asked)}")
        return savings_page(_good(answer).body)

    def _consumption(self, upstream: Upstream, before: ToldYear | None) -> ToldYear | None:
        """What the buildings used this year; what was told before where that takes too long."""
        try:
            answer = self._answer(upstream, f"{CONSUMPTION}?limit=1")
        except FeedError as error:
            log.info("upstream %s tells its savings alone: %s", upstream.name, error)
            return before
        if answer.status == NOT_MADE_YET:
            return before
        return None if answer.status == OLDER else consumption_year(_good(answer).body)

    def _answer(self, upstream: Upstream, path: str) -> HttpResponse:
        headers = {"Authorization": f"Bearer {upstream.key}"}
        return self._client.get(f"{upstream.url}{path}", headers)

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


def _good(answer: HttpResponse) -> HttpResponse:
    """The answer. Raises ``FeedError`` for one without numbers."""
    if answer.status != 200:
        why = {401: "the key is not (or no longer) good", 403: "the key may not read"}
        raise FeedError(f"HTTP {answer.status}: {why.get(answer.status, 'no numbers')}")
    return answer
