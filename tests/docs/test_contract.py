"""Every clause of the write contract has tests that bear its number."""

from __future__ import annotations

import re

import pytest

from bms.model.assets.protected import OBJECT_TYPES, is_hot_water, protected_name
from tests.rigs.paths import ROOT

PAGE = (ROOT / "docs" / "contract.md").read_text("utf-8")
CLAUSES = [int(number) for number in re.findall(r"^## W(\d+) ", PAGE, re.MULTILINE)]
PENDING: set[int] = set()
"""Clauses whose tests do not all bear their number yet."""
NAMED = re.compile(r"def test_w(\d\d)_|contract_w(\d\d)")


def numbers() -> set[int]:
    """The clauses that some test or case bears in its name."""
    texts = [p.read_text("utf-8") for p in (ROOT / "tests").rglob("*.py")]
    cases = [p.name for p in (ROOT / "tests" / "cases").rglob("contract_w*")]
    return {int(a or b) for text in (*texts, *cases) for a, b in NAMED.findall(text)}


def test_the_page_has_every_clause() -> None:
    assert list(range(1, 19)) == CLAUSES


@pytest.mark.parametrize("clause", sorted(set(CLAUSES) - PENDING))
def test_a_clause_has_tests_of_its_number(clause: int) -> None:
    assert clause in numbers()


def test_w18_the_page_shows_the_list_that_is_in_force() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(rows) == 6
    for what, names, _ in rows:
        for name in names.replace("; ", ", ").split(", "):
            found = protected_name(name)
            assert (found is not None and found.protection == what) or is_hot_water(name), name
    shown = {kind for _, _, kinds in rows for kind in kinds.split(", ") if kind}
    assert shown == set(OBJECT_TYPES)
