"""The life of items: one a cause, after its delay, until it has cleared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from bms.model.work.finding import Price
from bms.model.work.item import Cause, Closing, WorkAct, WorkEvent, WorkItem, WorkKind
from bms.services.work.life import Look, Watching, changes
from tests.rigs.fakes.store import HOUR, MONDAY
from tests.rigs.work.rows import a_cause, a_work_event

EVERY = frozenset(WorkKind)
SILENT = a_cause("lodge/rooms", kind=WorkKind.DEVICE_SILENT, rule="", delay=HOUR, clears=HOUR)


@dataclass
class Book:
    """A site whose causes are looked at hour by hour."""

    now: datetime = MONDAY
    since: datetime = MONDAY
    rows: dict[str, WorkItem] = field(default_factory=dict)
    events: list[WorkEvent] = field(default_factory=list)
    dismissed: dict[str, float | None] = field(default_factory=dict)
    ids: count[int] = field(default_factory=lambda: count(1))

    def look(self, *causes: Cause, kinds: frozenset[WorkKind] = EVERY, **blind: object) -> None:
        self.now += HOUR
        live = [i for i in map(self.item, self.rows) if i.closed is None or not i.cleared_at]
        look = Look(causes=causes, kinds=kinds, **blind)  # type: ignore[arg-type]
        watch = Watching(now=self.now, since=self.since, dismissed=self.dismissed)
        done = changes(live, look, watch, lambda: f"w{next(self.ids)}")
        self.rows |= {item.id: item for item in done.items}
        self.events += done.events

    def item(self, id_: str) -> WorkItem:
        return replace(self.rows[id_], events=tuple(e for e in self.events if e.item == id_))

    def close(self, id_: str, closing: Closing) -> None:
        event = a_work_event(id_, WorkAct.CLOSE, closing=closing, at=self.now)
        self.events.append(event)
        if closing is Closing.NOT_A_FAULT:
            self.dismissed[self.rows[id_].cause.key] = self.rows[id_].cause.size

    def open(self) -> list[str]:
        return [i.id for i in map(self.item, self.rows) if i.closed is None]


class TestOneCause:
    def test_it_opens_after_its_delay_and_only_once(self) -> None:
        book = Book()
        late = a_cause(since=MONDAY + HOUR, delay=2 * HOUR)
        book.look(late)
        book.look(late)
        assert book.open() == []
        for _ in range(3):
            book.look(late)
        assert book.open() == ["w1"]
        assert [event.act for event in book.events] == [WorkAct.OPEN]

    def test_it_closes_by_itself_when_its_cause_is_gone_for_long_enough(self) -> None:
        book = Book()
        cause = a_cause(clears=2 * HOUR)
        book.look(cause)
        book.look()
        book.look(cause)  # it is back: the time to clear begins anew
        book.look()
        book.look()
        assert book.open() == ["w1"]
        book.look()
        assert book.open() == []
        assert book.item("w1").closed.closing is Closing.CLEARED  # type: ignore[union-attr]
        book.look(cause)
        assert book.open() == ["w2"]

    def test_what_was_repaired_is_not_raised_before_it_had_cleared(self) -> None:
        book = Book()
        cause = a_cause(clears=HOUR)
        book.look(cause)
        book.close("w1", Closing.REPAIRED)
        for _ in range(5):
            book.look(cause)
        assert list(book.rows) == ["w1"]
        book.look()
        book.look()
        book.look(cause)
        assert book.open() == ["w2"]

    def test_what_is_no_fault_comes_back_only_where_it_has_grown(self) -> None:
        book = Book()
        cause = a_cause(price=Price(kwh_year=1000.0))
        book.look(cause)
        book.close("w1", Closing.NOT_A_FAULT)
        for kwh in (1000.0, 1400.0):
            book.look()
            book.look(replace(cause, price=Price(kwh_year=kwh)))
        assert list(book.rows) == ["w1"]
        book.look(replace(cause, price=Price(kwh_year=1600.0)))
        assert book.open() == ["w2"]

    def test_what_cannot_be_looked_at_neither_opens_nor_closes(self) -> None:
        book = Book()
        cause = a_cause()
        book.look(cause)
        for blind in ((cause.rule, cause.subject), (cause.rule, "")):
            book.look(blind=frozenset({blind}))
        book.look(kinds=frozenset())
        assert book.open() == ["w1"]
        book.look()
        assert book.open() == []

    def test_the_list_shows_the_cause_as_it_is_now(self) -> None:
        book = Book()
        book.look(a_cause())
        worse = a_cause(price=Price(dkk_year=9000.0), since=MONDAY)
        book.look(worse)
        assert book.item("w1").cause.dkk_year == 9000.0
        assert book.item("w1").cause.since == a_cause().since


class TestAfterAnOutage:
    def test_what_our_own_outage_shows_waits_for_its_delay(self) -> None:
        book = Book()
        book.now = book.since = MONDAY + timedelta(days=3)
        silent = [replace(SILENT, subject=f"lodge/d{i}") for i in range(40)]
        book.since = book.now + HOUR
        book.look(*silent)
        assert book.open() == []
        book.look(silent[0])
        assert book.open() == ["w1"]

    def test_a_gap_does_not_count_as_gone(self) -> None:
        book = Book()
        book.look(replace(SILENT, since=MONDAY - HOUR))
        book.look()
        book.since = book.now + HOUR
        book.now += 2 * HOUR
        book.since = book.now + HOUR
        book.look()
        assert book.open() == ["w1"]


class TestRootCauses:
    def test_a_silent_device_is_one_item_with_its_points(self) -> None:
        book = Book()
        silent = replace(SILENT, since=MONDAY - HOUR)
        points = [
            a_cause(f"lodge/p{i}", kind=WorkKind.DATA_MISSING, root=silent.key, clears=HOUR)
            for i in range(40)
        ]
        book.look(silent, *points)
        assert book.open() == ["w1"]
        assert len(book.item("w1").cause.follows) == 40
        book.look(*points)  # the device is back first: its points have until it has cleared
        assert book.open() == ["w1"]
        book.look(points[0])
        book.look(points[0])
        assert book.open() == ["w2"]
        assert book.item("w2").cause.subject == "lodge/p0"

    def test_roots_that_name_each_other_are_raised(self) -> None:
        book = Book()
        one, two = a_cause("lodge/a"), a_cause("lodge/b")
        book.look(replace(one, root=two.key), replace(two, root=two.key))
        assert book.open() == ["w1"]
        book.look(replace(one, root=two.key), replace(two, root=one.key))
        assert book.open() != []


CAUSES = [
    a_cause(
        f"lodge/{i}",
        kind=kind,
        since=MONDAY,
        delay=i * HOUR,
        clears=(i % 3) * HOUR,
        root=a_cause("lodge/0", kind=WorkKind.DEVICE_SILENT).key if i == 3 else None,
    )
    for i, kind in enumerate(
        (WorkKind.DEVICE_SILENT, WorkKind.FAULT, WorkKind.FAULT, WorkKind.WRITE_FAILED)
    )
]
STEPS = st.lists(
    st.tuples(
        st.sets(st.integers(0, len(CAUSES) - 1)),
        st.sampled_from(["look", "blind", "restart", "repaired", "no fault"]),
    ),
    max_size=25,
)


def checked(book: Book) -> None:
    for cause in CAUSES:
        mine = [book.item(id_) for id_ in book.rows if book.rows[id_].cause.key == cause.key]
        live = [item for item in mine if item.closed is None or not item.cleared_at]
        assert len(live) <= 1, "one cause is one item until it has cleared"
        for item in mine:
            opened = [e for e in item.events if e.act is WorkAct.OPEN]
            closed = [e for e in item.events if e.act is WorkAct.CLOSE]
            assert (len(opened), len(closed) <= 1) == (1, True)
            assert item.opened_at - cause.since >= cause.delay
            if item.cleared_at is not None and item.gone_since is not None:
                assert item.cleared_at - item.gone_since >= cause.clears


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_comes_and_goes(steps: Sequence[tuple[set[int], str]]) -> None:
    book = Book()
    for standing, what in steps:
        seen = [CAUSES[i] for i in sorted(standing)]
        if what == "restart":
            book.now += 5 * HOUR
            book.since = book.now + HOUR
        if what in ("repaired", "no fault") and book.open():
            book.close(
                book.open()[0],
                Closing.REPAIRED if what == "repaired" else Closing.NOT_A_FAULT,
            )
        before = book.open()
        book.look(*seen, kinds=frozenset() if what == "blind" else EVERY)
        checked(book)
        if what == "blind":
            assert set(before) <= set(book.open())
    quiet = max(cause.clears for cause in CAUSES)
    for _ in range(2 + quiet // HOUR):
        book.look()
    assert book.open() == []


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_look_that_shows_the_same_changes_nothing(
    steps: Sequence[tuple[set[int], str]],
) -> None:
    book = Book()
    for standing, _ in steps:
        book.look(*[CAUSES[i] for i in sorted(standing)])
    seen = [CAUSES[i] for i in sorted(steps[-1][0])] if steps else []
    for _ in range(3):  # what has cleared lets go of what followed from it
        book.look(*seen)
        book.now -= HOUR
    opened = len(book.rows)
    book.look(*seen)
    assert len(book.rows) == opened
