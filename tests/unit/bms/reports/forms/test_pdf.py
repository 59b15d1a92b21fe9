"""A report on paper: tagged, in its language, with what the charts show in words."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from bms.reports.forms.bar_chart import chart_in_words
from bms.reports.forms.cells import ReportCells
from tests.rigs.reports import RECORD, a_report, pdf_text, written


@pytest.fixture(scope="module")
def danish() -> bytes:
    return written(a_report(RECORD), "pdf")


def test_it_is_tagged_and_says_that_it_is_pdf_ua(danish: bytes) -> None:
    reader = PdfReader(io.BytesIO(danish))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "da"
    assert reader.metadata is not None
    assert reader.metadata.title == "Besparelser"
    assert b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()


def test_it_has_summary_tables_and_method_in_the_language(danish: bytes) -> None:
    text = pdf_text(danish)
    assert "2 bygninger, 1. oktober 2026 til 31. oktober 2026" in text
    assert "Hallen på Åen" in text
    assert "−1.235" in text
    assert "Det svarer til 1.000 kr." in text
    assert "Sådan er tallene lavet" in text
    assert "The hall" in pdf_text(written(a_report(RECORD), "pdf", "en"))


def test_a_chart_is_told_in_words(danish: bytes) -> None:
    report = a_report()
    told = chart_in_words(report.charts[0], ReportCells.of(report, "da"))
    assert told == "Sparet måned for måned i kWh. sep. 2026: –; okt. 2026: −5."
    assert "/Alt" in str(_structure(danish))


def _structure(data: bytes) -> list[str]:
    found: list[str] = []

    def walk(node: object) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict):
            found.extend(node)
            walk(node.get("/K", []))

    walk(PdfReader(io.BytesIO(data)).trailer["/Root"]["/StructTreeRoot"])
    return found


def test_texts_are_no_markup() -> None:
    text = pdf_text(written(a_report({**RECORD, "meter_number": "#panic() $x$ *b*"}), "pdf"))
    assert "#panic() $x$ *b*" in text
