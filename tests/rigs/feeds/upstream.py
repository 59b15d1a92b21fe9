"""What a backend tells of its portfolio, with a field of a version that is not there yet."""

from __future__ import annotations

import json
from typing import Any

SAVINGS = "/v1/portfolio/savings"
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
