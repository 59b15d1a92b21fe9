"""What a backend tells of its portfolio, with a field of a version that is not there yet."""

from __future__ import annotations

import json
from typing import Any

SAVINGS = "/v1/portfolio/savings"
CONSUMPTION = "/v1/portfolio/consumption"
A_MONTH = {
    "month": "2018-10-01",
    "days": 31,
    "adjusted_baseline_kwh": 105.0,
    "measured_kwh": 100.0,
    "saving_kwh": 5.0,
    "saving_low_kwh": 1.0,
    "saving_high_kwh": 9.0,
    "to_date_kwh": 5.0,
}


def a_saving(name: str, kwh: float) -> dict[str, Any]:
    return {
        "id": name,
        "adjusted_baseline_kwh": 1000.0 + kwh,
        "measured_kwh": 1000.0,
        "saving_kwh": kwh,
        "saving_low_kwh": kwh - 10.0,
        "saving_high_kwh": kwh + 10.0,
        "confidence": 0.9,
        "verdict": "verified",
        "cost_dkk": 2.0 * kwh,
        "co2_kg": None,
        "months": [A_MONTH],
        "a_field_of_tomorrow": 1,
    }


def a_page(*names: str, after: str | None = None) -> bytes:
    sites = [{"site": name, "savings": a_saving(name, 50.0)} for name in names]
    page = {"portfolio": a_saving("portfolio", 100.0), "sites": sites, "next": after}
    return json.dumps(page).encode()


def a_year(heat: float | None, *, year: int = 2018, co2_kg: float | None = 7.0) -> bytes:
    """The consumption of a year, as a backend tells it of all of its buildings together."""
    total = {
        "commodity": "heat",
        "unit": "kWh",
        "buildings": 2,
        "area_m2": 300.0,
        "use": heat,
        "co2_kg": co2_kg,
        "a_field_of_tomorrow": 1,
    }
    together = {"use": None, "buildings": 2, "totals": [total]}
    told = {"year": year, "until": f"{year}-11-01", "together": together, "sites": [], "next": None}
    return json.dumps(told).encode()
