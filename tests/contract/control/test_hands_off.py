"""W10 on a real database file that another process has locked, or that is away, over HTTP and by
the command line."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.errors import StoreUnavailable
from bms.journal import FileHandsOff, FileJournal
from bms.model.assets.site import Mode
from bms.runtime.jobs import hands_off_job
from bms.runtime.municipality import EXAMPLES
from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore
from tests.rigs.fakes.api import NOW, SETPOINT, World, a_command, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.safety import lease_of

DEVICE = "lodge/rooms"


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A lodge whose setpoint we hold, over a database in a file."""
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db", patience_s=1.5)
    made = a_world(tmp_path, store=store)  # type: ignore[arg-type]
    hold(made)
    yield made
    store.close()


def hold(world: World) -> None:
    site = world.city.site("lodge")
    point = next(p for p in site.points if p.id == SETPOINT)
    command = replace(a_command("held", NOW, 18.0), lease_end=NOW + HOUR)
    world.city.journal.intend([lease_of(command, point, site.device(point.device))])
    world.drivers.device(DEVICE).held[SETPOINT] = 18.0
    world.drivers.device(DEVICE).own[SETPOINT] = 21.0


SAID = {
    "override": ("/v1/sites/lodge/overrides", {"point": SETPOINT, "reason": "draught"}),
    "release of the site": ("/v1/release", {"site": "lodge", "reason": "alarm"}),
    "release of a point": ("/v1/release", {"point": SETPOINT, "reason": "alarm"}),
    "release of the city": ("/v1/release", {"all": True, "reason": "alarm"}),
    "lower mode": ("/v1/sites/lodge/mode", {"mode": "observe", "reason": "alarm"}),
}


@pytest.mark.parametrize("what", SAID)
async def test_w10_over_http_while_the_database_is_locked(world: World, what: str) -> None:
    path, body = SAID[what]
    async with world.browser(**world.key("operate")) as browser:
        with locked(world.city.settings.home / "bms.db"):
            began = time.monotonic()
            answer = await browser.post(path, json=body)
            assert time.monotonic() - began < 3.0
            assert answer.status_code == 202, answer.text
            told = answer.json().get("released", answer.json())
            assert told["complete"] is True
            assert told["recorded"] is False
            assert world.drivers.device(DEVICE).held == {}
            (mark,) = (await browser.get("/v1/release")).json()["marks"]
            assert mark["actor"] == "operate of a test"
            assert mark["recorded"] is False
            shown = (await browser.get("/v1/sites/lodge")).json()
            assert [each["id"] for each in shown["hands_off"]] == [mark["id"]]
        await hands_off_job(world.city).run(NOW)
        (mark,) = (await browser.get("/v1/release")).json()["marks"]
        assert mark["recorded"] is True
        said = world.store.mode("lodge") is Mode.OBSERVE, world.store.overrides("lodge", NOW)
        assert said[0] or [o.point for o in said[1]] == [SETPOINT]


class Gone(MemoryStore):
    """A database that answers nothing once it is away."""

    away = False

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if callable(found) and not name.startswith("_") and name != "close" and self.away:
            raise StoreUnavailable("the database is away")
        return found


async def test_w10_over_http_with_a_database_that_is_away(tmp_path: Path) -> None:
    """A key that was found before is good; the word is on disk."""
    store = Gone()
    world = a_world(tmp_path, store=store)
    hold(world)
    marks = FileHandsOff.beside(world.city.settings.journal)
    async with world.browser(**world.key("operate")) as browser:
        assert (await browser.get("/v1/release")).status_code == 200
        store.away = True
        answer = await browser.post("/v1/release", json={"all": True, "reason": "alarm"})
        assert answer.status_code == 202, answer.text
        assert world.drivers.device(DEVICE).held == {}
        (mark,) = marks.marks().values()
        assert mark.mode is Mode.OBSERVE
        undone = await browser.post("/v1/release/undo", json={"all": True, "reason": "over"})
        assert undone.status_code == 202
        assert marks.marks() == {}
        answer = await browser.post("/v1/sites/lodge/overrides", json={"reason": "draught"})
        assert answer.status_code == 202
        gone = await browser.delete(answer.headers["location"])
        assert gone.status_code == 204
    async with world.browser(authorization="Bearer bms_other_key") as browser:
        answer = await browser.post("/v1/release", json={"all": True, "reason": "alarm"})
        assert answer.status_code == 503


class Shell:
    """The command line in this process, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        sites = home / "sites"
        sites.mkdir()
        text = (EXAMPLES / "sportshall.yaml").read_text("utf-8")
        (sites / "sportshall.yaml").write_text(re.sub(r"port: \d+", "port: 9", text), "utf-8")
        self.env = {"BMS_HOME": str(home), "BMS_SITES": str(sites), "COLUMNS": "200"}

    def __call__(self, *words: str) -> str:
        done = CliRunner().invoke(app, words, env=self.env)
        assert "Traceback" not in done.output
        return done.output


def test_w10_the_command_line_writes_it_down_before_it_looks_for_a_database(
    tmp_path: Path,
) -> None:
    shell = Shell(tmp_path)
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    with locked(tmp_path / "bms.db"):
        site = json.loads(shell("sites", "list", "--json"))[0]["site"]
        shell("release", "--all", "--json")
        (mark,) = FileHandsOff.beside(tmp_path / "release.journal").marks().values()
        assert (mark.site, mark.mode, mark.actor) == (None, Mode.OBSERVE, "operator")
        row = json.loads(shell("sites", "list", "--json"))[0]
        assert [each["id"] for each in row["hands_off"]] == [mark.id]
        assert "release of the city by operator" in shell("sites", "list")
    shell("release", site, "--undo", "--reason", "a false alarm")
    (mark,) = FileHandsOff.beside(tmp_path / "release.journal").marks().values()
    assert mark.excepted == {site}
    assert "taken back" in shell("release", "--all", "--undo")
    assert FileHandsOff.beside(tmp_path / "release.journal").marks() == {}
    assert store.mode(site) is not None
    assert FileJournal(tmp_path / "release.journal").leases() == {}
    store.close()


def test_w10_a_persons_write_without_a_database_says_why_not_and_the_way_out(
    tmp_path: Path,
) -> None:
    shell = Shell(tmp_path)
    SqlStore(f"sqlite:///{tmp_path}/bms.db").close()
    point = "sportshall/hall.setpoint"
    with locked(tmp_path / "bms.db"):
        begun = time.monotonic()
        said = shell("write", point, "20.5", "--reason", "a test")
        assert time.monotonic() - begun < 5.0
    assert f"{point} is not written" in said
    assert "bms release" in said
    assert FileJournal(tmp_path / "release.journal").leases() == {}
