"""The page of threats names tests that are there."""

from __future__ import annotations

import re

import pytest

from tests.rigs.paths import ROOT

PAGE = (ROOT / "docs" / "threats.md").read_text("utf-8")
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| ")][1:]
TESTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
FILES = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_row_has_its_cells() -> None:
    assert len(ROWS) > 10
    assert {len(row) for row in ROWS} == {4}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1].strip())
def test_every_row_names_a_test(row: list[str]) -> None:
    (name,) = re.findall(r"`(test_\w+)`", row[3])
    assert f"def {name}" in TESTS or name in FILES
