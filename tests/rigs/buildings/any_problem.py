"""The one builder of problems: every test's question to the planner is made with it."""

from __future__ import annotations

from datetime import UTC, datetime

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.planning.problem import Problem, Weather

MONDAY = datetime(2019, 1, 14, tzinfo=UTC)
DISTRICT_HEAT = HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=80.0)


def a_problem(steps: int = 0, **fields: object) -> Problem:
    """A district-heated building in Denmark without zones, at flat prices over ``steps`` quarters;
    any field of ``Problem`` instead."""
    chosen: dict[str, object] = {
        "site": "toy",
        "start": MONDAY,
        "step_s": 900,
        "timezone": "Europe/Copenhagen",
        "latitude": 56.2,
        "longitude": 10.2,
        "weather": Weather(temp_out_c=(5.0,) * steps, ghi_wm2=(0.0,) * steps),
        "electricity_dkk_per_kwh": (1.4,) * steps,
        "heat_dkk_per_kwh": (0.65,) * steps,
        "electricity_kg_per_kwh": (0.1,) * steps,
        "heat_kg_per_kwh": (0.045,) * steps,
        "zones": (),
        "heat_source": DISTRICT_HEAT,
    }
    return Problem(**{**chosen, **fields})  # type: ignore[arg-type]
