"""The same numbers in all five forms, and what cannot be written."""

from __future__ import annotations

import json
import sys

import pytest

from bms.errors import ConfigError
from tests.rigs.reports import (
    RECORD,
    a_report,
    read_csv,
    read_json,
    read_parquet,
    read_xlsx,
    written,
)


def test_json_has_codes_units_and_sentences() -> None:
    data = written(a_report(RECORD), "json", "en")
    whole = json.loads(data)
    assert (whole["title"], whole["period"]) == (
        "Savings",
        {"first": "2026-10-01", "end": "2026-11-01"},
    )
    assert [table["name"] for table in whole["tables"]] == ["savings", "months"]
    assert whole["tables"][0]["columns"][6] == {
        "name": "saving_kwh",
        "title": "Saving [kWh]",
        "type": "number",
        "unit": "kWh",
    }
    (row,) = read_json(data)
    assert (row["commodity"], row["saving_kwh"]) == ("heat", -1234.568)
    assert row["last_reading"] == "2026-10-25T00:30:00+02:00"
    assert row["reasons"] == [
        {"code": "report_saving_unknown", "text": "What was saved is not known yet."}
    ]


def test_parquet_is_typed_and_has_its_units() -> None:
    import io

    import pyarrow.parquet as pq

    data = written(a_report(RECORD, {"building": "empty"}), "parquet")
    table = pq.read_table(io.BytesIO(data))
    assert table.schema.field("saving_kwh").metadata[b"unit"] == b"kWh"
    assert [str(t) for t in table.schema.types[3:10]] == [
        *("string", "bool", "int64", "double", "double", "date32[day]"),
        "timestamp[us, tz=Europe/Copenhagen]",
    ]
    known, unknown = table.to_pylist()
    assert known["last_reading"] == RECORD["last_reading"]
    assert unknown["saving_kwh"] is None


def test_the_same_numbers_in_every_form() -> None:
    report = a_report(RECORD)
    by_json, by_parquet = (
        read_json(written(report, "json"))[0],
        read_parquet(written(report, "parquet"))[0],
    )
    plain = read_csv(written(report, "csv", plain=True))[0]
    sheet = read_xlsx(written(report, "xlsx"))[0]
    assert by_json["saving_kwh"] == by_parquet["saving_kwh"] == float(plain["saving_kwh"])
    assert sheet["Sparet [kWh]"] == by_json["saving_kwh"]


@pytest.mark.parametrize("form", ["pdf", "xlsx", "csv", "json", "parquet"])
def test_an_unknown_language_or_sheet_is_refused(form: str) -> None:
    with pytest.raises(ConfigError, match="no reports in 'fr'; there are: da, en"):
        written(a_report(), form, "fr")
    with pytest.raises(ConfigError, match="no sheet 'x'; it has: savings, months, days"):
        written(a_report(), form, sheet="x")


def test_parquet_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'bms\[archive\]'"):
        written(a_report(), "parquet")
