"""Charges of tariff files beside the energy price: cooling, peak power and standing charges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeVar

from bms.errors import ConfigError
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.heat_charges import VAT, PeakCharge, PeakSpan

CoolingRules = tuple[CoolingRule, ...]


def cooling_tables(raw: Mapping[str, Any] | None) -> dict[str, CoolingRules]:
    """Returns the cooling rules by tariff, oldest first. Raises ValueError, KeyError, TypeError."""
    return {
        tariff: tuple(sorted((_rule(row) for row in rows), key=lambda rule: rule.first))
        for tariff, rows in (raw or {}).items()
    }


class DatedCharge(Protocol):
    """A charge in force from local day ``first`` until ``end`` (exclusive), if any."""

    @property
    def first(self) -> date: ...
    @property
    def end(self) -> date | None: ...


D = TypeVar("D", bound=DatedCharge)


def in_force(rows: Sequence[D], day: date) -> D | None:
    """Returns the last row that began on or before ``day``, before the first one the first, as with
    prices; None after its end, or where there is none."""
    begun = [row for row in rows if row.first <= day]
    row = begun[-1] if begun else next(iter(rows), None)
    return None if row is None or (row.end is not None and day >= row.end) else row


def _rule(raw: Mapping[str, Any]) -> CoolingRule:
    """Returns a charge without VAT; the file may state prices with it, as suppliers print them."""
    unknown = set(raw) - _COOLING_FIELDS
    if unknown:
        raise ValueError(f"a cooling rule has no {', '.join(sorted(unknown))}")
    return CoolingRule(
        first=raw["from"],
        end=raw.get("to"),
        below_k=float(raw["below_k"]),
        malus_dkk_per_k_mwh=_price(raw, "malus"),
        above_k=None if "above_k" not in raw else float(raw["above_k"]),
        bonus_dkk_per_k_mwh=_price(raw, "bonus"),
        source=raw["source"],
        source_da=raw.get("source_da"),
    )


_COOLING_FIELDS = {"from", "to", "source", "source_da", "below_k", "above_k", "malus", "bonus"} | {
    f"{name}_with_vat" for name in ("malus", "bonus")
}


def _price(raw: Mapping[str, Any], name: str) -> float:
    """Returns a price [DKK/(K MWh)] without VAT; 0 where it is not given."""
    if f"{name}_with_vat" in raw:
        return float(raw[f"{name}_with_vat"]) / VAT
    return float(raw.get(name, 0.0))


PeakCharges = tuple[PeakCharge, ...]

_PEAK_FIELDS = {"from", "to", "source", "span", "dkk_per_kw", "with_vat"}


def peak_tables(raw: Mapping[str, Any] | None) -> dict[str, PeakCharges]:
    """Returns the charges by tariff, oldest first. Raises ValueError, KeyError or TypeError."""
    return {
        tariff: tuple(sorted((_peak_charge(row) for row in rows), key=lambda charge: charge.first))
        for tariff, rows in (raw or {}).items()
    }


def _peak_charge(raw: Mapping[str, Any]) -> PeakCharge:
    """Returns a charge without VAT; the file may state prices with it, as suppliers print them."""
    unknown = set(raw) - _PEAK_FIELDS
    if unknown:
        raise ValueError(f"a peak charge has no {', '.join(sorted(unknown))}")
    return PeakCharge(
        first=raw["from"],
        end=raw.get("to"),
        dkk_per_kw=float(raw["dkk_per_kw"]) / (VAT if raw.get("with_vat") else 1.0),
        span=PeakSpan(raw["span"]),
        source=raw["source"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingCharge:
    """A charge without VAT, in force from local day ``first`` until the next one.

    ``fixed_dkk`` [DKK/year] by class of the meter, ``per_m2_dkk`` [DKK/(m2 year)] of the area in
    the register of buildings (BBR), ``per_kw_dkk`` [DKK/(kW year)] of the subscribed capacity.
    """

    first: date
    fixed_dkk: Mapping[str, float]
    per_m2_dkk: float
    per_kw_dkk: float
    source: str

    def year_dkk(self, meter_class: str, area_m2: float, capacity_kw: float = 0.0) -> float:
        """Returns the cost of a year [DKK]. Raises ``ConfigError`` for an unknown meter class."""
        if meter_class not in self.fixed_dkk:
            known = ", ".join(sorted(self.fixed_dkk))
            raise ConfigError(f"unknown class of heat meter {meter_class!r}; known: {known}")
        by_size = self.per_m2_dkk * area_m2 + self.per_kw_dkk * capacity_kw
        return self.fixed_dkk[meter_class] + by_size


def standing_tables(raw: Mapping[str, Any] | None) -> dict[str, tuple[StandingCharge, ...]]:
    """Returns the charges by heat tariff, oldest first. Raises ValueError, KeyError, TypeError."""
    return {
        tariff: tuple(
            sorted((_standing_charge(row) for row in rows), key=lambda charge: charge.first)
        )
        for tariff, rows in (raw or {}).items()
    }


def _standing_charge(raw: Mapping[str, Any]) -> StandingCharge:
    """Returns a charge without VAT; the file may state prices with it, as suppliers print them."""
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
