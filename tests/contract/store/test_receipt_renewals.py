"""A receipt for each change: renewals count on the one that stands (W16)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Refused,
    Released,
)
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.control.reasons import CommandReason, Holder, ReceiptReason, RefusalReason
from bms.model.fact import fact
from bms.store.database import schema
from bms.store.database.connection import Link
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import HOUR, MONDAY, QUARTER
from tests.rigs.storage.evidence_rows import POINT, SITE, a_command
from tests.rigs.storage.stores import AnyStore


def tick(i: int, value: float = 21.0, **changes: object) -> Command:
    """As the tick ``i`` commands it, by the plan of its hour."""
    at, plan = MONDAY + i * QUARTER, f"p{i // 4}"
    by_plan = fact(CommandReason.PLAN, plan=plan, status="optimal")
    return a_command(
        *(f"c{i}", value),
        **{
            "issued_at": at,
            "lease_end": at + 2 * QUARTER,
            "plan": plan,
            "reason": by_plan,
            **changes,
        },
    )


def proven(store: AnyStore) -> int:
    return sum(entry.kind is EvidenceKind.RECEIPT for entry in store.evidence(SITE))


def test_w16_a_renewal_counts_on_the_receipt_that_stands(store: AnyStore) -> None:
    for i in range(8):
        at = MONDAY + i * QUARTER
        store.add_receipts([Accepted(tick(i), 21.0 + 0.01 * i)], at)
    first, last = store.receipts(SITE, MONDAY)
    assert first == (MONDAY, Accepted(tick(0), 21.0))
    assert last == (MONDAY + 7 * QUARTER, Accepted(tick(7), 21.07))
    assert proven(store) == 1
    assert store.verify().flaws == ()


def test_w16_of_a_receipt_that_began_earlier_its_renewal_is_found(store: AnyStore) -> None:
    for i in range(8):
        store.add_receipts([Accepted(tick(i), 21.0)], MONDAY + i * QUARTER)
    ((at, receipt),) = store.receipts(SITE, MONDAY + HOUR)
    assert (at, receipt) == (MONDAY + 7 * QUARTER, Accepted(tick(7), 21.0))
    assert store.receipts(SITE, MONDAY + 2 * HOUR) == []


@pytest.mark.parametrize(
    "other",
    [
        Accepted(tick(1, 22.0), 22.0),
        Clamped(tick(1), 20.0, 20.0, fact(ReceiptReason.SLOTS_GONE)),
        Overridden(tick(1), 8, 19.0, fact(Holder.OPERATOR)),
        Refused(tick(1), fact(RefusalReason.NO_SAFE_END)),
        Released(POINT, 19.0),
        Accepted(tick(1, actor="kari", plan=None, reason="cold"), 21.0),
    ],
)
def test_w16_another_outcome_is_a_change(store: AnyStore, other: Accepted) -> None:
    store.add_receipts([Accepted(tick(0), 21.0)], MONDAY)
    store.add_receipts([other], MONDAY + QUARTER)
    store.add_receipts([Accepted(tick(2), 21.0)], MONDAY + 2 * QUARTER)
    assert proven(store) == 3
    assert [at for at, _ in store.receipts(SITE, MONDAY)] == [
        MONDAY + i * QUARTER for i in range(3)
    ]


def test_w16_a_batch_renews_and_changes_in_its_order(store: AnyStore) -> None:
    elsewhere = f"{SITE}/hall.run"
    store.add_receipts([Accepted(tick(0), 21.0), Released(elsewhere, 0.0)], MONDAY)
    batch = [Accepted(tick(1), 21.0), Released(POINT, 19.0), Released(elsewhere, 0.0)]
    store.add_receipts(batch, MONDAY + QUARTER)
    assert proven(store) == 3
    assert len(store.receipts(SITE, MONDAY)) == 5


def test_w16_what_stands_for_long_has_a_receipt_again_after_six_hours(store: AnyStore) -> None:
    for i in range(96):
        store.add_receipts([Accepted(tick(i), 21.0)], MONDAY + i * QUARTER)
    assert proven(store) == 4
    times = [at for at, _ in store.receipts(SITE, MONDAY)]
    assert max(later - at for at, later in pairwise(times)) < 6 * HOUR


def test_w16_an_earlier_moment_renews_nothing(store: AnyStore) -> None:
    store.add_receipts([Accepted(tick(4), 21.0)], MONDAY + HOUR)
    store.add_receipts([Accepted(tick(0), 21.0)], MONDAY)
    assert [at for at, _ in store.receipts(SITE, MONDAY)] == [MONDAY, MONDAY + HOUR]


def test_w16_the_count_stands_beside_the_receipt(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    for i in range(5):
        store.add_receipts([Accepted(tick(i), 21.0)], MONDAY + timedelta(minutes=i))
    with store._link.reading() as session:
        row = session.connection().execute(text("SELECT renewals, renewed FROM receipts")).one()
    assert row.renewals == 4
    assert '"plan":"p1"' in row.renewed
    assert '"value"' not in row.renewed
    store.close()


class TestControlStart:
    """When our values first acted at a site; known for good."""

    def test_it_is_the_first_receipt_of_a_value_that_acts(self, store: AnyStore) -> None:
        failed = Failed(tick(0), fact(ReceiptReason.NOT_READ_BACK), retryable=True)
        store.add_receipts([failed], MONDAY)
        assert store.control_start(SITE) is None
        for i in (1, 2, 40):
            store.add_receipts([Accepted(tick(i, 20.0 + i), 20.0 + i)], MONDAY + i * QUARTER)
        assert store.control_start(SITE) == MONDAY + QUARTER
        assert store.control_start("elsewhere") is None

    def test_it_outlives_its_receipt(self, store: AnyStore) -> None:
        store.add_receipts([Accepted(tick(0), 21.0)], MONDAY)
        gone = MONDAY + 100 * HOUR
        store.prune(
            Pruning(
                site=SITE,
                kind=EvidenceKind.RECEIPT,
                part=Part.ROW,
                before=gone,
                actor="retention",
                at=gone,
                reason="too old",
            )
        )
        assert store.receipts(SITE, MONDAY) == []
        store.add_receipts([Accepted(tick(500), 21.0)], gone + HOUR)
        assert store.control_start(SITE) == MONDAY

    def test_it_is_taken_from_the_receipts_of_an_older_version(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/bms.db"
        before = SqlStore(url)
        failed = Failed(tick(0), fact(ReceiptReason.NOT_READ_BACK), retryable=True)
        before.add_receipts([failed], MONDAY)
        for i in (1, 2):
            before.add_receipts([Accepted(tick(i, 20.0 + i), 20.0 + i)], MONDAY + i * QUARTER)
        before.close()
        link = Link(url)
        with link.writing(durable=True) as session:
            schema.downgrade(session.connection(), "0013")
        link.close()
        store = SqlStore(url)
        assert store.control_start(SITE) == MONDAY + QUARTER
        store.close()
