"""The columns that tables of reports are made of, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from bms.model.reporting.table import Cell, CellKind, Column, ReportTable, Row

Record = Mapping[str, Cell]
"""The cells of a row by the code of their column; what is left out is not known."""

_TEXTS = (
    *("building", "meter_id", "meter_number", "model"),
    *("measure", "what", "behind", "point", "source", "unit", "address", "energy_label"),
)
_TERMS = {
    "level": "level",
    "method": "method",
    "commodity": "commodity",
    "verdict": "verdict",
    "use_of_building": "use",
    "state": "state",
    "flaw": "flaw",
    "direction": "direction",
    "measure_kind": "kind",
    "metric": "metric",
    "peers": "peers",
}
"""Families of terms by their column."""
_DAYS = (
    *("baseline_start", "baseline_end", "reporting_start", "reporting_end", "month", "day"),
    *("since", "until"),
)
_MOMENTS = ("start", "end", "last_reading", "exchanged_at")
_KWH = (
    *("baseline_kwh", "adjusted_baseline_kwh", "measured_kwh", "saving_kwh", "saving_low_kwh"),
    *("saving_high_kwh", "to_date_kwh", "to_date_low_kwh", "to_date_high_kwh", "expected_kwh"),
    *("at_median_kwh", "primary_kwh"),
)
_SHARES = ("coverage", "cv_rmse", "nmbe", "r2", "rho", "drift", "confidence", "change")
_COUNTS = (
    *("n", "rank", "of", "quartile", "days", "of_days", "without_value"),
    *("estimated", "flaws", "interval_s"),
)
_YES_NO = ("billed",)
_NUMBERS = {
    "cost_dkk": "DKK",
    "co2_kg": "kg",
    "use": "",
    "use_before": "",
    "use_cost_dkk": "DKK",
    "use_co2_kg": "kg",
    "budget": "",
    "target": "",
    "normal_use": "",
    "cooling_k": "K",
    "energy_mwh": "MWh",
    "fee_year_dkk": "DKK",
    "fee_dkk": "DKK",
    "area_m2": "m2",
    "hours": "h",
    "missing_h": "h",
    "silent_h": "h",
    "value": "",
    "median": "",
    "distance": "",
    "at_median_dkk": "DKK",
    "multiplier": "1",
    "register_max": "",
    "max_kw": "kW",
    "final": "",
    "first_register": "",
    "kwh_m2": "kWh/m2",
}


_FINE = ("value", "median", "distance")
"""Numbers of any size."""
_FACTS = ("reasons", "notes")


def _columns() -> Iterator[Column]:
    for kind, codes in (
        (CellKind.TEXT, _TEXTS),
        (CellKind.DAY, _DAYS),
        (CellKind.MOMENT, _MOMENTS),
        (CellKind.COUNT, _COUNTS),
        (CellKind.YES_NO, _YES_NO),
        (CellKind.FACTS, _FACTS),
    ):
        yield from (Column(code, kind) for code in codes)
    yield Column("building_name", CellKind.NAME)
    yield from (Column(code, CellKind.TERM, family=each) for code, each in _TERMS.items())
    yield Column("flags", CellKind.TERMS, family="flaw")
    yield from (Column(code, CellKind.NUMBER, "kWh", 3) for code in _KWH)
    yield from (Column(code, CellKind.SHARE, "1", 6) for code in _SHARES)
    for code, unit in _NUMBERS.items():
        yield Column(code, CellKind.NUMBER, unit, 6 if code in _FINE else 3)


COLUMNS: Mapping[str, Column] = {column.code: column for column in _columns()}
"""Every column by its code."""


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of a table, made of records each time that they are read."""

    columns: tuple[Column, ...]
    records: Iterable[Record]

    def __iter__(self) -> Iterator[Row]:
        for record in self.records:
            yield tuple(rounded(column, record.get(column.code)) for column in self.columns)


def rounded(column: Column, cell: Cell) -> Cell:
    """The cell as every form of a report has it: numbers rounded, what is no number not known."""
    if column.kind not in (CellKind.NUMBER, CellKind.SHARE) or cell is None:
        return cell
    number = float(cell)  # type: ignore[arg-type]  # a number by the kind of its column
    return round(number, column.decimals) + 0.0 if isfinite(number) else None


def table_of(
    code: str,
    columns: Iterable[str],
    records: Iterable[Record],
    *,
    printed: tuple[str, ...] = (),
    most_printed: int | None = None,
    apart: bool = False,
) -> ReportTable:
    """A table of these columns; ``printed`` are those that paper has room for. ``records`` that
    are no collection have to begin anew each time that they are iterated over."""
    chosen = tuple(COLUMNS[name] for name in columns)
    return ReportTable(
        code=code,
        columns=chosen,
        rows=Records(chosen, records),
        printed=printed,
        most_printed=most_printed,
        apart=apart,
    )
