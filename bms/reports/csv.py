"""Savings as a table: one row per meter and one per building, ready for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime

from bms.messages import Translator, translator
from bms.messages.catalogue import SOURCE
from bms.model.fact import Fact
from bms.model.outside_text import without_orders
from bms.model.savings.avoided_use import Savings, SiteSavings
from bms.reports.text import ReportText

COLUMNS = (
    "building",
    "meter_id",
    "commodity",
    "baseline_start",
    "baseline_end",
    "reporting_start",
    "reporting_end",
    "method",
    "model",
    "n",
    "coverage",
    "cv_rmse",
    "nmbe",
    "r2",
    "rho",
    "drift",
    "baseline_kwh",
    "adjusted_baseline_kwh",
    "measured_kwh",
    "saving_kwh",
    "saving_low_kwh",
    "saving_high_kwh",
    "confidence",
    "cost_dkk",
    "co2_kg",
    "verdict",
    "reasons_da",
    "reasons_en",
    "flags",
)
"""Energy [kWh], cost [DKK], emissions [kg CO2]; shares are fractions; times are ISO 8601."""
FOR_PEOPLE = (*(name for name in COLUMNS if not name.startswith("reasons_")), "reasons")
"""Columns where a language is asked for."""

_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | float | datetime | None


def savings_csv(
    rows: Sequence[SiteSavings], decimal_comma: bool = False, language: str | None = None
) -> bytes:
    """UTF-8 CSV: for each building its meters, then the building itself (``meter_id`` empty).

    Headings and values are codes for programs; with a ``language`` headings, methods, verdicts
    and reasons are in it. ``decimal_comma`` writes what a Danish Excel opens by double-click:
    semicolons, decimal commas and a byte order mark. What is not known is an empty cell.
    """
    words = ReportText(translator=translator(language or SOURCE))
    columns = COLUMNS if language is None else FOR_PEOPLE
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if decimal_comma else ",", lineterminator="\r\n")
    heads = columns if language is None else [words.word(f"column_{name}") for name in columns]
    writer.writerow(heads)
    for record in _records(rows, words):
        if language is not None:
            record["verdict"] = words.word(f"verdict_{record['verdict']}")
        writer.writerow([_text(record.get(name), decimal_comma) for name in columns])
    return ((_BOM if decimal_comma else "") + text.getvalue()).encode()


def _records(rows: Sequence[SiteSavings], words: ReportText) -> Iterator[dict[str, Cell]]:
    for building in rows:
        for meter in building.meters:
            yield _meter(building, meter, words)
        yield _building(building, words)


def _meter(building: SiteSavings, s: Savings, words: ReportText) -> dict[str, Cell]:
    return {
        "building": building.id,
        "meter_id": s.meter_id,
        "commodity": s.commodity.value,
        "baseline_start": s.baseline.start,
        "baseline_end": s.baseline.end,
        "reporting_start": s.reporting.start,
        "reporting_end": s.reporting.end,
        "method": words.word("method_meter"),
        "model": s.model,
        "n": s.n,
        "coverage": s.coverage,
        "cv_rmse": s.cv_rmse,
        "nmbe": s.nmbe,
        "r2": s.r2,
        "rho": s.rho,
        "drift": s.drift,
        "baseline_kwh": s.baseline_kwh,
        "flags": " ".join(s.flags),
        **_result(s, words),
    }


def _building(s: SiteSavings, words: ReportText) -> dict[str, Cell]:
    return {
        "building": s.id,
        "method": words.word("method_sum"),
        "cost_dkk": s.cost_dkk,
        "co2_kg": s.co2_kg,
        **_result(s, words),
    }


def _result(s: Savings | SiteSavings, words: ReportText) -> dict[str, Cell]:
    return {
        "adjusted_baseline_kwh": s.adjusted_baseline_kwh,
        "measured_kwh": s.measured_kwh,
        "saving_kwh": s.saving_kwh,
        "saving_low_kwh": s.saving_low_kwh,
        "saving_high_kwh": s.saving_high_kwh,
        "confidence": s.confidence,
        "verdict": s.verdict.value,
        "reasons_da": _sentences(s.reasons, translator("da")),
        "reasons_en": _sentences(s.reasons, translator("en")),
        "reasons": _sentences(s.reasons, words.translator),
    }


def _sentences(reasons: Sequence[Fact], t: Translator) -> str:
    return " ".join(map(t.describe, reasons))


def _text(cell: Cell, decimal_comma: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, float):
        number = f"{cell:.6g}" if abs(cell) < 1 else f"{cell:.3f}"
        return number.replace(".", ",") if decimal_comma else number
    if not isinstance(cell, str):
        return str(cell)
    # A spreadsheet runs a text that starts like a formula; the apostrophe keeps it a text.
    text = without_orders(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
