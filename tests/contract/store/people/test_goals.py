"""Budgets and targets that people set: what every store promises about them."""

from __future__ import annotations

from dataclasses import replace

from bms.model.assets.site import YearlyGoal
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.readings.units import Commodity
from tests.rigs.fakes.city import utc
from tests.rigs.fakes.ledger import a_goal
from tests.rigs.storage.stores import AnyStore

LESS = a_goal(
    goal=YearlyGoal(year=2019, commodity=Commodity.HEAT, budget=45_000.0),
    author="bo",
    reason="new windows",
    entered_at=utc(2019, 3, 1),
)


def test_each_goal_is_kept_with_its_author_in_the_order_of_entering(store: AnyStore) -> None:
    elsewhere = a_goal("barn", goal=YearlyGoal(year=2020, commodity=Commodity.WATER, target=80.5))
    for each in (a_goal(), elsewhere, LESS):
        store.set_goal(each)
    assert store.goals(["lodge"]) == [a_goal(), LESS]
    assert store.goals(["lodge", "barn"]) == [a_goal(), elsewhere, LESS]
    assert store.goals([]) == []


def test_w16_it_is_in_the_audit_and_in_the_evidence(store: AnyStore) -> None:
    store.set_goal(a_goal())
    store.set_goal(replace(LESS, goal=replace(LESS.goal, budget=None)))
    none, first = store.audit(AuditSearch(site="lodge"))
    assert (first.action, first.actor) == (Action.SET_GOAL, "eva")
    assert first.subject == "heat 2019: budget 50000, target 40000"
    assert (none.subject, none.reason) == ("heat 2019: none", "new windows")
    assert store.entry_of("lodge", EvidenceKind.GOAL, "1") is not None
    assert store.verify().flaws == ()


def test_the_names_of_people_go_and_the_goal_stays(store: AnyStore) -> None:
    store.set_goal(a_goal())
    day = utc(2022, 1, 1)
    store.prune(
        Pruning(
            site="lodge",
            kind=EvidenceKind.GOAL,
            part=Part.APART,
            before=day,
            actor="retention",
            at=day,
            reason="too old",
        )
    )
    (kept,) = store.goals(["lodge"])
    assert kept.goal == a_goal().goal
    assert "eva" not in kept.author
    assert store.verify().flaws == ()
