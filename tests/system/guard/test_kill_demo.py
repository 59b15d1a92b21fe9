"""SIGKILL in the middle of the demo, and its polite ends: the buildings always get back control.

Seen from outside, over the wire, with plain clients.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.journal import open_leases
from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Released, StillHeld
from bms.model.control.lease import Lease
from bms.runtime.municipality import EXAMPLES, START, example_sites
from bms.services.guard.heartbeat import Presence
from bms.store.sql.store import SqlStore
from tests.rigs.processes.outside import (
    alive,
    bms,
    building_time,
    children,
    end,
    on_the_wire,
    soon,
)

BEGIN = START.astimezone(UTC)
SPEED = 120
LEASE = timedelta(minutes=30)
SLACK = timedelta(minutes=20)
"""Building time that may pass on top of the lease: ten real seconds at this speed."""


@dataclass(frozen=True)
class Home:
    """The folder of a demo."""

    path: Path

    @property
    def journal(self) -> Path:
        return self.path / "release.journal"

    @property
    def leases(self) -> list[Lease]:
        return open_leases(self.journal)

    def now(self) -> datetime:
        return building_time(self.path / "clock.json")

    def has_come_to(self, moment: datetime) -> bool:
        return (self.path / "clock.json").exists() and self.now() >= moment

    def guard(self) -> int:
        seen = Presence(self.journal).look()
        return seen.pid if seen else 0


def wired_to(leases: Sequence[Lease]) -> list[Site]:
    """The example sites, each of their devices with the port that a lease names."""
    ports = {(lease.point.site, lease.device.protocol): lease.device.port for lease in leases}
    sites = []
    for site in example_sites(3):
        devices = tuple(
            replace(device, port=ports[site.id, device.protocol])
            for device in site.devices
            if (site.id, device.protocol) in ports
        )
        sites.append(replace(site, devices=devices))
    return sites


def test_a_killed_demo_leaves_every_building_to_itself_within_the_lease(tmp_path: Path) -> None:
    arguments = ("demo", "--once", "--past-days", "2", "--speed", str(SPEED))
    log = tmp_path / "demo.log"
    with bms(*arguments, log=log, cwd=tmp_path, env={"TMPDIR": str(tmp_path)}) as demo:
        soon(lambda: list(tmp_path.glob("bms-demo-*")), 20, "a home", demo)
        home = Home(next(tmp_path.glob("bms-demo-*")))
        # The sports hall's own ventilation runs from 06:00 on, ours only from 07:30.
        soon(
            lambda: home.has_come_to(BEGIN + timedelta(hours=6, minutes=15)),
            90,
            "a quarter past",
            demo,
        )
        demo.send_signal(signal.SIGSTOP)
        pids = children(demo.pid) | {home.guard()}
        try:
            leases = home.leases
            sites = wired_to(leases)
            held = on_the_wire(sites, home.now)
            assert {point.split("/", 1)[0] for point in held} == {site.id for site in sites}
            kinds = {lease.point.write.release.kind for lease in leases if lease.point.write}
            assert kinds >= {ReleaseKind.NULL, ReleaseKind.REMOTE_ENABLE, ReleaseKind.TIMETABLE}
            assert held["sportshall/ahu1.run"] == "0 instead of 1"
            assert len(pids) == 2
            assert all(alive(pid) for pid in pids)

            demo.send_signal(signal.SIGKILL)
            demo.wait(10)
            last = max(lease.lease_end for lease in leases)
            assert last <= home.now() + LEASE
            soon(lambda: home.has_come_to(last + SLACK) or not home.leases, 60, "time goes on")
            assert home.now() <= last + SLACK
            assert home.leases == []
            assert on_the_wire(sites, home.now) == {}
            soon(lambda: home.guard() == 0, 10, "the guard ends by itself")
        finally:
            end(pids)
    assert "Traceback" not in log.read_text()
    for log_file in home.path.glob("*.log"):
        assert "Traceback" not in log_file.read_text(), log_file


def run_demo(tmp_path: Path, *arguments: str):
    """The live demo in a folder of its own."""
    log = tmp_path / "demo.log"
    return bms("demo", "--port", "0", *arguments, log=log, cwd=tmp_path, env={})


def everything_is_given_back(home: Home) -> None:
    """By the journal and by the last receipt of every point that was written."""
    assert home.leases == []
    store = SqlStore(f"sqlite:///{home.path / 'bms.db'}")
    try:
        last: dict[str, type] = {}
        for site in example_sites(3):
            for _, receipt in store.receipts(site.id, BEGIN - timedelta(days=1)):
                if isinstance(receipt, Released | StillHeld):
                    last[receipt.point] = type(receipt)
                else:
                    last[receipt.command.point] = type(receipt)
        assert len(last) >= 10
        assert set(last.values()) == {Released}
    finally:
        store.close()


@pytest.mark.parametrize(
    ("number", "days", "after"),
    [
        pytest.param(  # it runs live by then
            signal.SIGTERM, "1", timedelta(days=1, hours=2), marks=pytest.mark.long
        ),
        (signal.SIGINT, "14", timedelta(hours=3)),  # it still runs its first days
    ],
)
def test_a_demo_that_is_told_to_end_gives_everything_back(
    tmp_path: Path, number: signal.Signals, days: str, after: timedelta
) -> None:
    home = Home(tmp_path / "var" / "demo")
    arguments = ("--past-days", "2", "--days", days, "--speed", "900")
    with run_demo(tmp_path, *arguments) as demo:
        soon(lambda: home.has_come_to(BEGIN + after), 120, "some hours", demo)
        soon(lambda: len(home.leases) >= 10, 20, "leases", demo)
        pids = children(demo.pid)
        assert len(pids) == 2
        demo.send_signal(number)
        assert demo.wait(40) == 0
        assert [pid for pid in pids if alive(pid)] == []
    everything_is_given_back(home)
    log = (tmp_path / "demo.log").read_text()
    assert "Traceback" not in log
    assert "Dashboard: http://127.0.0.1:" in log


def test_a_demo_that_is_told_to_end_while_it_fills_the_past_ends_at_once(tmp_path: Path) -> None:
    with run_demo(tmp_path) as demo:
        soon((tmp_path / "var/demo/clock.json").exists, 30, "the simulator", demo)
        pids = children(demo.pid)
        assert len(pids) == 1
        assert "works with" in refusal_of_another(tmp_path)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(20) == 0
        assert [pid for pid in pids if alive(pid)] == []
    assert "Traceback" not in (tmp_path / "demo.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_days_that_are_told_to_end_leave_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    arguments = ("demo", "--once", "--past-days", "2")
    log = tmp_path / "demo.log"
    with bms(*arguments, log=log, cwd=tmp_path, env={"TMPDIR": str(tmp_path)}) as demo:
        soon(lambda: list(tmp_path.glob("bms-demo-*")), 40, "a home", demo)
        home = Home(next(tmp_path.glob("bms-demo-*")))
        soon(lambda: home.has_come_to(BEGIN + timedelta(hours=6)), 120, "some hours", demo)
        soon(lambda: home.leases, 20, "leases", demo)
        pids = children(demo.pid)
        assert len(pids) == 2
        demo.send_signal(number)
        assert demo.wait(40) == 128 + number
        assert [pid for pid in pids if alive(pid)] == []
    assert "Traceback" not in log.read_text()
    assert not home.path.exists()


def refusal_of_another(tmp_path: Path) -> str:
    """What ``bms run`` says in the home of the demo (clause W2)."""
    log, env = tmp_path / "run.log", {"BMS_HOME": "var/demo", "BMS_SITES": str(EXAMPLES)}
    with bms("run", log=log, cwd=tmp_path, env=env) as other:
        assert other.wait(60) == 1
    return log.read_text()


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        log = tmp_path / "demo.log"
        with bms("demo", "--port", str(port), log=log, cwd=tmp_path, env={}) as demo:
            assert demo.wait(30) == 1
    said = log.read_text()
    assert f"port {port} of 127.0.0.1 is in use" in said
    assert "--port" in said
    assert "Traceback" not in said


def test_our_own_process_is_alive_and_a_reaped_one_is_not() -> None:
    """The eye of these tests sees."""
    assert alive(os.getpid())
    pid = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(pid, 0)
    assert not alive(pid)
