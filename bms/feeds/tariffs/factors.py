"""Primary energy and emission factors, and normal years, from ``data/factors.yaml``: dated, each
with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bms.errors import ConfigError
from bms.model.yaml_data import read_yaml_file
from bms.savings.models.normal_year import MONTHS, NormalDegreeDays
from bms.savings.portfolio.primary_energy import Factor, Factors

DANISH_NORMAL_YEAR = "danish_3112"
DATA = Path(__file__).parents[1] / "data" / "factors.yaml"


@dataclass(frozen=True, slots=True)
class FactorBook:
    """Primary energy and emission factors, and monthly degree days of normal years by name."""

    factors: Factors
    normal_years: Mapping[str, NormalDegreeDays]


def load_factors(path: Path = DATA) -> FactorBook:
    """Returns the factors of a file. Raises ``ConfigError`` when it cannot be parsed."""
    try:
        raw = read_yaml_file(path)
        return FactorBook(
            Factors(_tables(raw["primary_energy"]), _tables(raw["emissions"])),
            {name: _normal(name, row) for name, row in raw["normal_years"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"factor file {path}: {error!r}") from error


def _tables(raw: Mapping[str, Any]) -> dict[str, Sequence[Factor]]:
    return {name: tuple(_row(row) for row in rows) for name, rows in raw.items()}


def _row(raw: Mapping[str, Any]) -> Factor:
    value, first, end = float(raw["value"]), raw["from"], raw.get("to")
    if not value >= 0 or not isinstance(first, date) or not isinstance(end, date | None):
        raise ValueError(f"{dict(raw)} needs a value of 0 or more, and days for from and to")
    return Factor(first=first, end=end, value=value, basis=raw["basis"], source=raw["source"])


def _normal(name: str, raw: Mapping[str, Any]) -> NormalDegreeDays:
    months = tuple(float(value) for value in raw["months"])
    if len(months) != MONTHS or min(months) < 0:
        raise ValueError(f"normal year {name} needs twelve months of 0 or more")
    return NormalDegreeDays(name, months, raw["source"])
