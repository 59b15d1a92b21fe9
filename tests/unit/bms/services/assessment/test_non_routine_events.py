"""The ledger of non-routine events as people use it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.errors import ConfigError, NotFound
from bms.model.savings.event import Decision, EventKind, standing
from bms.model.savings.finding import FindingCode
from bms.model.savings.objection import Verdict
from bms.savings.claims.adjusted_savings import with_adjustment
from bms.savings.claims.aggregate import combine_meters
from bms.services.assessment.non_routine_events import AdjustmentQuantity, Ledger, open_events
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.ledger import (
    REPORTING,
    STEP_AT,
    a_finding,
    a_saving,
    an_event,
    with_open_step,
)

OPEN = "heat-step_change-2019-02-01"
LITTLE = AdjustmentQuantity(kwh=100.0, kwh_se=10.0)


def a_ledger(store: MemoryStore | None = None, **changes: object) -> Ledger:
    meter = with_open_step(**changes)  # type: ignore[arg-type]
    return Ledger(
        site=lodge(),
        savings=combine_meters("lodge", [meter, a_saving("lodge/el")]),
        author="bo",
        now=utc(2019, 4, 2, 9),
        ledgers=store or MemoryStore(),
    )


class TestOpenEvents:
    def test_an_open_event_has_a_name_that_a_person_can_type(self) -> None:
        (found,) = a_ledger().open()
        assert (found.id, found.meter, found.kind) == (OPEN, "lodge/heat", EventKind.STEP)

    def test_the_day_of_its_name_is_local(self) -> None:
        (found,) = a_ledger(start=utc(2019, 1, 31, 23, 30)).open()
        assert found.id == OPEN

    def test_two_of_a_kind_on_one_day_have_names_of_their_own(self) -> None:
        twice = a_saving(findings=(a_finding(), a_finding(kwh=90.0)))
        rows = open_events(lodge(), combine_meters("lodge", [twice]), [])
        assert [row.id for row in rows] == [OPEN, f"{OPEN}-2"]

    def test_other_findings_are_no_events(self) -> None:
        gap = replace(a_finding(), code=FindingCode.GAP)
        savings = combine_meters("lodge", [a_saving(findings=(gap,))])
        assert open_events(lodge(), savings, []) == ()


class TestConfirming:
    def test_the_quantity_is_the_proposed_one(self) -> None:
        ledger = a_ledger()
        entry = ledger.confirm(OPEN, reason="a new wing")
        assert (entry.kwh_adjustment, entry.kwh_se) == (180.0, 25.0)
        assert (entry.start, entry.end) == (STEP_AT, REPORTING.end)
        assert (entry.author, entry.entered_at) == ("bo", utc(2019, 4, 2, 9))
        assert (entry.reason, entry.decision) == ("a new wing", Decision.CONFIRMED)
        assert ledger.ledgers.events("lodge") == [entry]
        assert ledger.open() == ()

    def test_a_person_may_know_better(self) -> None:
        entry = a_ledger().confirm(OPEN, reason="measured", quantity=LITTLE)
        assert (entry.kwh_adjustment, entry.kwh_se) == (100.0, 10.0)

    def test_without_a_proposal_a_person_has_to(self) -> None:
        ledger = a_ledger(kwh=None)
        with pytest.raises(ConfigError, match=r"propose no quantity .* give what it made"):
            ledger.confirm(OPEN, reason="a new wing")
        assert ledger.ledgers.events("lodge") == []
        assert ledger.confirm(OPEN, reason="measured", quantity=LITTLE).kwh_adjustment == 100.0

    def test_what_is_not_open_is_named_with_what_is(self) -> None:
        with pytest.raises(NotFound, match=f"'heat-drift' is open at lodge; open are: {OPEN}"):
            a_ledger().confirm("heat-drift", reason="why not")

    def test_an_event_that_went_on_supersedes_its_own_entry(self) -> None:
        """Confirmed in March with what was known then; in June the event still goes on."""
        store = MemoryStore()
        store.add_event(an_event("e1", start=STEP_AT, end=utc(2019, 2, 20)))
        store.add_event(an_event("other", start=utc(2018, 2, 1), end=utc(2018, 3, 1)))
        ledger = a_ledger(store)
        assert [row.id for row in ledger.open()] == [OPEN]
        entry = ledger.confirm(OPEN, reason="it goes on")
        assert entry.supersedes == "e1"
        assert [row.id for row in standing(store.events("lodge"))] == ["other", entry.id]


class TestDismissing:
    def test_a_dismissal_adjusts_nothing_and_closes_the_event(self) -> None:
        ledger = a_ledger()
        entry = ledger.dismiss(OPEN, reason="our new windows")
        assert (entry.kwh_adjustment, entry.kwh_se) == (0.0, 0.0)
        assert entry.decision is Decision.DISMISSED
        assert ledger.open() == ()
        told = with_adjustment(with_open_step(), ledger.ledgers.events("lodge"))
        assert (told.verdict, told.saving_kwh) == (Verdict.VERIFIED, 1000.0)


class TestAdding:
    def test_what_the_data_do_not_show_is_entered_by_hand(self) -> None:
        ledger = a_ledger()
        entry = ledger.add(
            "el", utc(2019, 2, 1), utc(2019, 2, 8), quantity=LITTLE, reason="a fair in the hall"
        )
        assert (entry.meter, entry.kind) == ("lodge/el", EventKind.OTHER)
        assert ledger.ledgers.events("lodge") == [entry]

    def test_zero_takes_an_entry_back(self) -> None:
        ledger = a_ledger()
        first = ledger.add("el", STEP_AT, REPORTING.end, quantity=LITTLE, reason="a fair")
        nothing = AdjustmentQuantity(kwh=0.0, kwh_se=0.0)
        second = ledger.add(
            "el", STEP_AT, REPORTING.end, quantity=nothing, reason="no", supersedes=first.id
        )
        assert second.decision is Decision.DISMISSED
        assert standing(ledger.ledgers.events("lodge")) == (second,)

    @pytest.mark.parametrize("meter", ["hp", "gas"])
    def test_only_billed_meters_have_savings_to_adjust(self, meter: str) -> None:
        with pytest.raises(NotFound, match=f"no billed meter '{meter}' in lodge; .*heat, el"):
            a_ledger().add(meter, STEP_AT, REPORTING.end, quantity=LITTLE, reason="a fair")

    def test_a_period_ends_after_it_starts(self) -> None:
        with pytest.raises(ConfigError, match="before it starts"):
            a_ledger().add("el", REPORTING.end, STEP_AT, quantity=LITTLE, reason="a fair")

    def test_an_entry_that_is_not_there_cannot_be_superseded(self) -> None:
        ledger = a_ledger()
        with pytest.raises(NotFound, match="no entry 'e9' about lodge/el stands; there are: none"):
            ledger.add(
                "el", STEP_AT, REPORTING.end, quantity=LITTLE, reason="a fair", supersedes="e9"
            )

    def test_nor_one_that_was_superseded_already(self) -> None:
        ledger = a_ledger()
        first = ledger.add("el", STEP_AT, REPORTING.end, quantity=LITTLE, reason="a fair")
        again = {"quantity": LITTLE, "reason": "another look", "supersedes": first.id}
        second = ledger.add("el", STEP_AT, REPORTING.end, **again)
        with pytest.raises(ConfigError, match=f"there are: {second.id}"):
            ledger.add("el", STEP_AT, REPORTING.end, **again)
