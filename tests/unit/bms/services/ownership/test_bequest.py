"""What an heir has to know, by clocks that are apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bms.clock import VirtualClock
from bms.errors import GuardError
from bms.journal import FileJournal, MemoryJournal
from bms.services.ownership.bequest import (
    bequest_of,
    close_bequest,
    is_whole,
    open_bequest,
    stands,
    take_over,
    written,
)
from tests.rigs.fakes.safety import CONSTANT, LEASE, NOW, NULL, a_hand, command, hut, lease_on

TEN = timedelta(minutes=10)


def two_journals(apart: timedelta) -> tuple[MemoryJournal, VirtualClock, VirtualClock]:
    """A journal with a lease that was issued ten minutes ago, its clock, and that of the heir."""
    old, clock = MemoryJournal(), VirtualClock(NOW)
    old.intend([lease_on(hut(), replace(command(NULL, 21.0), moved_at=NOW))])
    old.note([a_hand(CONSTANT, 3.0)])
    clock.advance(TEN)
    heir = VirtualClock(NOW + TEN + apart)
    heir.reboot("the heir's")
    return old, clock, heir


def test_w02_a_lease_is_as_long_by_the_clocks_of_the_heir() -> None:
    apart = timedelta(hours=3)
    old, clock, heir = two_journals(apart)
    text = written(bequest_of("hut", clock.reading(), old))
    new = MemoryJournal()
    heir.advance(timedelta(0))
    open_bequest(text, heir.reading(), new)
    lease = new.leases()[NULL]
    assert lease.command.value == 21.0
    assert lease.lease_end == NOW + LEASE + apart
    assert lease.command.moved_at == NOW + apart
    assert not lease.ended(heir.reading())
    heir.advance(LEASE - TEN)
    assert lease.ended(heir.reading())
    heir.set_calendar(NOW)
    assert lease.ended(heir.reading())  # by running time, too
    assert new.local_overrides() == old.local_overrides()


def test_w02_a_lease_that_was_renewed_without_a_write_goes_over_as_well() -> None:
    old, clock, heir = two_journals(timedelta(0))
    held = old.leases()[NULL]
    again = replace(held, command=replace(held.command, id="again"), renews=held.command_id)
    assert not old.intend([again])
    new = MemoryJournal()
    opened = open_bequest(written(bequest_of("hut", clock.reading(), old)), heir.reading(), new)
    assert new.leases()[NULL].values == (21.0,)
    close_bequest(bequest_of("hut", clock.reading(), old), old)
    take_over(opened, new)
    assert is_whole(new.leases()[NULL], heir.reading())


def test_w02_what_the_heirs_guard_is_giving_back_is_not_opened(tmp_path: Path) -> None:
    old, clock, heir = two_journals(timedelta(0))
    text = written(bequest_of("hut", clock.reading(), old))
    new = FileJournal(tmp_path / "journal")
    with FileJournal(tmp_path / "journal").returning(NULL), pytest.raises(GuardError):
        open_bequest(text, heir.reading(), new)
    assert new.leases() == {}
    open_bequest(text, heir.reading(), new)
    assert set(new.leases()) == {NULL}


def test_w12_what_the_heir_still_owes_there_stays_in_its_journal() -> None:
    """Its guards have not given back what it wrote before it lost the site."""
    heir, clock = MemoryJournal(), VirtualClock(NOW)
    heir.intend([lease_on(hut(), command(NULL, 21.0))])
    given = bequest_of("hut", clock.reading(), MemoryJournal())
    open_bequest(written(given), clock.reading(), heir)
    assert set(heir.leases()) == {NULL}


def test_w02_what_was_opened_beforehand_is_only_offered_until_the_site_is_the_heirs() -> None:
    old, clock, heir = two_journals(timedelta(0))
    new = MemoryJournal()
    opened = open_bequest(written(bequest_of("hut", clock.reading(), old)), heir.reading(), new)
    assert [lease.offered for lease in new.leases().values()] == [True]
    take_over(opened, new)
    [lease] = new.leases().values()
    assert not lease.offered
    assert not lease.returning


def test_w02_a_site_that_comes_back_is_opened_again() -> None:
    old, clock, heir = two_journals(timedelta(0))
    given = bequest_of("hut", clock.reading(), old)
    new = MemoryJournal()
    open_bequest(written(given), heir.reading(), new)
    close_bequest(given, old)
    assert old.leases() == {}
    back = bequest_of("hut", heir.reading(), new)
    open_bequest(written(back), clock.reading(), old)
    assert old.leases()[NULL].values == (21.0,)


def test_w02_what_the_heir_knew_from_earlier_days_is_forgotten() -> None:
    old, clock, heir = two_journals(timedelta(0))
    new = MemoryJournal()
    new.note([replace(a_hand(NULL, 19.5), id="of last week")])
    new.intend([lease_on(hut(), command(CONSTANT, 1.0, command_id="of last week"))])
    open_bequest(written(bequest_of("hut", clock.reading(), old)), heir.reading(), new)
    assert set(new.local_overrides()) == {CONSTANT}
    assert set(new.leases()) == {NULL}


def test_w02_what_the_guard_has_given_back_meanwhile_is_not_handed_over() -> None:
    old, clock, _ = two_journals(timedelta(0))
    bequest = bequest_of("hut", clock.reading(), old)
    assert stands(bequest, clock.reading(), old)
    close_bequest(bequest, old)
    assert not stands(bequest, clock.reading(), old)


def test_what_is_on_the_way_or_being_given_back_cannot_be_taken_over() -> None:
    lease, at = lease_on(hut(), command(NULL, 21.0)), VirtualClock(NOW).reading()
    assert is_whole(lease, at)
    for change in ({"writer": "w"}, {"withdrawn": True}, {"returning": True}):
        assert not is_whole(replace(lease, **change), at)
