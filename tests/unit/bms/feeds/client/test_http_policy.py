"""When a provider may be asked next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.errors import FeedError
from bms.feeds.client.disk_cache import CacheEntry
from bms.feeds.client.http_policy import (
    ProviderUnavailable,
    asked_within,
    check_status,
    conditional_headers,
    fetched_entry,
    in_backoff,
    is_due,
    revalidated,
    with_backoff,
)
from bms.outgoing.http import HttpResponse

NOW = datetime(2026, 1, 14, 10, 20, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
URL = "https://provider.example/x"
FAILED = FeedError("HTTP 404")


def response(status: int = 200, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status=status, headers=named, body=b"")


def refusal(status: int, **headers: str) -> ProviderUnavailable:
    with pytest.raises(ProviderUnavailable) as caught:
        check_status(response(status, **headers), NOW, conditional=False)
    return caught.value


class TestStatus:
    @pytest.mark.parametrize(("status", "conditional"), [(200, False), (203, False), (304, True)])
    def test_that_brings_data(self, status: int, conditional: bool) -> None:
        check_status(response(status), NOW, conditional=conditional)

    @pytest.mark.parametrize("status", [204, 206, 301, 304, 400, 401, 403, 404, 410])
    def test_that_concerns_one_dataset(self, status: int) -> None:
        with pytest.raises(FeedError, match=f"HTTP {status}") as caught:
            check_status(response(status), NOW, conditional=False)
        assert not isinstance(caught.value, ProviderUnavailable)

    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_that_concerns_all_of_a_provider(self, status: int) -> None:
        assert refusal(status).retry_after is None

    @pytest.mark.parametrize(
        ("text", "wait"),
        [
            ("120", 2 * MINUTE),
            (" 120 ", 2 * MINUTE),
            ("0", 0 * MINUTE),
            ("Wed, 14 Jan 2026 10:35:00 GMT", 15 * MINUTE),
            ("Wed, 14 Jan 2026 10:35:00", 15 * MINUTE),
            ("Wed, 14 Jan 2026 10:00:00 GMT", 0 * MINUTE),
            ("Sat, 14 Feb 2026 10:00:00 GMT", DAY),
            ("999999999999999999999", DAY),
            ("-5", None),
            ("soon", None),
            ("", None),
            ("Wed, 99 Jan 2026 10:35:00 GMT", None),
        ],
    )
    def test_says_how_long_to_wait(self, text: str, wait: timedelta | None) -> None:
        assert refusal(503, retry_after=text).retry_after == wait

    def test_with_a_wait_concerns_all_of_a_provider(self) -> None:
        assert refusal(404, retry_after="60").retry_after == MINUTE


class TestBackOff:
    def test_doubles_up_to_32_minutes(self) -> None:
        entry, pauses = CacheEntry(), []
        for _ in range(8):
            entry = with_backoff(entry, FAILED, NOW)
            assert entry.not_before is not None
            pauses.append((entry.not_before - NOW) / MINUTE)
        assert pauses == [1, 2, 4, 8, 16, 32, 32, 32]
        assert (entry.failures, entry.trouble) == (8, "HTTP 404")

    def test_is_as_long_as_the_provider_wants_at_least(self) -> None:
        entry = with_backoff(CacheEntry(), ProviderUnavailable("HTTP 503", HOUR), NOW)
        assert entry.not_before == NOW + HOUR
        short = with_backoff(replace(entry, failures=5), ProviderUnavailable("x", MINUTE), NOW)
        assert short.not_before == NOW + 32 * MINUTE

    def test_holds_until_its_end(self) -> None:
        entry = CacheEntry(not_before=NOW + MINUTE)
        assert in_backoff(entry, NOW)
        assert not in_backoff(entry, NOW + MINUTE)

    def test_of_a_clock_that_was_ahead_is_forgotten(self) -> None:
        assert not in_backoff(CacheEntry(not_before=NOW + 2 * DAY), NOW)
        assert not asked_within(CacheEntry(asked_at=NOW + HOUR), MINUTE, NOW)

    def test_ends_with_an_answer(self) -> None:
        failed = with_backoff(CacheEntry(url=URL, digest="d", fetched_at=NOW), FAILED, NOW)
        again = revalidated(failed, response(304), NOW + HOUR)
        assert (again.failures, again.trouble, again.not_before) == (0, None, None)
        assert (again.fetched_at, again.checked_at) == (NOW, NOW + HOUR)


class TestDue:
    ENTRY = CacheEntry(url=URL, digest="d", fetched_at=NOW, checked_at=NOW, asked_at=NOW)

    @pytest.mark.parametrize(
        ("changes", "later", "due"),
        [
            ({}, 59 * MINUTE, False),
            ({}, HOUR, True),
            ({"checked_at": None}, MINUTE, True),
            ({"checked_at": None}, MINUTE / 2, False),
            ({"fresh_until": NOW + 2 * HOUR}, HOUR, False),
            ({"fresh_until": NOW + 2 * HOUR}, 2 * HOUR, True),
            ({"fresh_until": NOW + 2 * HOUR, "url": "another"}, HOUR, True),
            ({"fresh_until": NOW + 300 * DAY}, HOUR, True),
            ({"not_before": NOW + 2 * HOUR}, HOUR, False),
            ({"checked_at": NOW + 5 * DAY, "asked_at": None}, HOUR, True),
        ],
    )
    def test_when_the_last_check_is_old(
        self, changes: dict[str, object], later: timedelta, due: bool
    ) -> None:
        entry = replace(self.ENTRY, **changes)
        assert is_due(entry, URL, HOUR, NOW + later) == due


class TestConditions:
    FRESH = fetched_entry(URL, response(etag='"a"', last_modified="then", expires="never"), NOW)

    def test_are_those_of_the_cached_body(self) -> None:
        kept = replace(self.FRESH, digest="d")
        assert conditional_headers(kept, URL) == {
            "If-None-Match": '"a"',
            "If-Modified-Since": "then",
        }
        assert kept.fresh_until is None

    def test_are_none_without_a_body_or_of_another_address(self) -> None:
        assert conditional_headers(self.FRESH, URL) == {}
        assert conditional_headers(replace(self.FRESH, digest="d"), f"{URL}?q=2") == {}
