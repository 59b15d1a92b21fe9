"""Non-routine events, baselines and measures: what every store promises about their ledgers."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from bms.errors import NotFound, StoreError
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.savings.measure import KeptMeasure
from bms.ports.storage.whole import Store
from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.city import utc
from tests.rigs.fakes.ledger import (
    a_dismissal,
    a_kept_baseline,
    a_measure,
    a_measure_end,
    an_event,
)
from tests.rigs.storage.postgres_server import PostgresServer, name_in
from tests.rigs.storage.stores import AnyStore

NAIVE = datetime(2019, 1, 14)  # noqa: DTZ001
SEALED = ["events", "baselines"]


def test_it_is_a_store(store: AnyStore) -> None:
    seam: Store = store  # mypy holds the signatures to the port
    assert seam.events("lodge") == []


class TestLedger:
    def test_entries_come_back_whole_in_the_order_they_were_written(self, store: AnyStore) -> None:
        second = a_dismissal("e2", supersedes="e1", entered_at=utc(2019, 1, 1))
        elsewhere = an_event("e3", meter="barn/heat")
        for entry in (an_event(), second, elsewhere):
            store.add_event(entry)
        assert store.events("lodge") == [an_event(), second]
        assert store.events("barn") == [elsewhere]

    def test_a_site_is_not_another_whose_name_begins_alike(self, store: AnyStore) -> None:
        store.add_event(an_event(meter="lodge-2/heat"))
        assert store.events("lodge") == []

    def test_twice_is_once(self, store: AnyStore) -> None:
        store.add_event(an_event())
        store.add_event(an_event())
        assert store.events("lodge") == [an_event()]

    def test_an_id_is_one_entry_for_good(self, store: AnyStore) -> None:
        store.add_event(an_event())
        with pytest.raises(StoreError, match="another event is kept as e1"):
            store.add_event(an_event(reason="a better one"))
        assert store.events("lodge") == [an_event()]

    def test_an_entry_is_superseded_once(self, store: AnyStore) -> None:
        store.add_event(an_event())
        store.add_event(an_event("e2", supersedes="e1"))
        with pytest.raises(StoreError, match="e1 has been superseded already"):
            store.add_event(an_event("e3", supersedes="e1"))
        assert [entry.id for entry in store.events("lodge")] == ["e1", "e2"]

    def test_only_an_entry_of_the_same_meter_is_superseded(self, store: AnyStore) -> None:
        store.add_event(an_event())
        with pytest.raises(StoreError, match="about lodge/heat; an entry about lodge/el"):
            store.add_event(an_event("e2", meter="lodge/el", supersedes="e1"))
        with pytest.raises(NotFound, match="no event e9"):
            store.add_event(an_event("e2", supersedes="e9"))
        assert store.events("lodge") == [an_event()]

    def test_of_two_that_supersede_the_same_entry_at_once_one_is_kept(
        self, store: AnyStore
    ) -> None:
        store.add_event(an_event())

        def supersede(i: int) -> bool:
            try:
                store.add_event(an_event(f"n{i}", supersedes="e1"))
            except StoreError:
                return False
            return True

        if isinstance(store, MemoryStore):
            kept = [supersede(i) for i in range(4)]
        else:
            with ThreadPoolExecutor(4) as pool:
                kept = list(pool.map(supersede, range(4)))
        assert sum(kept) == 1
        assert len(store.events("lodge")) == 2

    @pytest.mark.parametrize("part", ["start", "end", "entered_at"])
    def test_naive_moments_are_refused(self, store: AnyStore, part: str) -> None:
        moments = {"start": NAIVE, "end": datetime(2019, 1, 15)}  # noqa: DTZ001
        changes = {"entered_at": NAIVE} if part == "entered_at" else moments
        with pytest.raises(ValueError, match="no time zone"):
            store.add_event(an_event(**changes))
        assert store.events("lodge") == []


class TestBaselines:
    def test_a_baseline_comes_back_whole(self, store: AnyStore) -> None:
        store.keep_baseline(a_kept_baseline())
        assert store.baselines("lodge") == [a_kept_baseline()]
        assert store.baselines("barn") == []

    def test_the_one_that_stands_is_not_kept_again(self, store: AnyStore) -> None:
        store.keep_baseline(a_kept_baseline())
        store.keep_baseline(a_kept_baseline(at=utc(2020, 1, 1), author="bo"))
        assert store.baselines("lodge") == [a_kept_baseline()]

    def test_another_one_stands_after_it_and_may_be_taken_back(self, store: AnyStore) -> None:
        rows = [
            a_kept_baseline("id-1"),
            a_kept_baseline("id-2", author="bo", reason="late readings"),
            a_kept_baseline("id-1", author="eva", reason="they were wrong"),
        ]
        for row in rows:
            store.keep_baseline(row)
        assert store.baselines("lodge") == rows

    def test_meters_and_periods_are_kept_apart(self, store: AnyStore) -> None:
        first = a_kept_baseline()
        other_meter = replace(first, baseline=replace(first.baseline, meter_id="lodge/el"))
        period = replace(first.baseline.period, start=utc(2018, 2, 1))
        other_period = replace(first, baseline=replace(first.baseline, period=period))
        for row in (first, other_meter, other_period):
            store.keep_baseline(row)
        assert store.baselines("lodge") == [first, other_meter, other_period]

    def test_naive_moments_are_refused(self, store: AnyStore) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            store.keep_baseline(a_kept_baseline(at=NAIVE))
        assert store.baselines("lodge") == []


class TestSeals:
    @pytest.mark.parametrize("table", SEALED)
    @pytest.mark.parametrize("change", ["UPDATE {} SET author = 'nobody'", "DELETE FROM {}"])
    def test_rows_on_sqlite_are_only_added(self, tmp_path: Path, table: str, change: str) -> None:
        store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
        store.add_event(an_event())
        store.keep_baseline(a_kept_baseline())
        other = sqlite3.connect(tmp_path / "bms.db")
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            other.execute(change.format(table))
        other.close()
        assert store.events("lodge") == [an_event()]
        assert store.baselines("lodge") == [a_kept_baseline()]
        store.close()

    @pytest.mark.parametrize("table", SEALED)
    @pytest.mark.parametrize(
        "change", ["UPDATE {} SET author = 'nobody'", "DELETE FROM {}", "TRUNCATE {}"]
    )
    def test_rows_on_postgresql_are_only_added(
        self, postgres_server: PostgresServer, postgres_url: str, table: str, change: str
    ) -> None:
        store = SqlStore(postgres_url)
        store.add_event(an_event())
        store.keep_baseline(a_kept_baseline())
        with pytest.raises(psycopg.errors.RaiseException, match=f"rows of {table} are never"):
            postgres_server.run(change.format(table), name_in(postgres_url))
        assert store.events("lodge") == [an_event()]
        store.close()


class TestMeasures:
    def test_they_come_back_whole_in_the_order_in_which_they_were_entered(
        self, store: AnyStore
    ) -> None:
        bare = a_measure(
            "m2", blackout_until=None, cost_dkk=None, expected_share=None, meters=("el",)
        )
        elsewhere = a_measure("m3", site="lodge-2")
        for measure in (a_measure(), bare, elsewhere):
            store.add_measure(measure)
        assert store.measures("lodge") == [
            KeptMeasure(measure=a_measure()),
            KeptMeasure(measure=bare),
        ]
        assert store.measures("lodge-2") == [KeptMeasure(measure=elsewhere)]
        assert store.measures("barn") == []

    def test_twice_is_once_and_another_of_that_id_is_refused(self, store: AnyStore) -> None:
        store.add_measure(a_measure())
        store.add_measure(a_measure())
        with pytest.raises(StoreError, match="another measure is kept as m1"):
            store.add_measure(a_measure(what="old windows"))
        assert store.measures("lodge") == [KeptMeasure(measure=a_measure())]

    def test_its_first_end_stands(self, store: AnyStore) -> None:
        store.add_measure(a_measure())
        store.end_measure(a_measure_end())
        store.end_measure(a_measure_end(end=utc(2021, 1, 1)))
        assert store.measures("lodge") == [KeptMeasure(measure=a_measure(), ended=a_measure_end())]
        for wrong in (a_measure_end("m9"), a_measure_end(site="barn")):
            with pytest.raises(NotFound, match="no measure"):
                store.end_measure(wrong)

    def test_w16_both_are_in_the_audit_and_in_the_evidence(self, store: AnyStore) -> None:
        store.add_measure(a_measure())
        store.end_measure(a_measure_end())
        ended, added = store.audit(AuditSearch(site="lodge"))
        assert (added.action, added.actor, added.subject) == (Action.ADD_MEASURE, "bo", "m1")
        assert (ended.action, ended.actor, ended.reason) == (
            Action.END_MEASURE,
            "eva",
            "they were taken out",
        )
        assert store.entry_of("lodge", EvidenceKind.MEASURE, "m1") is not None
        assert store.entry_of("lodge", EvidenceKind.MEASURE_END, "m1") is not None
        assert store.verify().flaws == ()

    def test_the_names_of_people_go_and_the_measure_stays(self, store: AnyStore) -> None:
        store.add_measure(a_measure())
        store.end_measure(a_measure_end())
        for kind in (EvidenceKind.MEASURE, EvidenceKind.MEASURE_END):
            store.prune(
                Pruning(
                    site="lodge",
                    kind=kind,
                    part=Part.APART,
                    before=utc(2022, 1, 1),
                    actor="retention",
                    at=utc(2022, 1, 1),
                    reason="too old",
                )
            )
        (kept,) = store.measures("lodge")
        assert kept.ended is not None
        assert (kept.measure.what, kept.end) == ("new windows", utc(2020, 3, 31, 22))
        assert "bo" not in kept.measure.author
        assert "eva" not in kept.ended.author
        assert store.verify().flaws == ()
