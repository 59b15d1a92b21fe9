"""A table as a Danish spreadsheet opens it, and as programs read it."""

from __future__ import annotations

import pytest

from tests.rigs.reports import RECORD, a_report, read_csv, written


def test_danish_has_a_mark_semicolons_commas_headings_names_and_local_times() -> None:
    data = written(a_report(RECORD), "csv")
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.decode("utf-8-sig").splitlines()[0].startswith("Bygnings-id;Bygning;")
    (row,) = read_csv(data)
    assert (row["Bygning"], row["Bygnings-id"]) == ("Hallen på Åen", "hall")
    assert (row["Sparet [kWh]"], row["Datadækning"]) == ("-1234,568", "0,987654")
    assert (row["Energiart"], row["Afregnet"]) == ("Varme", "ja")
    assert (row["Måned"], row["Seneste måling"]) == ("01-10-2026", "25-10-2026 00:30")
    assert row["Grunde"] == "Hvad der er sparet, vides endnu ikke."
    assert row["Mærker"] == "hul: 2, uret kan ikke efterprøves"


def test_english_has_decimal_points() -> None:
    (row,) = read_csv(written(a_report(RECORD), "csv", "en"))
    assert (row["Saving [kWh]"], row["Building"]) == ("-1234.568", "The hall")
    assert row["Flags"] == "gap: 2, clock cannot be checked"


def test_plain_has_codes_and_iso_times() -> None:
    data = written(a_report(RECORD), "csv", plain=True)
    assert data.startswith(b"building,building_name,")
    (row,) = read_csv(data)
    assert (row["commodity"], row["billed"], row["saving_kwh"]) == ("heat", "true", "-1234.568")
    assert (row["month"], row["last_reading"]) == ("2026-10-01", "2026-10-25T00:30:00+02:00")
    assert row["flags"] == "gap:2 clock_unseen"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_is_never_a_formula(start: str) -> None:
    report = a_report({**RECORD, "meter_number": f'{start}HYPERLINK("http://x")'})
    for options in ({}, {"plain": True}):
        row = read_csv(written(report, "csv", **options))[0]
        text = row.get("Målernummer", row.get("meter_number"))
        assert text == f'\'{start}HYPERLINK("http://x")'


def test_what_is_not_known_is_an_empty_cell_and_a_table_without_rows_a_heading() -> None:
    (row,) = read_csv(written(a_report({"building": "hall", "saving_kwh": float("nan")}), "csv"))
    assert set(row.values()) == {"hall", ""}
    assert written(a_report(), "csv", sheet="months", plain=True) == b"month,saving_kwh\r\n"


def test_a_table_that_is_apart_is_there_where_it_is_asked_for() -> None:
    assert read_csv(written(a_report(), "csv", sheet="days")) == [{"Dag": "01-10-2026"}]
