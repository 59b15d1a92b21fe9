"""Rules for the cooling of district heating water, from the ``cooling`` table of a tariff file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bms.model.planning.heat_charges import VAT, CoolingRule

CoolingRules = tuple[CoolingRule, ...]


def cooling_tables(raw: Mapping[str, Any] | None) -> dict[str, CoolingRules]:
    """The rules of every heat tariff, oldest first. Raises ValueError, KeyError or TypeError."""
    return {
        tariff: tuple(sorted((_rule(row) for row in rows), key=lambda rule: rule.first))
        for tariff, rows in (raw or {}).items()
    }


def rule_in_force(rules: Sequence[CoolingRule], day: date) -> CoolingRule | None:
    """The last rule that began on or before ``day``, before the first one the first, as with
    prices; None after its end, or where there is no rule."""
    begun = [rule for rule in rules if rule.first <= day]
    rule = begun[-1] if begun else next(iter(rules), None)
    return None if rule is None or (rule.end is not None and day >= rule.end) else rule


def _rule(raw: Mapping[str, Any]) -> CoolingRule:
    """Prices are written with VAT, as suppliers print them, or without."""
    unknown = set(raw) - _KNOWN
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
    )


_KNOWN = {"from", "to", "source", "below_k", "above_k", "malus", "bonus"} | {
    f"{name}_with_vat" for name in ("malus", "bonus")
}


def _price(raw: Mapping[str, Any], name: str) -> float:
    """[DKK/(K MWh)] without VAT; 0 where it is not named."""
    if f"{name}_with_vat" in raw:
        return float(raw[f"{name}_with_vat"]) / VAT
    return float(raw.get(name, 0.0))
