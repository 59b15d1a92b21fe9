"""Every message has every language, with the same placeholders; none is left over."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bms.messages.catalogue import FOLDER, catalogue, languages
from bms.model.fact import MessageCode, TermCode
from tests.rigs.catalogues import swedish_beside_the_others, write_catalogue
from tools.messages.catalogue_files import ordered
from tools.messages.comparison import differences, needed
from tools.messages.families import members
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


def test_code_and_catalogues_agree() -> None:
    """Of pages, command line, reports, facts and terms; in every language, in order."""
    assert differences() == []


def test_what_a_language_lacks_is_named(tmp_path: Path) -> None:
    lines = differences(swedish_beside_the_others(tmp_path))
    assert "sv: no message page:cooling" in lines
    assert "sv: no message page:verdict_verified_long" in lines
    assert "sv: no message page:overview" not in lines
    assert all(line.startswith("sv: ") for line in lines)


def test_what_no_code_asks_for_is_named(tmp_path: Path) -> None:
    write_catalogue(
        tmp_path, "en", {("page", "castle"): "Castle", ("page", "use_castle"): "Castle"}
    )
    left_over = [line for line in differences(tmp_path) if "no code asks" in line]
    assert left_over == ["en: no code asks for page:castle"]


def test_a_placeholder_that_nothing_fills_is_named(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "en", {("page", "as_of"): "{time} in {place}"})
    lines = [line for line in differences(tmp_path) if line.endswith("page:as_of needs place")]
    assert [line.partition(":")[0] for line in lines] == [
        "api/pages/templates/building.html",
        "api/pages/templates/portfolio.html",
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
