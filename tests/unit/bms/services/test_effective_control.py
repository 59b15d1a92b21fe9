"""What counts as control: the value that acts is ours, as a receipt shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.model.control.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.reasons import Holder, ReceiptReason
from bms.model.fact import fact
from bms.services.effective_control import controlled_points, effective_commands, unconfirmed_points
from tests.rigs.fakes.safety import ENABLE, LEASE, LEVERS, NOW, NULL, TICK, command, hut

WHY = fact(Holder.LOCAL)
COMMAND = command(NULL, 21.0)


def test_w15_what_was_read_back_is_controlled_while_its_lease_runs() -> None:
    receipts = [(NOW, Accepted(COMMAND, 21.0))]
    assert controlled_points(receipts, NOW) == {NULL}
    assert controlled_points(receipts, NOW + LEASE) == frozenset()
    assert controlled_points(receipts, NOW - TICK) == frozenset()


@pytest.mark.parametrize(
    "after",
    [
        Overridden(COMMAND, 8, 22.0, WHY),
        Overridden(COMMAND, None, 22.0, WHY, at_device=False),
        Failed(COMMAND, fact(ReceiptReason.READS_BACK, wrote=21.0, seen=19.0), False),
        Released(NULL, 19.0),
        StillHeld(NULL, WHY),
    ],
)
def test_w15_whatever_else_acts_at_the_point_ends_control(after) -> None:
    receipts = [(NOW, Accepted(COMMAND, 21.0)), (NOW + TICK, after)]
    assert controlled_points(receipts, NOW + TICK) == frozenset()


def test_w15_a_refusal_changes_nothing_at_the_point() -> None:
    receipts = [(NOW, Clamped(COMMAND, 20.5, 20.5, WHY)), (NOW + TICK, Refused(COMMAND, WHY))]
    assert controlled_points(receipts, NOW + TICK) == {NULL}


def test_w15_only_what_acted_was_written() -> None:
    receipts = [(NOW, Overridden(COMMAND, 8, 22.0, WHY)), (NOW + TICK, Accepted(COMMAND, 21.0))]
    assert [at for at, _ in effective_commands(receipts)] == [NOW + TICK]


def test_w15_a_controller_that_fetches_and_is_silent_is_not_confirmed() -> None:
    site = hut()
    assert unconfirmed_points(site, [], NOW) == frozenset()
    devices = tuple(replace(d, fetches=d.id == "hut/modbus") for d in site.devices)
    fetching = replace(site, devices=devices)
    assert unconfirmed_points(fetching, [], NOW) == set(LEVERS) - {NULL}
    said = [(NOW, Accepted(command(ENABLE, 18.0), 18.0))]
    assert ENABLE not in unconfirmed_points(fetching, said, NOW + timedelta(minutes=1))
