"""A workbook: a sheet a question, typed cells, headings that stay, how the numbers were made."""

from __future__ import annotations

import io

import pytest
from openpyxl import load_workbook

from bms.reports.forms import xlsx
from tests.rigs.reports import RECORD, a_report, read_xlsx, written


def test_cells_are_typed_and_named_with_their_units() -> None:
    (row,) = read_xlsx(written(a_report(RECORD), "xlsx"))
    assert row["Bygning"] == "Hallen på Åen"
    assert row["Sparet [kWh]"] == -1234.568
    assert row["Datadækning"] == 0.987654
    assert row["Døgn i basisperioden"] == 1340
    assert row["Afregnet"] is True
    assert row["Måned"].isoformat() == "2026-10-01T00:00:00"
    assert row["Seneste måling"].isoformat() == "2026-10-25T00:30:00"
    assert row["Målernummer"] == "0571313174"


def test_a_sheet_a_question_and_one_of_the_method() -> None:
    book = load_workbook(io.BytesIO(written(a_report(RECORD), "xlsx", "en")))
    assert book.sheetnames == ["Savings", "Months", "How the numbers were made"]
    assert all(sheet.freeze_panes == "A2" for sheet in book.worksheets[:-1])
    told = [row[0] for row in book.worksheets[-1].iter_rows(values_only=True)]
    assert told[0] == "Savings"
    assert "That is 1,000 DKK and 12 kg of CO₂." in told
    assert any("IPMVP" in str(line) for line in told)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_is_never_a_formula(start: str) -> None:
    data = written(a_report({**RECORD, "meter_number": f"{start}1+1"}), "xlsx")
    cells = [c for c in load_workbook(io.BytesIO(data)).worksheets[0][2] if c.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b", "d"}
    assert cells[2].value.startswith("'")


def test_names_of_sheets_fit() -> None:
    assert xlsx.sheet_name("a/b" * 20, 12) == "a-ba-ba-ba-ba-ba-ba-ba-ba- (12)"
