"""Charges for the highest power of a month or a year, from the ``peak`` table of a tariff file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bms.model.peak_charge import PeakCharge, PeakSpan
from bms.model.planning.heat_charges import VAT

PeakCharges = tuple[PeakCharge, ...]

_KNOWN = {"from", "to", "source", "span", "dkk_per_kw", "with_vat"}


def peak_tables(raw: Mapping[str, Any] | None) -> dict[str, PeakCharges]:
    """The charges of every tariff, oldest first. Raises ValueError, KeyError or TypeError."""
    return {
        tariff: tuple(sorted((_charge(row) for row in rows), key=lambda charge: charge.first))
        for tariff, rows in (raw or {}).items()
    }


def charge_in_force(charges: Sequence[PeakCharge], day: date) -> PeakCharge | None:
    """The last charge that began on or before ``day``, before the first one the first, as with
    prices; None after its end, or where there is none."""
    begun = [charge for charge in charges if charge.first <= day]
    charge = begun[-1] if begun else next(iter(charges), None)
    return None if charge is None or (charge.end is not None and day >= charge.end) else charge


def _charge(raw: Mapping[str, Any]) -> PeakCharge:
    """Prices are written with VAT, as suppliers print them, or without."""
    unknown = set(raw) - _KNOWN
    if unknown:
        raise ValueError(f"a peak charge has no {', '.join(sorted(unknown))}")
    return PeakCharge(
        first=raw["from"],
        end=raw.get("to"),
        dkk_per_kw=float(raw["dkk_per_kw"]) / (VAT if raw.get("with_vat") else 1.0),
        span=PeakSpan(raw["span"]),
        source=raw["source"],
    )
