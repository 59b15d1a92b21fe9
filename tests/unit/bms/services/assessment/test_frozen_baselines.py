"""Baselines that were used once do not move in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.objection import Verdict
from bms.savings.claims.aggregate import combine_meters
from bms.services.assessment.frozen_baselines import (
    BY_ITSELF,
    FIRST_USE,
    BaselineCode,
    accept_changed,
    compared_with_frozen,
    freeze_baselines,
)
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import utc
from tests.rigs.fakes.ledger import a_kept_baseline, a_saving
from tests.rigs.fakes.objections import reasons_for
from tests.rigs.sentences import danish, english

NOW = utc(2019, 4, 2)


def savings(**changes: object) -> SiteSavings:
    return combine_meters("lodge", [a_saving(**changes), a_saving("lodge/el", baseline_id="id-el")])


def test_a_baseline_is_put_away_when_it_is_first_used() -> None:
    store = MemoryStore()
    freeze_baselines(store, savings(), NOW)
    heat, el = store.baselines("lodge")
    assert (heat.baseline.id, el.baseline.id) == ("id-1", "id-el")
    assert (heat.at, heat.author, heat.reason) == (NOW, BY_ITSELF, FIRST_USE)
    assert heat.baseline.baseline_kwh == 16_000.0


def test_later_uses_leave_it_as_it_was() -> None:
    store = MemoryStore()
    freeze_baselines(store, savings(), NOW)
    freeze_baselines(store, savings(baseline_id="id-2"), utc(2019, 5, 1))
    assert [kept.baseline.id for kept in store.baselines("lodge")] == ["id-1", "id-el"]


def test_what_has_no_number_was_not_used() -> None:
    store = MemoryStore()
    freeze_baselines(store, combine_meters("lodge", [a_saving(saving_kwh=None)]), NOW)
    freeze_baselines(store, combine_meters("lodge", [a_saving(baseline_id=None)]), NOW)
    assert store.baselines("lodge") == []


def test_the_same_baseline_changes_nothing() -> None:
    told = savings()
    assert compared_with_frozen(told, [a_kept_baseline()]) is told
    assert compared_with_frozen(told, []) is told


def test_changed_data_are_told_and_prove_nothing() -> None:
    told = savings(baseline_id="id-2", baseline_kwh=17_500.0)
    assert told.verdict is Verdict.VERIFIED
    held = compared_with_frozen(told, [a_kept_baseline()])
    heat, el = held.meters
    assert (heat.verdict, el.verdict) == (Verdict.INDICATIVE, Verdict.VERIFIED)
    assert held.verdict is Verdict.INDICATIVE
    assert held.saving_kwh == told.saving_kwh
    (changed,) = [each for each in held.reasons if each.code == BaselineCode.CHANGED]
    said = english(changed)
    assert "The data of the baseline changed since lodge/heat was assessed on 2019-04-02" in said
    assert "16,000 kWh then and is 17,500 kWh now" in said
    assert "16.000 kWh dengang og er 17.500 kWh nu" in danish(changed)


def test_another_method_is_told_as_such() -> None:
    kept = a_kept_baseline()
    kept = replace(kept, baseline=replace(kept.baseline, settings={"method": "1"}))
    held = compared_with_frozen(savings(baseline_id="id-2"), [kept])
    assert "The method or settings of the baseline changed" in english(held.reasons[-1])


@pytest.mark.parametrize("verdict", [Verdict.INDICATIVE, Verdict.NOT_CLAIMABLE])
def test_a_weak_verdict_is_never_made_stronger(verdict: Verdict) -> None:
    told = replace(savings(baseline_id="id-2"), reasons=reasons_for(verdict))
    assert compared_with_frozen(told, [a_kept_baseline()]).verdict is verdict


def test_another_period_is_another_baseline() -> None:
    kept = a_kept_baseline()
    period = replace(kept.baseline.period, start=utc(2017, 1, 1))
    kept = replace(kept, baseline=replace(kept.baseline, period=period))
    told = savings(baseline_id="id-2")
    assert compared_with_frozen(told, [kept]) is told


def test_a_person_accepts_what_stands_now() -> None:
    store = MemoryStore()
    freeze_baselines(store, savings(), NOW)
    later = savings(baseline_id="id-2")
    made = accept_changed(store, later, author="bo", reason="late readings", now=utc(2019, 5, 1))
    assert [(kept.baseline.id, kept.author, kept.reason) for kept in made] == [
        ("id-2", "bo", "late readings")
    ]
    assert compared_with_frozen(later, store.baselines("lodge")) is later
    assert accept_changed(store, later, author="bo", reason="again", now=utc(2019, 5, 2)) == ()
