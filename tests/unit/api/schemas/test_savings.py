"""Answers about savings that are encoded once say what they would say if they were made anew."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api.schemas.base import FreshnessAnswer
from api.schemas.savings import EncodedSavings, PortfolioAnswer, SavingsAnswer
from bms.model.savings.objection import ObjectionKind, Verdict, objection
from bms.savings.claims.aggregate import combine_meters
from bms.services.assessment.savings_cache import (
    AssessmentCode,
    SiteAssessment,
    portfolio_sum,
)
from bms.services.periods import default_periods

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ZONE = "Europe/Copenhagen"
FRESH = FreshnessAnswer(made_at=NOW, buildings=2, newer_under_way=0, not_made_yet=0)


def assessed(name: str) -> SiteAssessment:
    why = objection(AssessmentCode.NOT_MADE, ObjectionKind.DATA, Verdict.NOT_CLAIMABLE)
    savings = replace(combine_meters(name, ()), reasons=(why,))
    periods = default_periods(None, NOW, ZONE)
    return SiteAssessment(periods=periods, savings=savings, made_at=NOW, edition=1)


def test_the_whole_is_what_the_schema_says() -> None:
    rows = [assessed("school"), assessed("hall")]
    total = portfolio_sum([row.savings for row in rows])
    encoded = EncodedSavings()
    for _ in range(2):
        told = [encoded.row(row, ZONE) for row in rows]
        text = encoded.portfolio(total, FRESH, told, "hall")
        answer = PortfolioAnswer.model_validate_json(text)
        assert json.loads(answer.model_dump_json()) == json.loads(text)
        assert [row.site for row in answer.sites] == ["school", "hall"]
        assert answer.next == "hall"
    assert json.loads(told[0]) == json.loads(SavingsAnswer.of(rows[0], ZONE).model_dump_json())


@pytest.mark.parametrize(
    "changes", [{"edition": 2}, {"newer_under_way": True}, {"made_at": NOW.replace(hour=2)}]
)
def test_an_answer_that_was_made_anew_is_encoded_anew(changes: dict[str, object]) -> None:
    encoded, first = EncodedSavings(), assessed("school")
    known = encoded.row(first, ZONE)
    assert encoded.row(first, ZONE) is known
    later = replace(first, **changes)
    expected = SavingsAnswer.of(later, ZONE).model_dump_json()
    assert encoded.row(later, ZONE) == expected
    assert encoded.row(first, "America/New_York") is not known


def test_a_sum_of_others_is_another_one() -> None:
    encoded = EncodedSavings()
    one, two = (portfolio_sum([assessed(name).savings]) for name in ("school", "hall"))
    told = [json.loads(encoded.portfolio(each, FRESH, (), None)) for each in (one, two)]
    assert [answer["next"] for answer in told] == [None, None]
    assert all(answer["sites"] == [] for answer in told)


def test_only_so_many_are_remembered() -> None:
    encoded = EncodedSavings(most=1)
    first = encoded.row(assessed("school"), ZONE)
    encoded.row(assessed("hall"), ZONE)
    again = encoded.row(assessed("school"), ZONE)
    assert again == first
    assert again is not first
