"""A finding can be stored and read again, whatever is not known of it."""

from __future__ import annotations

from datetime import UTC, datetime

from bms.model.codec import from_json, to_json
from bms.model.fact import Fact
from bms.model.work.finding import (
    CannotRun,
    Evidence,
    EvidenceSeries,
    Finding,
    Price,
    RuleId,
    Severity,
)

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC)
LINE = EvidenceSeries(name="heat", unit="kW", start=START, step_s=3600, values=(1.0, None))
FOUND = Finding(
    rule=RuleId("DH-1"),
    site_id="school",
    subject="heat",
    start=START,
    end=END,
    severity=Severity.MEDIUM,
    evidence=Evidence(start=START, end=END, values=(Fact("x", {"k": 3.0}),), series=(LINE,)),
    price=Price(kwh_year=None, dkk_year=1200.0, dkk_low=800.0, dkk_high=1600.0),
    fact=Fact("poor", {"cooling": 21.0}),
    look_for=Fact("bypass"),
)


def test_a_finding_survives_storage() -> None:
    assert from_json(Finding, to_json(FOUND)) == FOUND


def test_a_refusal_survives_storage() -> None:
    refusal = CannotRun(rule=RuleId("DH-1"), site_id="a", subject="b", reason=Fact("thin"))
    assert from_json(CannotRun, to_json(refusal)) == refusal


def test_one_fault_has_one_key() -> None:
    assert FOUND.key == ("school", "heat", "DH-1")


def test_severities_are_ranked() -> None:
    assert [each.rank for each in Severity] == [0, 1, 2, 3]
