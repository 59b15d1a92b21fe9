"""The language of a page, and its times and sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.pages.language import PageTranslator, language_name, preferences
from bms.model.fact import Fact
from tests.rigs.catalogues import swedish_beside_the_others
from tests.rigs.fakes.api import HTML, a_world

NOW = datetime(2026, 1, 28, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        (None, []),
        ("", [""]),
        ("en-GB,en;q=0.9,da;q=0.1", ["en-gb", "en", "da"]),
        ("da;q=0.2, en;q=0.7", ["en", "da"]),
        ("en;q=0, da;q=0.5", ["da"]),
        ("en;q=much, da", ["da"]),
        ("de, *;q=0.1", ["de", "*"]),
    ],
)
def test_the_best_liked_language_comes_first(header: str | None, tags: list[str]) -> None:
    assert [tag for tag in preferences(header) if tag] == [tag for tag in tags if tag]


def test_languages_are_called_what_they_call_themselves() -> None:
    assert [language_name(each) for each in ("da", "en", "sv")] == ["Dansk", "English", "Svenska"]


@pytest.mark.parametrize(
    ("ahead", "shown"), [(timedelta(hours=3), "13:00"), (timedelta(hours=24), "tors. 10:00")]
)
def test_of_today_only_the_clock_is_shown(ahead: timedelta, shown: str) -> None:
    assert PageTranslator("da", "Europe/Copenhagen").soon(NOW + ahead, NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "just now"), (29, "just now"), (30, "1 min ago")]
)
def test_what_was_within_half_a_minute_was_just_now(seconds: int, shown: str) -> None:
    assert PageTranslator("en").since(NOW - timedelta(seconds=seconds), NOW) == shown


def test_a_code_without_message_has_its_own_word() -> None:
    t = PageTranslator("en")
    assert (t.one_of("use_school", "?"), t.one_of("use_castle", "castle")) == ("School", "castle")


def test_a_text_is_described_by_itself() -> None:
    t = PageTranslator("da")
    assert t.describe("by hand <8>") == "by hand <8>"
    assert t.describe(Fact("of_no_catalogue", {"n": 1})) == "of_no_catalogue(n=1)"


@pytest.mark.slow
async def test_a_third_language_costs_one_file(tmp_path: Path) -> None:
    """Ten Swedish messages; numbers and dates are Swedish with them, the rest is English."""
    world = a_world(tmp_path, open_dashboard=True)
    (tmp_path / "catalogues").mkdir()
    swedish = replace(world, catalogues=swedish_beside_the_others(tmp_path / "catalogues"))
    async with swedish.browser(**HTML) as browser:
        page = (await browser.get("/?lang=sv")).text
        again = (await browser.get("/", headers={"accept-language": "da"})).text
        danish = (await browser.get("/?lang=da")).text
    assert '<html lang="sv">' in page
    for shown in ("Översikt", "Automatik på svenska", ">Svenska</a>", "mån 28 jan. 10:05"):
        assert shown in page
    assert "API documentation" in page
    assert "Översikt" in again
    assert "Overblik" in danish


@pytest.mark.slow
async def test_a_language_without_catalogue_is_not_offered(tmp_path: Path) -> None:
    async with a_world(tmp_path, open_dashboard=True).browser(**HTML) as browser:
        page = (await browser.get("/?lang=sv")).text
    assert '<html lang="da">' in page
    assert "Svenska" not in page
