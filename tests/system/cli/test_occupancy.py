"""``bms occupancy`` and ``bms simulate``: bookings by hand, sentences else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.model.control.audit import AuditSearch
from bms.runtime.municipality import EXAMPLES
from bms.store.sql.store import SqlStore

EVENING = ("--from", "2099-12-03T18:00", "--to", "2099-12-03T21:30", "--reason", "parents")
WHO = ("--author", "kari")


class Bms:
    """The command line in this process, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.env = {"BMS_HOME": str(home), "BMS_SITES": str(EXAMPLES), "COLUMNS": "200"}
        self.home = home

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, arguments, env=self.env)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done.output


@pytest.fixture
def bms(tmp_path: Path) -> Bms:
    return Bms(tmp_path / "home")


def test_a_booking_is_made_listed_and_taken_back(bms: Bms) -> None:
    evening = (*EVENING, "--people", "120")
    made = json.loads(bms("occupancy", "add", "school", "--zone", "gym", *evening, *WHO, "--json"))
    assert (made["zone"], made["kind"], made["author"]) == ("gym", "in_use", "kari")
    assert made["people"] == 120.0
    assert datetime.fromisoformat(made["start"]) == datetime(2099, 12, 3, 17, tzinfo=UTC)
    listed = bms("occupancy", "list", "school")
    assert made["id"] in listed
    assert "2099-12-03 18:00" in listed
    bms("occupancy", "remove", "school", made["id"], *WHO)
    assert "nothing is booked" in bms("occupancy", "list", "school")
    store = SqlStore(f"sqlite:///{bms.home / 'bms.db'}")
    actors = [entry.actor for entry in store.audit(AuditSearch(site="school"))]
    store.close()
    assert actors == ["kari", "kari"]


def test_a_closed_week_ends_with_its_last_day(bms: Bms) -> None:
    days = ("--from", "2099-12-21", "--to", "2099-12-27", "--reason", "closed week")
    made = json.loads(bms("occupancy", "add", "school", *days, *WHO, "--closed", "--json"))
    assert (made["zone"], made["kind"]) == (None, "closed")
    assert datetime.fromisoformat(made["end"]) == datetime(2099, 12, 27, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("school", "--zone", "attic", *EVENING), 2, "there are: class_south,"),
        (("barn", *EVENING), 2, "no site 'barn'"),
        (("school", "--from", "soon", "--to", "later", "--reason", "x"), 2, "is no time"),
        (("school", "--from", "2001-01-01", "--to", "2001-01-02", "--reason", "x"), 1, "is over"),
    ],
)
def test_what_cannot_be_booked_is_a_sentence(
    bms: Bms, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in " ".join(bms("occupancy", "add", *arguments, *WHO, code=code).split())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--what-if", "setpoint -1"), 1, "school cannot be simulated"),
        (("--setpoint-change", "-1"), 1, "school cannot be simulated"),
        ((), 1, "nothing is to be changed"),
        (("--what-if", "more sun"), 2, "is not understood"),
        (("--ventilation-later", "soon"), 2, "is not a time"),
        (("--closed", "2026-12-28..2026-12-21"), 2, "ends before it starts"),
    ],
)
def test_what_cannot_be_simulated_is_a_sentence(
    bms: Bms, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in " ".join(bms("simulate", "school", *arguments, code=code).split())
