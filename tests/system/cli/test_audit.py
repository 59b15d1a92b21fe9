"""``bms audit list``: what people did, keys included."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bms.cli.main import app
from bms.config import Settings
from bms.model.control.command import Accepted
from bms.model.planning.plan_digest import sealed
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.store import MONDAY, a_plan
from tests.rigs.paths import ROOT
from tests.rigs.storage.evidence_rows import a_command

EXAMPLES = ROOT / "sites" / "examples"


class Bms:
    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        env = {"BMS_HOME": str(self.home), "BMS_SITES": str(EXAMPLES)}
        done = CliRunner().invoke(app, arguments, env=env)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done


@pytest.fixture
def bms(tmp_path: Path) -> Bms:
    return Bms(tmp_path / "home")


def listed(bms: Bms, *arguments: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(bms("audit", "list", *arguments, "--json").stdout)
    return rows


def test_w16_creating_and_revoking_a_key_says_who_what_and_when(bms: Bms) -> None:
    made = json.loads(bms("keys", "create", "hall", "--by", "kari", "--json").stdout)
    key_id = made["key"].split("_")[1]
    bms("keys", "revoke", key_id, "--by", "ole", "--reason", "lost")
    revoked, created = listed(bms)
    assert (created["action"], created["actor"], created["subject"]) == (
        "create_key",
        "kari",
        key_id,
    )
    assert created["reason"] == "read: hall"
    assert (revoked["action"], revoked["actor"], revoked["subject"], revoked["reason"]) == (
        "revoke_key",
        "ole",
        key_id,
        "lost",
    )
    assert str(created["at"]) <= str(revoked["at"])
    assert made["key"].split("_")[2] not in json.dumps([created, revoked])


def test_the_user_name_stands_for_who_does_it(bms: Bms) -> None:
    bms("keys", "create", "hall")
    (entry,) = listed(bms)
    assert entry["actor"]


def test_it_is_filtered_and_limited(bms: Bms) -> None:
    booking = ("--from", "2099-12-03T18:00", "--to", "2099-12-03T21:30", "--reason", "choir")
    bms("occupancy", "add", "school", *booking, "--author", "kari")
    bms("keys", "create", "hall", "--by", "ole")
    assert [row["actor"] for row in listed(bms, "--site", "school")] == ["kari"]
    assert [row["actor"] for row in listed(bms, "--action", "create_key")] == ["ole"]
    assert [row["actor"] for row in listed(bms, "--actor", "ole")] == ["ole"]
    assert [row["actor"] for row in listed(bms, "--limit", "1")] == ["ole"]
    assert listed(bms, "--since", "2099-01-01") == []
    assert len(listed(bms, "--until", "2099-01-01")) == 2
    assert "no such entry" in bms("audit", "list", "--site", "barn").stdout


def test_people_read_a_table(bms: Bms) -> None:
    bms("keys", "create", "hall", "--by", "ole")
    shown = bms("audit", "list").stdout
    for what in ("ole", "create_key", "read: hall"):
        assert what in shown


def test_a_time_that_is_none_is_a_wrong_call(bms: Bms) -> None:
    done = bms("audit", "list", "--since", "yesterday", code=2)
    assert "yesterday" in done.output


class TestVerify:
    def test_w16_what_was_written_passes(self, bms: Bms) -> None:
        bms("keys", "create", "hall", "--by", "kari")
        done = bms("audit", "verify")
        assert "0 things are not as they were written" in done.stdout
        assert "is known from the file beside the journal" in done.stdout

    def test_w16_a_change_in_the_database_is_named(self, bms: Bms) -> None:
        bms("keys", "create", "hall", "--by", "kari")
        changed(bms, "UPDATE keys SET scope = 'operate'")
        found = json.loads(bms("audit", "verify", "--json", code=1).stdout)
        (flaw,) = found["flaws"]
        assert (flaw["chain"], flaw["number"], flaw["kind"]) == ("", 1, "key")
        assert "was changed" in flaw["what"]["en"]
        assert "er ændret" in flaw["what"]["da"]
        assert '"operate"' in flaw["found"]
        assert "the city key: Number 1: row" in bms("audit", "verify", code=1).stdout

    def test_w16_a_cut_tail_shows_though_the_end_in_the_database_was_moved_too(
        self, bms: Bms
    ) -> None:
        bms("keys", "create", "hall", "--by", "kari")
        bms("keys", "create", "gym", "--by", "kari")
        changed(
            bms,
            "DROP TRIGGER evidence_no_delete",
            "DROP TRIGGER audit_no_delete",
            "DELETE FROM keys WHERE name = 'gym'",
            "DELETE FROM audit WHERE seq = 2",
            "DELETE FROM evidence WHERE number > 2",
            "UPDATE evidence_heads SET number = 2,"
            " hash = (SELECT lower(hex(hash)) FROM evidence WHERE number = 2)",
        )
        for _ in range(2):  # whoever looks does not make it good
            found = json.loads(bms("audit", "verify", "--json", code=1).stdout)
            assert [flaw["what"]["code"] for flaw in found["flaws"]] == ["evidence_tail_cut"]
            assert found["flaws"][0]["what"]["parameters"] == {"known": 4, "last": 2}

    @pytest.mark.parametrize(
        "change",
        ["UPDATE keys SET name = CAST(x'ff' AS TEXT) WHERE name = 'gym'", "DROP TABLE goals"],
    )
    def test_w16_what_cannot_be_read_hides_nothing(self, bms: Bms, change: str) -> None:
        bms("keys", "create", "hall", "--by", "kari")
        bms("keys", "create", "gym", "--by", "kari")
        (bms.home / Settings(home=bms.home).evidence_heads.name).write_text("{broken")
        changed(bms, "UPDATE keys SET scope = 'operate' WHERE name = 'hall'", change)
        found = json.loads(bms("audit", "verify", "--json", code=1).stdout)
        codes = [flaw["what"]["code"] for flaw in found["flaws"]]
        assert codes[0] == "evidence_known_unreadable"
        assert {"evidence_unreadable", "evidence_apart_changed"} & set(codes)
        assert "evidence_row_changed" in codes

    def test_w16_one_site_is_checked_alone(self, bms: Bms) -> None:
        bms("keys", "create", "hall", "--by", "kari")
        changed(bms, "UPDATE keys SET scope = 'operate'")
        assert (
            json.loads(bms("audit", "verify", "--site", "school", "--json").stdout)["flaws"] == []
        )


def changed(bms: Bms, *statements: str) -> None:
    """As somebody does who may write the file of the database."""
    with contextlib.closing(sqlite3.connect(bms.home / "bms.db")) as other:
        for statement in statements:
            other.execute(statement)
        other.commit()


class TestTrace:
    POINT = "school/gym.setpoint"

    def written(self, bms: Bms) -> None:
        bms("keys", "list")
        store = SqlStore(f"sqlite:///{bms.home}/bms.db")
        store.add_plan(sealed(a_plan("p1", "school", MONDAY)))
        command = a_command("c1", 18.5, point=self.POINT, plan="p1")
        store.add_receipts([Accepted(command, 18.5)], MONDAY)
        store.close()

    def test_w16_from_a_setpoint_to_its_plan_and_forecast(self, bms: Bms) -> None:
        self.written(bms)
        told = bms("audit", "trace", self.POINT, "--at", "2019-01-14T01:30", "--json").stdout
        found = json.loads(told)
        assert found["outcome"] == "accepted"
        assert found["receipt"]["command"]["plan"] == found["plan"]["id"] == "p1"
        assert (found["plan"]["sealed"], found["plan"]["entry"]["number"]) == (True, 1)
        assert found["plan"]["problem"]["forecast_known"] == 0.75
        assert bms("audit", "verify", "--json")

    def test_w16_it_is_told_in_words(self, bms: Bms) -> None:
        self.written(bms)
        told = bms("audit", "trace", self.POINT, "--at", "2019-01-14T01:30").stdout
        assert "school/gym.setpoint: accepted, 14 January 2019 01:00" in told
        assert "number 1 of the chain" in told
        assert "75 % known" in told.replace("75%", "75 %")

    def test_nothing_written_is_said(self, bms: Bms) -> None:
        bms("audit", "trace", self.POINT, code=2)
