"""What people said is taken out of JSON and put back, and nothing else is touched."""

from __future__ import annotations

import json

from bms.store.personal_text import put_together, taken_apart

RECEIPT = {
    "command": {"id": "c1", "value": 1.0, "reason": "Ida is cold", "actor": "ida", "plan": None},
    "by": {"code": "held_by_person", "parameters": {"name": "ida"}},
}
PLANNED = {
    "command": {
        "reason": {"code": "by_plan", "parameters": {"plan": "p1"}},
        "actor": "plan",
        "name": "no person",
    },
    "notes": [{"code": "zone_cold", "parameters": {"name": "hall", "by": 2.5}}],
}


def test_texts_of_people_stand_apart_and_come_back() -> None:
    whole = json.dumps(RECEIPT)
    body, texts = taken_apart(whole)
    assert texts is not None
    assert "ida" not in body.lower()
    assert json.loads(put_together(body, texts)) == RECEIPT
    assert json.loads(put_together(body, ""))["command"]["actor"] == ""


def test_what_no_person_said_stays() -> None:
    whole = json.dumps(PLANNED)
    assert taken_apart(whole) == (whole, None)
    assert put_together(whole, None) == whole


def test_what_stands_apart_fills_gaps_and_changes_nothing_else() -> None:
    body, _ = taken_apart(json.dumps(RECEIPT))
    forged = json.dumps([[["command", "id"], "c9"], [["command", "actor"], "ida"]])
    found = json.loads(put_together(body, forged))
    assert (found["command"]["id"], found["command"]["actor"]) == ("c1", "ida")
