"""Numbers, days and times as Danes, Britons and Swedes write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from bms.messages.local_format import LocalFormat

MORNING = datetime(2026, 1, 27, 23, 12, tzinfo=UTC)
"""12 minutes past midnight of the 28th in Copenhagen."""


def form(locale: str) -> LocalFormat:
    return LocalFormat(Locale.parse(locale), ZoneInfo("Europe/Copenhagen"))


@pytest.mark.parametrize(
    ("locale", "value", "decimals", "written"),
    [
        ("da", 1234567.8, 0, "1.234.568"),
        ("en_GB", 1234567.8, 0, "1,234,568"),
        ("da", -1234.56, 1, "−1.234,6"),
        ("en_GB", -1234.56, 1, "−1,234.6"),
        ("sv", -1234.56, 2, "−1\N{NO-BREAK SPACE}234,56"),
        ("da", -0.04, 1, "0,0"),
        ("da", None, 1, "–"),
        ("da", float("nan"), 0, "–"),
    ],
)
def test_numbers(locale: str, value: float | None, decimals: int, written: str) -> None:
    assert form(locale).number(value, decimals) == written


@pytest.mark.parametrize(
    ("locale", "day", "with_year", "moment", "month"),
    [
        ("da", "ons. 28. jan.", "ons. 28. jan. 2026", "ons. 28. jan. 00:12", "jan. 2026"),
        ("en_GB", "Wed 28 Jan", "Wed 28 Jan 2026", "Wed 28 Jan 00:12", "Jan 2026"),
        ("sv", "ons 28 jan.", "ons 28 jan. 2026", "ons 28 jan. 00:12", "jan. 2026"),
    ],
)
def test_days_are_local(locale: str, day: str, with_year: str, moment: str, month: str) -> None:
    told = form(locale)
    assert told.day(MORNING) == told.day(date(2026, 1, 28)) == day
    assert told.day(MORNING, year=True) == with_year
    assert told.moment(MORNING) == moment
    assert told.moment(MORNING, year=True) == f"{with_year} 00:12"
    assert told.month(MORNING, year=True) == month


@pytest.mark.parametrize(
    ("minutes", "danish", "english"),
    [
        (1, "1 min. siden", "1 min ago"),
        (89, "89 min. siden", "89 min ago"),
        (90, "for 2 timer siden", "2 hours ago"),
        (47 * 60, "for 47 timer siden", "47 hours ago"),
        (48 * 60, "for 2 dage siden", "2 days ago"),
        (400 * 1440, "for 400 dage siden", "400 days ago"),
    ],
)
def test_ages_are_in_the_unit_that_says_enough(minutes: int, danish: str, english: str) -> None:
    age = timedelta(minutes=minutes)
    assert (form("da").age(age), form("en_GB").age(age)) == (danish, english)


@pytest.mark.parametrize(
    ("value", "written"), [(0.012345, "0,0123"), (12.0, "12"), (-98765.0, "−98800"), (0.0, "0")]
)
def test_significant_digits(value: float, written: str) -> None:
    assert form("da").significant(value) == written


def test_languages_know_their_decimal_sign() -> None:
    assert [form(each).decimal_comma for each in ("da", "en_GB", "sv")] == [True, False, True]


def test_danish_names_end_with_the_letters_after_z() -> None:
    names = ["Zoo", "Ødis", "Aarhus", "Ask", "Åby", "Ægir"]
    assert sorted(names, key=form("da").collated) == ["Ask", "Zoo", "Ægir", "Ødis", "Åby", "Aarhus"]


def test_english_names_do_not_mind_accents() -> None:
    assert sorted(["Zoo", "Åby", "Ask"], key=form("en_GB").collated) == ["Åby", "Ask", "Zoo"]
