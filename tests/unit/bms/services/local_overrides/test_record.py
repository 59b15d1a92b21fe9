"""A new owner follows the people whom its predecessor has found at the building."""

from __future__ import annotations

from dataclasses import replace

from bms.journal import MemoryJournal
from bms.model.control.local_override import LOCAL
from bms.services.local_overrides.people import follow_people
from bms.services.local_overrides.record import follow_predecessor
from bms.store.memory.store import MemoryStore
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import CONSTANT, ENABLE, NOW, NULL, TICK, a_hand, hut


async def shown_by_another_home() -> MemoryStore:
    """A hand that another home has found, and shows in the database."""
    other, store = MemoryJournal(), MemoryStore()
    other.note([a_hand(ENABLE, 16.0)])
    bench = ControlBench()
    await follow_people(hut(), at=bench.clock.reading(), decisions=store, journal=other)
    (override,) = store.overrides("hut", NOW)
    assert override.actor == LOCAL
    return store


async def test_w08_a_hand_that_the_predecessor_found_is_followed_and_ends_when_it_is_gone() -> None:
    store = await shown_by_another_home()
    bench = ControlBench()
    bench.store = store
    follow_predecessor(hut(), now=NOW, decisions=store, journal=bench.journal, was_lost=True)
    (hand,) = bench.journal.local_overrides().values()
    assert (hand.point, hand.found, hand.ours, hand.visible) == (ENABLE, 16.0, 18.0, True)
    bench.plan()
    bench.device(ENABLE).held[ENABLE] = 16.0
    await bench.tick()
    assert bench.held()[ENABLE] == 16.0
    del bench.device(ENABLE).held[ENABLE]  # whoever it was has left
    await bench.tick(TICK)
    assert store.overrides("hut", bench.now) == []


def test_w02_what_an_owner_that_was_lost_has_written_is_no_hand_of_earlier_days() -> None:
    journal, store = MemoryJournal(), MemoryStore()
    journal.note([a_hand(CONSTANT, 3.0), replace(a_hand(NULL, 20.0), id="b")])
    follow_predecessor(hut(), now=NOW, decisions=store, journal=journal, was_lost=False)
    assert set(journal.local_overrides()) == {CONSTANT, NULL}
    follow_predecessor(hut(), now=NOW, decisions=store, journal=journal, was_lost=True)
    assert journal.local_overrides() == {}
