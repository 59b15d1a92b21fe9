"""``bms detect`` on files and on a site, and ``bms work`` as a caretaker uses it."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.runtime.municipality import EXAMPLES
from bms.store.sql.store import SqlStore
from tests.rigs.work.rows import a_cause, a_work_item

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2025, 1, 6, tzinfo=UTC)
MAP = "columns: {water: water}\nsettings: {water_dkk_m3: 60}\n"


class Bms:
    """The command line in this process, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.env = {"BMS_HOME": str(home), "BMS_SITES": str(EXAMPLES), "COLUMNS": "200"}
        self.home = home

    def __call__(self, *arguments: object, code: int = 0) -> str:
        done = CliRunner().invoke(app, [str(each) for each in arguments], env=self.env)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done.output


@pytest.fixture
def bms(tmp_path: Path) -> Bms:
    return Bms(tmp_path / "home")


def water(path: Path, leak: float) -> Path:
    """Forty days of a school's water [m3/h], the last ten with a leak."""
    rng = np.random.default_rng(3)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["timestamp_utc", "water", "remark"])
        for i in range(40 * 24):
            at = START + i * HOUR
            drawn = float(rng.poisson(8.0)) / 40.0 if 7 <= at.hour < 16 else 0.0
            more = leak if i >= 30 * 24 else 0.0
            out.writerow([at.isoformat(), round(drawn + more, 3), "x"])
    return path


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    return water(tmp_path / "water.csv", 0.1)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "map.yaml"
    path.write_text(MAP, encoding="utf-8")
    return path


def test_a_leak_in_a_file_is_told_priced_and_drawn(
    bms: Bms, leaking: Path, mapping: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    call = ("detect", "--csv", leaking, "--map", mapping, "--json", "--pictures", pictures)
    answer = json.loads(bms(*call))
    leak = next(row for row in answer["findings"] if row["rule"] == "W-NIGHT")
    assert (leak["site_id"], leak["severity"]) == ("water", "high")
    assert leak["price"]["dkk_year"] == pytest.approx(0.1 * 8760 * 60, rel=0.01)
    assert leak["days"][-1] == "2025-02-14"
    assert {"da", "en"} <= set(leak["fact"])
    assert answer["columns"] == {"water": "water"}
    assert answer["columns_left"] == ["remark"]
    assert answer["rules_run"] > 0
    assert any("-W-NIGHT-" in path.name for path in pictures.glob("*.svg"))


def test_a_tight_building_is_left_in_peace(bms: Bms, tmp_path: Path, mapping: Path) -> None:
    path = water(tmp_path / "water.csv", 0.0)
    answer = json.loads(bms("detect", "--csv", path, "--map", mapping, "--json"))
    assert answer["findings"] == []


def test_people_read_it_in_their_language_with_what_could_not_run(
    bms: Bms, leaking: Path, mapping: Path
) -> None:
    call = ("detect", "--csv", leaking, "--map", mapping, "--cannot")
    danish, english = bms(*call, "--lang", "da"), bms(*call, "--lang", "en")
    assert "W-NIGHT" in danish
    assert danish != english
    assert "OAT-METEO" in english


@pytest.mark.parametrize(
    "call",
    [
        ("detect",),
        ("detect", "school", "--csv", "x.csv"),
        ("detect", "school", "--map", "x.yaml"),
        ("detect", "--csv", "there-is-none.csv"),
        ("detect", "school", "--lang", "xx"),
    ],
    ids=["nothing", "both", "map alone", "no file", "language"],
)
def test_a_wrong_call_is_refused(bms: Bms, call: tuple[str, ...]) -> None:
    bms(*call, code=2)


def test_a_file_that_cannot_be_read_is_the_works_failure(bms: Bms, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    assert "time" in bms("detect", "--csv", path, code=1)


def test_a_site_without_readings_says_what_its_rules_lack(bms: Bms) -> None:
    answer = json.loads(bms("detect", "school", "--json"))
    assert answer["findings"] == []
    assert {row["reason"]["code"] for row in answer["cannot_run"]} >= {"cannot_missing_signals"}
    bms("detect", "nowhere", code=2)


def test_a_caretaker_sees_a_fault_through(bms: Bms) -> None:
    """On the list once, seen, given away, put off, repaired; each word with who and when."""
    bms("work", "list")
    store = SqlStore(f"sqlite:///{bms.home / 'bms.db'}")
    cause = a_cause("heat", site="school", rule="DH-SUMMER-HEAT")
    store.keep_items([a_work_item(cause=cause)], [])
    store.close()

    def state(*only: str) -> list[tuple[str, str]]:
        rows = json.loads(bms("work", "list", "school", *only, "--json"))
        return [(row["id"], row["state"]) for row in rows]

    assert state() == [("w1", "open")]
    bms("work", "ack", "w1", "--by", "Mette")
    bms("work", "ack", "w1", "--by", "Bo")
    shown = json.loads(bms("work", "show", "w1", "--json"))
    assert (shown["state"], shown["acknowledged_by"]) == ("acknowledged", "Mette")
    bms("work", "assign", "w1", "--to", "the plumber", "--by", "Mette")
    bms("work", "snooze", "w1", "--until", "2019-01-01", "--by", "Mette", code=1)
    tomorrow = (datetime.now(UTC) + 2 * DAY).date().isoformat()
    bms("work", "snooze", "w1", "--until", tomorrow, "--by", "Mette")
    assert state("--state", "assigned") == []
    assert state("--state", "snoozed") == [("w1", "snoozed")]
    bms("work", "close", "w1", "--as", "not_a_fault", "--by", "Mette", code=1)
    reason = ("--reason", "thermostat exchanged")
    bms("work", "close", "w1", "--as", "done", *reason, "--by", "Mette")
    assert state() == []
    assert state("--state", "closed") == [("w1", "closed")]
    assert "thermostat exchanged" in bms("work", "show", "w1")
    bms("work", "ack", "w1", "--by", "Mette", code=1)
    bms("work", "show", "none", code=2)
