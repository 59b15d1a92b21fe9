"""Every message has every language, with the same placeholders; none is left over."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from bms.messages.catalogue import FOLDER, catalogue, languages
from bms.model.fact import MessageCode, TermCode
from tests.rigs.catalogues import swedish_beside_the_others, write_catalogue
from tests.rigs.paths import ROOT
from tools.messages.catalogue_files import ordered
from tools.messages.comparison import differences, needed
from tools.messages.families import ROOTS, members
from tools.messages.uses import Unreadable, uses

FACTS = members(MessageCode)
TERMS = members(TermCode)


def test_every_code_names_one_message() -> None:
    assert [code for code, times in Counter(FACTS).items() if times > 1] == []


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("context", "codes"), [("fact", FACTS), ("term", TERMS)])
def test_every_fact_and_term_has_a_message(language: str, context: str, codes: list[str]) -> None:
    have = {code for where, code in catalogue(language).messages if where == context}
    assert sorted(set(codes) - have) == [], "without message"
    assert sorted(have - set(codes)) == [], "left over"


@pytest.mark.slow
def test_code_and_catalogues_agree() -> None:
    """Of pages, command line, reports, facts and terms; in every language, in order."""
    assert differences() == []


@pytest.mark.slow
def test_what_a_language_lacks_is_named(tmp_path: Path) -> None:
    lines = differences(swedish_beside_the_others(tmp_path))
    assert "sv: no message page:cooling" in lines
    assert "sv: no message page:verdict_verified_long" in lines
    assert "sv: no message page:overview" not in lines
    assert all(line.startswith("sv: ") for line in lines)


@pytest.mark.slow
def test_what_no_code_asks_for_is_named(tmp_path: Path) -> None:
    write_catalogue(
        tmp_path, "en", {("page", "castle"): "Castle", ("page", "use_castle"): "Castle"}
    )
    left_over = [line for line in differences(tmp_path) if "no code asks" in line]
    assert left_over == ["en: no code asks for page:castle"]


@pytest.mark.slow
def test_a_placeholder_that_nothing_fills_is_named(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "en", {("page", "as_of"): "{time} in {place}"})
    lines = [line for line in differences(tmp_path) if line.endswith("page:as_of needs place")]
    assert [line.partition(":")[0] for line in lines] == [
        "api/pages/templates/building.html",
        "api/pages/templates/overview.html",
    ]


def test_codes_are_read_from_calls_templates_and_families(tmp_path: Path) -> None:
    for folder in ("api", "bms/cli", "bms/reports"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "api/a.py").write_text('t("one" if x else "two", n=1)\nt(f"mode_{m.value}")')
    (tmp_path / "api/b.html").write_text("{{ t('three') }}{{ t('mode_' ~ m ~ '_long') }}")
    (tmp_path / "bms/cli/c.py").write_text('t("four", **more)')
    (tmp_path / "bms/reports/d.py").write_text('text.word("five")\nt("no message")')
    keys = needed(uses(tmp_path)) - {("fact", c) for c in FACTS} - {("term", c) for c in TERMS}
    modes = {
        ("page", f"mode_{m}{end}") for m in ("observe", "advise", "auto") for end in ("", "_long")
    }
    assert keys == modes | {
        ("page", "one"),
        ("page", "two"),
        ("page", "three"),
        ("cli", "four"),
        ("report", "five"),
    }


def test_a_code_that_only_running_would_tell_is_refused(tmp_path: Path) -> None:
    for folder in ("api", "bms/cli", "bms/reports"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "api/a.py").write_text("t(code)")
    with pytest.raises(Unreadable, match=r"api/a\.py:1"):
        uses(tmp_path)


@pytest.mark.parametrize("language", languages())
def test_putting_a_catalogue_in_order_changes_no_message(language: str, tmp_path: Path) -> None:
    text = (FOLDER / f"{language}.po").read_text("utf-8")
    head, *blocks = text.strip().split("\n\n")
    shuffled = "\n\n".join([head, *reversed(blocks)]) + "\n"
    (tmp_path / f"{language}.po").write_text(shuffled, "utf-8")
    assert ordered(tmp_path / f"{language}.po") == text


DATA_IN_DANISH = {
    "bms/feeds/plants/column_guess.py",
    "bms/feeds/suppliers/aalborg.py",
    "bms/feeds/suppliers/column_names.py",
    "bms/feeds/suppliers/kredsloeb.py",
    "bms/model/assets/protected.py",
    "bms/savings/data/commodity.py",
    "drivers/discovery/site_draft.py",
    "sites/buildings_table.py",
}
"""Names of columns, points and objects as suppliers and contractors write them."""
LETTERS = set("æøåÆØÅ")
SMALL_WORDS = {"af", "at", "bliver", "det", "der", "er", "for", "ikke", "med", "og", "som", "til"}


def danish(text: str) -> bool:
    """Whether a text has Danish letters, or three small words of the language."""
    return bool(LETTERS & set(text)) or len(SMALL_WORDS & set(text.lower().split())) >= 3


def literals(file: Path) -> list[str]:
    """The texts of a module that are no docstrings."""
    tree = ast.parse(file.read_text("utf-8"))
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [
        node.value for node in constants if isinstance(node.value, str) and id(node) not in bare
    ]


def may_hold_danish(file: Path) -> bool:
    """Whether the words of a file together are enough for a sentence; most need no closer look."""
    return danish(" ".join(re.findall(r"\w+", file.read_text("utf-8"))))


@pytest.mark.slow
def test_no_sentence_in_danish_stands_in_code() -> None:
    files = [file for root in ROOTS for file in (ROOT / root).rglob("*.py")]
    close = filter(may_hold_danish, files)
    found = {str(f.relative_to(ROOT)) for f in close if any(map(danish, literals(f)))}
    assert found == DATA_IN_DANISH


def test_a_danish_sentence_is_known_by_its_letters_or_its_small_words(tmp_path: Path) -> None:
    assert danish("Måler")
    assert danish("Der er ikke data nok.")
    assert not danish("The value at the point is for the zone.")
    (tmp_path / "a.py").write_text('"""Rådhus"""\nx = "Skole"\ndef f():\n    """på"""\n', "utf-8")
    assert literals(tmp_path / "a.py") == ["Skole"]


NO_WORDS = re.compile(
    r"\{[{%#].*?[}%#]\}|<code>.*?</code>|<[^>]*>|data-\w+|/openapi\.json", flags=re.DOTALL
)
"""Of a template: expressions, tags and attributes, and what is an address or a command."""


def test_templates_have_no_words_of_their_own() -> None:
    """What stands between the tags comes from the catalogues; units are the same everywhere."""
    own = set()
    for file in sorted((ROOT / "api" / "pages" / "templates").glob("*.html")):
        bare = NO_WORDS.sub(" ", file.read_text("utf-8"))
        own |= set(re.findall(r"[^\W\d_]{2,}", bare))
    assert own == {"MWh", "kWh", "kg"}
