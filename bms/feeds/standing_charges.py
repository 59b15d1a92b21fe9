"""What a year of district heating costs before any heat is used: by meter, by area, by capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bms.errors import ConfigError
from bms.model.planning.heat_charges import VAT


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingCharge:
    """Without VAT, in force from local day ``first`` until the next one.

    ``fixed_dkk`` [DKK/year] by class of the meter, ``per_m2_dkk`` [DKK/(m2 year)] of the area in
    the register of buildings (BBR), ``per_kw_dkk`` [DKK/(kW year)] of the subscribed capacity.
    """

    first: date
    fixed_dkk: Mapping[str, float]
    per_m2_dkk: float
    per_kw_dkk: float
    source: str

    def year_dkk(self, meter_class: str, area_m2: float, capacity_kw: float = 0.0) -> float:
        """Cost of a whole year [DKK]. Raises ``ConfigError`` for an unknown class of meter."""
        if meter_class not in self.fixed_dkk:
            known = ", ".join(sorted(self.fixed_dkk))
            raise ConfigError(f"unknown class of heat meter {meter_class!r}; known: {known}")
        by_size = self.per_m2_dkk * area_m2 + self.per_kw_dkk * capacity_kw
        return self.fixed_dkk[meter_class] + by_size


def standing_tables(raw: Mapping[str, Any] | None) -> dict[str, tuple[StandingCharge, ...]]:
    """The charges of every heat tariff, oldest first. Raises ValueError, KeyError or TypeError."""
    return {
        tariff: tuple(sorted((_charge(row) for row in rows), key=lambda charge: charge.first))
        for tariff, rows in (raw or {}).items()
    }


def _charge(raw: Mapping[str, Any]) -> StandingCharge:
    """Prices are written with VAT, as suppliers print them, or without."""
    unknown = set(raw) - {"from", "source", "with_vat", "fixed", "per_m2", "per_kw"}
    if unknown:
        raise ValueError(f"a standing charge has no {', '.join(sorted(unknown))}")
    vat = VAT if raw.get("with_vat") else 1.0
    prices = {name: float(price) / vat for name, price in raw["fixed"].items()}
    per_m2, per_kw = (float(raw.get(name, 0.0)) / vat for name in ("per_m2", "per_kw"))
    if min([per_m2, per_kw, *prices.values()]) < 0:
        raise ValueError(f"the standing charge of {raw['from']} has a negative price")
    return StandingCharge(
        first=raw["from"],
        fixed_dkk=prices,
        per_m2_dkk=per_m2,
        per_kw_dkk=per_kw,
        source=raw["source"],
    )
