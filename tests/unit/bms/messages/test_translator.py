"""Facts and texts in two languages, and a third that costs one file."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bms.messages import Translator
from bms.messages.catalogue import FOLDER, catalogue, languages
from bms.model.fact import Day, Fact, Moment, Term
from tests.rigs.catalogues import write_catalogue

MESSAGES = {
    "da": {
        "cold": "{zone} er {temp:0.0} °C kl. {at:HH:mm}.",
        "share": "{share:0 %} af {energy:#,##0} kWh",
        "list": "Uden {names}: {why}",
        "day": "Fra {day}",
        "plural": ("{count} punkt", "{count} punkter"),
    },
    "en_GB": {
        "cold": "{zone} is {temp:0.0} °C at {at:HH:mm}.",
        "share": "{share:0%} of {energy:#,##0} kWh",
        "list": "Without {names}: {why}",
        "day": "From {day}",
        "plural": ("{count} point", "{count} points"),
        "only_english": "Said in English",
    },
}
SWEDISH = {
    "cold": "{zone} har {temp:0.0} °C kl. {at:HH:mm}.",
    "share": "{share:0 %} av {energy:#,##0} kWh",
    "list": "Utan {names}: {why}",
    "day": "Från {day}",
    "plural": ("{count} punkt", "{count} punkter"),
    "one": "ett",
    "two": "två",
    "three": "tre",
    "four": "fyra",
    "five": "fem",
}


def write(folder: Path, language: str, messages: dict[str, str | tuple[str, str]]) -> None:
    word = {"da": "varme", "en_GB": "heat", "sv": "värme"}[language]
    facts = {("fact", code): text for code, text in messages.items()}
    write_catalogue(folder, language, {**facts, ("term", "heat"): word})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language, messages in MESSAGES.items():
        write(tmp_path, language, messages)
    return tmp_path


COLD = Fact(
    "cold", {"zone": "Hallen", "temp": 17.25, "at": Moment(datetime(2026, 1, 5, 7, tzinfo=UTC))}
)


@pytest.mark.parametrize(
    ("language", "fact", "told"),
    [
        ("da", COLD, "Hallen er 17,2 °C kl. 08:00."),
        ("en", COLD, "Hallen is 17.2 °C at 08:00."),
        ("da", Fact("share", {"share": 0.123, "energy": 1234567}), "12 % af 1.234.567 kWh"),
        ("en", Fact("share", {"share": 0.123, "energy": 1234567}), "12% of 1,234,567 kWh"),
        ("da", Fact("plural", {"count": 1}), "1 punkt"),
        ("da", Fact("plural", {"count": 2}), "2 punkter"),
        ("en", Fact("plural", {"count": 0}), "0 points"),
        ("da", Fact("day", {"day": Day(date(2026, 3, 1))}), "Fra 1. mar. 2026"),
        ("en", Fact("day", {"day": Day(date(2026, 3, 1))}), "From 1 Mar 2026"),
        ("da", Fact("share", {"share": None, "energy": float("nan")}), "– af – kWh"),
        ("da", Fact("share", {"share": -0.0001, "energy": -0.2}), "0 % af 0 kWh"),
    ],
)
def test_a_fact_is_told_in_the_manner_of_the_language(
    folder: Path, language: str, fact: Fact, told: str
) -> None:
    assert Translator(language, "Europe/Copenhagen", folder=folder).describe(fact) == told


def test_lists_terms_and_facts_may_be_parameters(folder: Path) -> None:
    fact = Fact("list", {"names": ("A", "B", Term("heat")), "why": Fact("plural", {"count": 2})})
    told = Translator("da", folder=folder).describe(fact)
    assert told == "Uden A, B og varme: 2 punkter"


def test_what_a_language_lacks_is_said_in_english(folder: Path) -> None:
    assert Translator("da", folder=folder).describe(Fact("only_english")) == "Said in English"


def test_a_code_of_another_version_is_shown_with_its_parameters(folder: Path) -> None:
    told = Translator("da", folder=folder).describe(Fact("of_next_year", {"n": 1}))
    assert told == "of_next_year(n=1)"


def test_a_text_without_message_is_an_error(folder: Path) -> None:
    with pytest.raises(KeyError, match="page:nothing"):
        Translator("da", folder=folder).text("nothing", "page")


def test_a_placeholder_without_parameter_is_an_error(folder: Path) -> None:
    with pytest.raises(KeyError, match="temp"):
        Translator("da", folder=folder).text("cold", "fact", zone="Hall")


def test_there_is_no_translator_of_a_language_without_catalogue(folder: Path) -> None:
    with pytest.raises(KeyError, match="sv"):
        Translator("sv", folder=folder)


def test_a_third_language_costs_one_file(tmp_path: Path) -> None:
    for language in ("da", "en"):
        shutil.copy(FOLDER / f"{language}.po", tmp_path)
    write(tmp_path, "sv", SWEDISH)
    swedish = Translator("sv", "Europe/Stockholm", folder=tmp_path)
    assert languages(tmp_path) == ("da", "en", "sv")
    assert swedish.describe(COLD) == "Hallen har 17,2 °C kl. 08:00."
    assert swedish.term("heat") == "värme"
    assert swedish.text("product", "page") == "Building energy"


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_catalogues_of_the_product_are_sound(language: str) -> None:
    assert catalogue(language).messages


@pytest.mark.parametrize(
    "text",
    [
        'msgid "a"\nmsgstr "b"\n',
        'msgid ""\nmsgstr ""\n"Language: tlh_XX\\n"\n',
        'msgid ""\nmsgstr ""\n"Language: en\\n"\n\nmsgid "a"\nmsgtsr "b"\n',
    ],
)
def test_a_file_that_is_no_catalogue_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "en.po").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"language|invalid|en\.po"):
        catalogue("en", tmp_path)
