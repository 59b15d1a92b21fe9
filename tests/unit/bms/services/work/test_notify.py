"""Who is told of what and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from bms.model.work.finding import Severity
from bms.model.work.item import WorkAct, WorkItem, WorkKind
from bms.model.work.notice import NoticeRecord, Occasion
from bms.model.work.recipient import EVERY_DAY, Recipient, WorkSelection
from bms.services.work.notify import a_test, deliver, notify
from bms.store.memory.store import MemoryStore
from tests.rigs.work.notices import KeptNotices, a_recipient
from tests.rigs.work.rows import SITE, a_cause, a_work_event, a_work_item

NOON = datetime(2019, 1, 14, 11, 0, tzinfo=UTC)
"""A Monday, 12:00 local time."""
NIGHT = datetime(2019, 1, 14, 22, 0, tzinfo=UTC)
MORNING = datetime(2019, 1, 15, 6, 5, tzinfo=UTC)
MINUTES = timedelta(minutes=5)
HURTS = a_cause(severity=Severity.HIGH)


def an_item(id_: str, at: datetime = NOON, **changes: object) -> WorkItem:
    cause = replace(HURTS, subject=f"lodge/{id_}", **changes)  # type: ignore[arg-type]
    return a_work_item(id_, cause=cause, opened_at=at)


class Post:
    """A store with recipients and a way that keeps what it sends."""

    def __init__(self, *recipients: Recipient) -> None:
        self.recipients = recipients or (a_recipient(),)
        self.store, self.way = MemoryStore(), KeptNotices()

    async def at(self, now: datetime, *items: WorkItem) -> list[NoticeRecord]:
        self.store.keep_items(items)
        return await notify(self.recipients, [SITE, ""], now, work=self.store, sender=self.way)

    def told(self) -> list[tuple[Occasion, list[str]]]:
        return [(n.occasion, [item.id for item in n.new]) for n in self.way.sent]


async def test_what_hurts_goes_at_once_and_only_once() -> None:
    post = Post()
    small = an_item("w2", severity=Severity.MEDIUM)
    await post.at(NOON, an_item("w1"), small)
    await post.at(NOON + MINUTES)
    assert post.told() == [(Occasion.AT_ONCE, ["w1"])]


async def test_after_a_restart_the_history_is_not_told_again() -> None:
    post = Post()
    await post.at(NOON, an_item("w1"))
    again = Post()
    again.store = post.store  # another process on the same database
    await again.at(NOON + timedelta(hours=2))
    assert again.told() == []


async def test_a_new_recipient_is_not_told_the_history_at_once() -> None:
    post = Post()
    await post.at(NOON, *(an_item(f"w{i}", NOON - timedelta(days=i + 1)) for i in range(30)))
    assert post.told() == []


async def test_the_digest_goes_in_the_morning_once_with_all_that_is_open() -> None:
    post = Post()
    await post.at(NOON, an_item("w1"), an_item("w2", severity=Severity.LOW))
    for i in range(4):
        await post.at(MORNING + i * MINUTES)
    assert post.told() == [(Occasion.AT_ONCE, ["w1"]), (Occasion.DIGEST, ["w2"])]
    assert {item.id for item in post.way.sent[1].open} == {"w1", "w2"}
    await post.at(MORNING + timedelta(days=1))
    assert post.told()[2:] == [(Occasion.DIGEST, [])]


async def test_there_is_no_digest_of_nothing_on_free_days_or_late_in_the_day() -> None:
    post = Post(a_recipient(days=EVERY_DAY - {1}))
    await post.at(MORNING)
    await post.at(MORNING, an_item("w1", severity=Severity.LOW))
    assert post.told() == []
    late = Post()
    await late.at(MORNING + timedelta(hours=6), an_item("w1", severity=Severity.LOW))
    assert late.told() == []


async def test_quiet_hours_hold_back_all_but_what_does_damage_by_the_hour() -> None:
    post = Post(a_recipient(digest=None))
    await post.at(NIGHT, an_item("w1", NIGHT))
    assert post.told() == []
    await post.at(NIGHT, an_item("w2", NIGHT, severity=Severity.CRITICAL))
    assert post.told() == [(Occasion.AT_ONCE, ["w2"])]
    await post.at(MORNING)
    assert post.told()[1:] == [(Occasion.AT_ONCE, ["w1"])]


async def test_a_flood_is_put_together() -> None:
    post = Post()
    for i in range(30):
        await post.at(NOON + i * timedelta(minutes=2), an_item(f"w{i}", NOON))
    assert len(post.way.sent) == 4
    await post.at(NOON + timedelta(minutes=61))
    assert len(post.told()[-1][1]) == 26
    assert sum(len(ids) for _, ids in post.told()) == 30


async def test_roles_are_told_of_their_buildings_and_kinds() -> None:
    caretaker = a_recipient(name="a", wants=WorkSelection(sites=frozenset({"barn"})))
    energy = a_recipient(name="b", wants=WorkSelection(kinds=frozenset({WorkKind.FAULT})))
    city = a_recipient(name="c")
    post = Post(caretaker, energy, city)
    of_city = an_item("w2", kind=WorkKind.FEED_STALE, site="")
    await post.at(NOON, an_item("w1"), of_city)
    got = {n.recipient.name: [item.id for item in n.new] for n in post.way.sent}
    assert got == {"b": ["w1"], "c": ["w1", "w2"]}


async def test_what_sleeps_or_is_closed_is_not_told() -> None:
    post = Post()
    post.store.keep_items([an_item("w1"), an_item("w2")])
    until = NOON + timedelta(days=1)
    post.store.add_work_event(a_work_event("w1", WorkAct.SNOOZE, at=NOON, until=until))
    post.store.add_work_event(a_work_event("w2", WorkAct.CLOSE, at=NOON))
    await post.at(NOON)
    assert post.told() == []


async def test_a_way_that_fails_is_tried_again_ever_more_rarely_and_loses_nothing() -> None:
    post = Post(a_recipient(quiet=None, digest=None))
    post.way.broken = "the server is away"
    tries = 0
    for i in range(60):
        tries += len(await post.at(NOON + i * MINUTES, an_item("w1", NOON)))
    assert 4 <= tries <= 7
    assert {row.error for row in post.store.notices(NOON)} == {"the server is away"}
    post.way.broken = None
    await post.at(NOON + timedelta(hours=9))
    assert post.told() == [(Occasion.AT_ONCE, ["w1"])]


async def test_every_notice_is_on_record() -> None:
    post = Post()
    await post.at(NOON, an_item("w1"))
    record = await deliver(a_test(a_recipient(), NOON), post.store, post.way)
    rows = post.store.notices(NOON)
    assert [(row.occasion, row.recipient, row.items) for row in rows] == [
        (Occasion.AT_ONCE, "caretakers", ("w1",)),
        (Occasion.TEST, "caretakers", ()),
    ]
    assert rows[1] == record


@pytest.mark.parametrize(
    ("quiet", "hours"),
    [((time(21), time(6)), {21, 23, 0, 5}), ((time(12), time(13)), {12}), (None, set())],
)
def test_quiet_hours_may_run_over_midnight(
    quiet: tuple[time, time] | None, hours: set[int]
) -> None:
    recipient = a_recipient(quiet=quiet, timezone="UTC")
    found = {
        hour
        for hour in (0, 5, 6, 12, 13, 20, 21, 23)
        if recipient.is_quiet(datetime(2019, 1, 14, hour, tzinfo=UTC))
    }
    assert found == hours


def names(rows: Sequence[NoticeRecord]) -> list[str]:
    return [row.recipient for row in rows]
