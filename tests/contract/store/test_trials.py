"""Every store keeps trials as they were drawn, and forgets none."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from bms.errors import NotFound, StoreError
from bms.model.codec import to_json
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.evidence import EvidenceKind
from bms.model.epoch import to_micros
from bms.model.savings.trial import KeptTrial, TrialEnd
from bms.ports.storage.whole import Store
from bms.services.trials.proof import PROVEN, lost_trials
from bms.services.trials.report import design_digest, is_unchanged
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.trial import DRAWN, a_sealed_result, a_trial
from tests.rigs.storage.stores import AnyStore

END = TrialEnd(
    trial="hut-trial", site="hut", at=DRAWN + timedelta(days=3), by="Ann", reason="burst pipe"
)


class TestTrials:
    def test_a_trial_comes_back_whole(self, store: AnyStore) -> None:
        port: Store = store
        port.add_trial(a_trial())
        port.add_trial(a_trial("school"))
        assert port.trials("hut") == [KeptTrial(trial=a_trial())]
        assert port.trials("nowhere") == []

    def test_the_text_of_a_design_has_no_names(self, store: AnyStore) -> None:
        store.add_trial(a_trial())
        (kept,) = store.trials("hut")
        assert kept.design_text == to_json(replace(a_trial(), by="", reason=""))

    def test_they_come_in_the_order_in_which_they_were_started(self, store: AnyStore) -> None:
        later = a_trial(id="a", started_at=DRAWN + timedelta(days=30))
        store.add_trial(a_trial())
        store.add_trial(later)
        assert [kept.trial.id for kept in store.trials("hut")] == ["hut-trial", "a"]

    def test_every_site_that_had_one_is_known(self, store: AnyStore) -> None:
        assert store.trial_sites() == []
        for name in ("school", "hut"):
            store.add_trial(a_trial(name))
        store.add_trial(a_trial(id="b"))
        assert store.trial_sites() == ["hut", "school"]

    def test_twice_is_once(self, store: AnyStore) -> None:
        store.add_trial(a_trial())
        store.add_trial(a_trial())
        assert len(store.trials("hut")) == 1
        assert len(store.audit(AuditSearch(site="hut"))) == 1

    def test_a_draw_is_never_changed(self, store: AnyStore) -> None:
        store.add_trial(a_trial())
        with pytest.raises(StoreError, match="another trial is kept as hut-trial"):
            store.add_trial(a_trial(seed=8))
        assert store.trials("hut")[0].trial == a_trial()

    def test_the_first_end_stands(self, store: AnyStore) -> None:
        store.add_trial(a_trial())
        store.end_trial(END)
        store.end_trial(replace(END, by="Bo", at=END.at + timedelta(days=1)))
        assert store.trials("hut") == [KeptTrial(trial=a_trial(), ended=END)]

    def test_what_was_never_started_does_not_end(self, store: AnyStore) -> None:
        with pytest.raises(NotFound, match="no trial hut-trial"):
            store.end_trial(END)

    def test_start_and_end_are_in_the_audit(self, store: AnyStore) -> None:
        store.add_trial(a_trial())
        store.end_trial(END)
        lines = store.audit(AuditSearch(site="hut"))[::-1]
        assert [(line.action, line.actor, line.subject, line.reason) for line in lines] == [
            (Action.START_TRIAL, "Bo", "hut-trial", "proof for the council"),
            (Action.END_TRIAL, "Ann", "hut-trial", "burst pipe"),
        ]


class TestSealedResults:
    def test_a_result_is_sealed_once(self, store: AnyStore) -> None:
        store.add_trial(a_trial())
        first = a_sealed_result()
        store.seal_trial(first)
        store.seal_trial(a_sealed_result(at=DRAWN + timedelta(days=90)))
        (kept,) = store.trials("hut")
        assert kept.result == first
        assert is_unchanged(kept)
        assert not is_unchanged(replace(kept, result=replace(first, digest="0" * 64)))
        assert not is_unchanged(replace(kept, result_text=kept.result_text.replace("12", "13")))

    def test_of_what_was_never_started_there_is_none(self, store: AnyStore) -> None:
        with pytest.raises(NotFound, match="no trial hut-trial"):
            store.seal_trial(a_sealed_result())


def test_rows_of_older_versions_keep_their_digests(tmp_path: Path) -> None:
    """A field that came later is not in them, and makes them no others."""
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    other = sqlite3.connect(tmp_path / "bms.db")
    design = to_json(replace(a_trial(), by="", reason="")).replace(
        '"levers":[],"lever_digests":[],"sources":[],', ""
    )
    assert "levers" not in design
    result = json.loads(to_json(replace(a_sealed_result(), digest="")))
    del result["design"]
    blank = json.dumps(result, separators=(",", ":"))
    digest = sha256(blank.encode()).hexdigest()
    text = blank.replace('"digest":""', f'"digest":"{digest}"')
    at = to_micros(DRAWN)
    columns = "(id, site, started_at, body, named)"
    other.execute(
        f"INSERT INTO trials {columns} VALUES ('hut-trial', 'hut', ?, ?, '')", (at, design)
    )
    other.execute("INSERT INTO trial_results VALUES ('hut-trial', 'hut', ?, ?)", (at, text))
    other.commit()
    other.close()
    (kept,) = store.trials("hut")
    assert design_digest(kept) == sha256(design.encode()).hexdigest()
    assert is_unchanged(kept)
    assert kept.result is not None
    assert kept.result.design == ""
    store.close()


@pytest.mark.parametrize("table", ["trials", "trial_ends", "trial_results"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {} SET site = 'other'",
        "DELETE FROM {}",
        "INSERT OR REPLACE INTO {} SELECT * FROM {}",
        "UPDATE OR REPLACE {} SET rowid = 9",
    ],
)
def test_the_database_itself_refuses_to_change_them(
    tmp_path: Path, table: str, change: str
) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    store.add_trial(a_trial())
    store.end_trial(END)
    store.seal_trial(a_sealed_result())
    store.close()
    other = sqlite3.connect(tmp_path / "bms.db")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        other.execute(change.format(table, table))
    other.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trials SET body = replace(body, '7', '8')",
        "DELETE FROM trial_results",
        "UPDATE trial_results SET body = replace(body, 'hut', 'hat')",
        "INSERT INTO trial_ends VALUES ('hut-trial', 'hut', 0, '', '')",
    ],
)
def test_w16_whoever_goes_round_the_database_leaves_them_unproven(
    tmp_path: Path, change: str
) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    store.add_trial(a_trial())
    store.add_trial(a_trial(id="second"))
    store.seal_trial(a_sealed_result())
    kinds = {EvidenceKind.TRIAL, EvidenceKind.TRIAL_END, EvidenceKind.TRIAL_RESULT}
    assert store.unproven("hut", kinds) == frozenset()
    _go_round(tmp_path / "bms.db", change)
    assert "hut-trial" in store.unproven("hut", kinds)
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM trials WHERE id = 'hut-trial'",
        "UPDATE trials SET site = 'barn' WHERE id = 'hut-trial'",
        "UPDATE trials SET id = 'third' WHERE id = 'hut-trial'",
        "UPDATE trials SET body = '{}' WHERE id = 'hut-trial'",
        "UPDATE trials SET body = 7 WHERE id = 'hut-trial'",
        "UPDATE trials SET body = replace(body, '\"block_days\":2', '\"block_days\":3')",
    ],
)
def test_w16_one_that_cannot_be_read_hides_no_other_and_is_known_to_be_lost(
    tmp_path: Path, change: str
) -> None:
    """A tick that asks for the trials of a whole town goes on."""
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    store.add_trial(a_trial())
    store.add_trial(a_trial("school", block_days=1, washout_days=0))
    _go_round(tmp_path / "bms.db", change)
    kept = store.trials_of(["hut", "school", "barn"])
    assert [known.trial.site for rows in kept.values() for known in rows] == ["school"]
    assert "hut-trial" in lost_trials(kept["hut"], store.unproven("hut", PROVEN))
    assert store.chains_of(PROVEN) == {"hut", "school"}
    store.close()


def test_names_that_were_edited_hide_no_trial(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    store.add_trial(a_trial())
    _go_round(tmp_path / "bms.db", "UPDATE trials SET named = '[[[\"nowhere\"],1]]'")
    assert [known.trial.by for known in store.trials("hut")] == [""]
    store.close()


def test_a_result_that_is_none_is_not_told(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    store.add_trial(a_trial())
    store.seal_trial(a_sealed_result())
    _go_round(tmp_path / "bms.db", "UPDATE trial_results SET body = '{}'")
    (known,) = store.trials("hut")
    assert (known.result, known.result_text) == (None, "{}")
    assert store.unproven("hut", PROVEN) == {"hut-trial"}
    store.close()


def test_the_entries_of_trials_are_found_without_reading_the_chain(tmp_path: Path) -> None:
    """A page asks for them, and the chain of a site has an entry per receipt."""
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    asked: list[str] = []
    with store._link.reading() as session:
        raw = session.connection().connection.driver_connection
        assert raw is not None
        raw.set_trace_callback(asked.append)
        store.unproven("hut", PROVEN)
        store.chains_of(PROVEN)
        raw.set_trace_callback(None)
    wanted = [each for each in asked if "FROM evidence" in each]
    assert len(wanted) == 2
    database = sqlite3.connect(tmp_path / "bms.db")
    for each in wanted:
        plan = database.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()
        assert "evidence_of_trials" in str(plan)
    database.close()
    store.close()


def _go_round(database: Path, change: str) -> None:
    """What somebody does who goes round the product."""
    other = sqlite3.connect(database)
    for (name,) in other.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall():
        other.execute(f"DROP TRIGGER {name}")
    other.execute(change)
    other.commit()
    other.close()
