"""How long leases last, and their ends, whatever becomes of the calendar (W11, W14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.clock import VirtualClock
from bms.config import Settings
from bms.model.control.lease import Lease
from tests.rigs.fakes.safety import LEASE, NOW, NULL, command, hut, lease_on

HELD = lease_on(hut(), command(NULL, 21.0))
SECOND = timedelta(seconds=1)

seconds = st.integers(0, 4_000).map(lambda s: timedelta(seconds=s))
steps = st.integers(-100_000, 100_000).map(lambda s: timedelta(seconds=s))
moves = st.lists(st.tuples(st.sampled_from(["runs", "is set"]), seconds, steps), max_size=8)


@pytest.mark.parametrize(("poll", "least"), [(3, 6), (15, 30), (60, 120)])
def test_a_lease_lasts_for_two_polls_at_least(poll: int, least: int) -> None:
    kept = Settings(poll_minutes=poll, lease_minutes=least)
    assert kept.lease == timedelta(minutes=least)
    with pytest.raises(ValueError, match="BMS_LEASE_MINUTES"):
        Settings(poll_minutes=poll, lease_minutes=least - 1)


def test_a_lease_ends_at_its_moment() -> None:
    clock = VirtualClock(NOW)
    clock.advance(LEASE - SECOND)
    assert not HELD.ended(clock.reading())
    clock.advance(SECOND)
    assert HELD.ended(clock.reading())
    assert HELD.ends == clock.elapsed()


@given(moves)
def test_w14_a_lease_lives_no_longer_than_it_was_made_for(moves) -> None:
    """It has ended as soon as either reading says so, and running time alone is enough."""
    clock, ran = VirtualClock(NOW), timedelta(0)
    for what, gone, step in moves:
        if what == "runs":
            clock.advance(gone)
            ran += gone
        else:
            clock.set_calendar(clock.now() + step)
        by_calendar = clock.now() >= HELD.lease_end
        assert HELD.ended(clock.reading()) is (by_calendar or ran >= LEASE)


@pytest.mark.parametrize("hours", [-24, -1, 0])
def test_w11_leases_of_an_earlier_boot_have_ended(hours: int) -> None:
    clock = VirtualClock(NOW)
    clock.reboot("second")
    clock.set_calendar(NOW + timedelta(hours=hours))
    assert HELD.ended(clock.reading())


def test_w11_a_count_that_began_anew_is_another_boot() -> None:
    """Where the kernel names no boot, or a virtual machine was put back to an earlier state."""
    clock = VirtualClock(NOW)
    clock.reboot(HELD.issued.boot)
    assert HELD.ended(clock.reading())


ANNOUNCED = replace(HELD, earlier=(22.0, 22.1))
"""21.0 may have been sent; 22.0, which the device made 22.1 of, was there before."""


@pytest.mark.parametrize(
    ("lease", "own", "standing"),
    [
        (ANNOUNCED, None, (21.0, 22.0, 22.1)),
        (ANNOUNCED, 21.0, (21.0,)),
        (ANNOUNCED, 21.3, (21.0,)),
        (ANNOUNCED, 22.1, (22.1,)),
        (ANNOUNCED.seen(21.5), 21.5, (21.0,)),
        (ANNOUNCED.seen(21.5), None, (21.0,)),
        (HELD, None, (21.0,)),
        (HELD, 19.0, (21.0,)),
    ],
)
def test_w03_what_was_announced_may_not_be_what_stands(
    lease: Lease, own: float | None, standing: tuple[float, ...]
) -> None:
    assert lease.standing(own) == standing
