"""Facts in answers: code, parameters and the sentence in both languages."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from api.schemas.base import Answer, FactAnswer
from bms.model.fact import Fact, Moment, Term

COLD = Fact(
    "of_no_catalogue",
    {
        "zone": "Hall",
        "kh": 1.5,
        "quantity": Term("temperature"),
        "since": Moment(datetime(2026, 3, 1, 7, tzinfo=UTC)),
        "zones": ("Hall", "Gym"),
        "why": Fact("inner", {"count": 2}),
    },
)


class _Row(Answer):
    reasons: tuple[FactAnswer, ...]
    proposal: FactAnswer | None


def test_facts_are_accepted_where_an_answer_shows_them() -> None:
    row = _Row.model_validate({"reasons": (COLD,), "proposal": None})
    assert [each.code for each in row.reasons] == ["of_no_catalogue"]
    assert row.reasons[0].da == row.reasons[0].en == str(COLD)


def test_parameters_are_plain_json() -> None:
    answer = json.loads(
        _Row.model_validate({"reasons": (COLD,), "proposal": COLD}).model_dump_json()
    )
    assert answer["reasons"] == [answer["proposal"]]
    assert answer["proposal"]["parameters"] == {
        "zone": "Hall",
        "kh": 1.5,
        "quantity": {"term": "temperature"},
        "since": {"at": "2026-03-01T07:00:00Z"},
        "zones": ["Hall", "Gym"],
        "why": {"code": "inner", "parameters": {"count": 2}},
    }
