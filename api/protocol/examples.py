"""An example of everything that is sent: bodies by the name of their schema, parameters by theirs.

They are of the site ``school``; a test sends each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

START, END = "2026-12-01T17:00:00+01:00", "2026-12-01T21:00:00+01:00"
REASON = "Parents' evening in the hall"

BODIES: Mapping[str, Mapping[str, Any]] = {
    "OverrideBody": {"point": "school/hall.setpoint", "until": END, "reason": REASON},
    "ModeBody": {"mode": "observe", "reason": "The heat exchanger is being replaced"},
    "ReleaseBody": {"site": "school", "reason": "The fire brigade asks for it"},
    "BookingBody": {
        "start": START,
        "end": END,
        "zone": "hall",
        "kind": "in_use",
        "people": 120,
        "reason": REASON,
    },
    "GoalBody": {
        "year": 2027,
        "commodity": "heat",
        "budget": 240000,
        "target": 225000,
        "reason": "The council's budget of 2027",
    },
    "EventBody": {
        "meter": "heat",
        "start": "2026-11-02T00:00:00+01:00",
        "end": "2026-11-04T00:00:00+01:00",
        "kind": "outage",
        "change_kwh": -850.0,
        "change_se_kwh": 100.0,
        "reason": "District heating was off for repairs",
    },
    "AcceptBody": {"reason": "The extension is heated since August"},
    "MeasureBody": {
        "site": "school",
        "kind": "other",
        "what": "LED lamps in the hall",
        "meters": ["el"],
        "start": "2026-08-10T00:00:00+02:00",
        "cost_dkk": 85000,
        "expected_share": 0.1,
    },
    "MeasureEndBody": {
        "end": "2026-11-01T00:00:00+01:00",
        "reason": "The lamps went to another building",
    },
    "AcknowledgeBody": {"reason": "I look at it on Tuesday"},
    "AssignBody": {"to": "Kari Holm", "reason": "She has the key to the plant room"},
    "SnoozeBody": {"until": "2026-12-14T08:00:00+01:00", "reason": "Parts are on their way"},
    "CloseBody": {"closing": "not_a_fault", "reason": "The gym is heated for a camp"},
    "AppliedBody": {
        "plan": "3f9c2a7b",
        "time": "2026-11-30T10:00:00+01:00",
        "values": [{"point": "school/hall.setpoint", "effective": 20.5}],
    },
    "ExportBody": {
        "kind": "savings",
        "scope": "all",
        "period": "2026-10",
        "format": "xlsx",
        "lang": "da",
    },
}
PARAMETERS: Mapping[str, str | int | float] = {
    "item_id": "w1",
    "measure_id": "9b74c989",
    "plan_id": "3f9c2a7b",
    "override_id": "5d41402a",
    "booking_id": "7d793037",
    "site": "school",
    "group": "school",
    "start": "2026-11-01T00:00:00+01:00",
    "end": "2026-11-02T00:00:00+01:00",
    "at": "2026-11-30T10:00:00+01:00",
    "since": "2026-11-01T00:00:00+01:00",
    "until": "2026-12-01T00:00:00+01:00",
    "year": 2026,
    "days": 14,
    "limit": 100,
    "rule": "cooling_low",
}
