"""The savings table as spreadsheets read it."""

import csv
import io
from datetime import UTC, datetime

import pytest

import bms.reports.csv
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, SiteSavings, Span
from bms.ports.reports import Reporter
from bms.reports.csv import COLUMNS, savings_csv
from tests.rigs.fakes.objections import POOR_FIT
from tests.rigs.sentences import danish, english

SPAN = Span(start=datetime(2019, 1, 14, tzinfo=UTC), end=datetime(2019, 1, 28, tzinfo=UTC))
REASON = POOR_FIT


def row(meter_id="heat", *, saving=1234.5678, reasons=(REASON,)):
    meter = Savings(
        meter_id=meter_id,
        commodity=Commodity.HEAT,
        baseline=SPAN,
        reporting=SPAN,
        model="3PH",
        n=134,
        coverage=1.0,
        cv_rmse=0.123456789,
        nmbe=None,
        r2=0.9,
        rho=0.5,
        baseline_kwh=250000.0,
        adjusted_baseline_kwh=20000.0,
        measured_kwh=20000.0 - saving,
        saving_kwh=saving,
        saving_low_kwh=-10.0,
        saving_high_kwh=2000.0,
        confidence=0.9,
        reasons=reasons,
        flags=("zeros",),
        drift=0.05,
    )
    return SiteSavings(
        id="townhall",
        meters=(meter,),
        adjusted_baseline_kwh=20000.0,
        measured_kwh=20000.0 - saving,
        saving_kwh=saving,
        saving_low_kwh=-10.0,
        saving_high_kwh=2000.0,
        confidence=0.9,
        reasons=reasons,
        cost_dkk=987.6,
    )


def read(data: bytes, **options) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), **options))


def test_one_row_per_meter_and_one_per_building():
    rows = read(savings_csv([row(), row()]))
    assert [(r["building"], r["meter_id"]) for r in rows] == [
        ("townhall", "heat"),
        ("townhall", ""),
    ] * 2
    meter, building = rows[:2]
    assert tuple(meter) == COLUMNS
    assert (meter["saving_kwh"], meter["cv_rmse"]) == ("1234.568", "0.123457")
    assert (meter["verdict"], meter["n"], meter["flags"]) == ("indicative", "134", "zeros")
    assert meter["reasons_en"] == english(REASON)
    assert meter["reporting_start"] == "2019-01-14T00:00:00+00:00"
    assert (building["cost_dkk"], building["co2_kg"]) == ("987.600", "")
    assert "IPMVP" in meter["method"]


def test_unknown_is_an_empty_cell():
    assert read(savings_csv([row()]))[0]["nmbe"] == ""
    assert b"None" not in savings_csv([row()])
    assert b"nan" not in savings_csv([row()])


def test_danish_excel_gets_semicolons_commas_and_a_mark():
    data = savings_csv([row()], decimal_comma=True)
    assert data.startswith(b"\xef\xbb\xbf")
    meter = read(data[3:], delimiter=";")[0]
    assert meter["saving_kwh"] == "1234,568"
    assert meter["reasons_da"] == danish(REASON)
    assert float(meter["cv_rmse"].replace(",", ".")) == 0.123457


@pytest.mark.parametrize(
    ("language", "heads", "verdict", "sentence"),
    [
        ("da", ("Bygning", "Sparet [kWh]", "Vurdering", "Grunde"), "Vejledende", danish),
        ("en", ("Building", "Saving [kWh]", "Verdict", "Reasons"), "Indicative", english),
    ],
)
def test_people_read_headings_verdicts_and_reasons_in_their_language(
    language, heads, verdict, sentence
):
    meter = read(savings_csv([row()], decimal_comma=True, language=language)[3:], delimiter=";")[0]
    assert [meter[head] for head in heads] == ["townhall", "1234,568", verdict, sentence(REASON)]
    assert "reasons_da" not in meter


def test_a_text_is_never_a_formula_but_a_negative_number_stays_a_number():
    meter = read(savings_csv([row("=HYPERLINK(1)", saving=-5.0)]))[0]
    assert meter["meter_id"] == "'=HYPERLINK(1)"
    assert float(meter["saving_kwh"]) == -5.0


def test_nothing_is_a_header():
    assert savings_csv([]).decode().strip() == ",".join(COLUMNS)


def test_the_module_is_a_reporter():
    reporter: Reporter = bms.reports.csv
    assert reporter.savings_csv([row()]) == savings_csv([row()])
