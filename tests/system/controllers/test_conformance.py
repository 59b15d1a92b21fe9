"""The conformance test for controllers that fetch, over real HTTP: the reference client passes it
and the API, and clients with one fault each are found out."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
import uvicorn

from bms.clock import SystemClock
from bms.services.effective_control import controlled_points
from drivers.simulator.servers.loopback_ports import probe_tcp
from tests.rigs.fakes.api import SETPOINT, a_lodge_plan, a_world
from tests.rigs.paths import ROOT

LEASE_S = 1.5
KEY, DEVICE = "bms_test", "lodge/rooms"


def example(name: str) -> ModuleType:
    """A program of docs/examples as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


client, conformance = example("controller_client"), example("controller_conformance")
Controller = client.ControllerClient


class Mute(Controller):
    """Applies everything and says nothing."""

    def call(self, path: str, body: object = None, tag: str = "") -> Any:
        if path == "applied":
            raise OSError("not asked to")
        return super().call(path, body, tag)


class Idle(Controller):
    """Fetches, says that it applies the plan, and does nothing."""

    def effective(self, now: datetime) -> tuple[str | None, dict[str, float]]:
        return super().effective(now)[0], dict(self.own)


class Endless(Controller):
    """Knows of no end of a lease."""

    def fetch(self) -> None:
        super().fetch()
        self.lease_ends = math.inf


class Nervous(Controller):
    """Gives up at the first answer that is missing."""

    def fetch(self) -> None:
        before = self.lease_ends
        super().fetch()
        if self.lease_ends == before:
            self.lease_ends = 0.0


class Forgetful(Controller):
    """Takes 304 for no answer."""

    def fetch(self) -> None:
        before, tag = self.lease_ends, self.tag
        super().fetch()
        if tag and tag == self.tag:
            self.lease_ends = before


class Untagged(Controller):
    """Asks for everything each time."""

    def fetch(self) -> None:
        self.tag = ""
        super().fetch()


class Stuck(Controller):
    """Applies the first step of a plan for ever."""

    def effective(self, now: datetime) -> tuple[str | None, dict[str, float]]:
        plan, values = super().effective(now)
        rows = self.schedule.get("setpoints", [])
        first = {row["point"]: row["steps"][0]["value"] for row in rows}
        return plan, values | first


class Stubborn(Controller):
    """Keeps the plan where its key is refused."""

    def fetch(self) -> None:
        before = self.lease_ends
        super().fetch()
        if self.lease_ends == 0.0:
            self.lease_ends = before + LEASE_S


class Timeless(Controller):
    """Gives times without an offset."""

    def call(self, path: str, body: Any = None, tag: str = "") -> Any:
        if body is not None:
            body = {**body, "time": body["time"].removesuffix("+00:00")}
        return super().call(path, body, tag)


class Stopped(Controller):
    """Its clock stands: every report is of the same moment."""

    def call(self, path: str, body: Any = None, tag: str = "") -> Any:
        if body is not None:
            body = {**body, "time": "2026-01-01T00:00:00+00:00"}
        return super().call(path, body, tag)


class Rare(Controller):
    """Fetches hardly once a lease."""


class Stranger(Controller):
    """Has another key."""

    def __init__(self, url: str, device: str, key: str, own: dict[str, float]) -> None:
        super().__init__(url, device, f"{key}-of-somebody", own)


FOUND_BY = {
    Controller: None,
    Mute: "reports plan",
    Idle: "applies the plan",
    Endless: "own control once a lease has ended",
    Nervous: "a failed fetch alone",
    Forgetful: "a 304 renews",
    Untagged: "If-None-Match",
    Stuck: "follows the steps",
    Stubborn: "refused",
    Timeless: "aware time",
    Stopped: "reported once",
    Rare: "twice a lease",
    Stranger: "its own key",
}


def judged(kind: type[Any], found: dict[type[Any], list[str]]) -> None:
    """Run one client against a stand-in of its own; keep what it fails."""
    server = conformance.StandIn(0, DEVICE, KEY, SETPOINT, LEASE_S)
    one = kind(f"http://127.0.0.1:{server.server_port}", DEVICE, KEY, {SETPOINT: 16.0})
    over = threading.Event()

    def live() -> None:
        while not over.wait(LEASE_S * (0.8 if kind is Rare else 0.12)):
            one.tick()

    living = threading.Thread(target=live, daemon=True)
    living.start()
    found[kind] = [demand for met, demand in conformance.run(server) if not met]
    over.set()
    living.join(5.0)


@pytest.fixture(scope="module")
def failures() -> dict[type[Any], list[str]]:
    found: dict[type[Any], list[str]] = {}
    runs = [threading.Thread(target=judged, args=(kind, found)) for kind in FOUND_BY]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    return found


def test_w15_the_reference_client_conforms(failures: dict[type[Any], list[str]]) -> None:
    assert failures[Controller] == []


@pytest.mark.parametrize("kind", [k for k in FOUND_BY if k is not Controller])
def test_w15_a_faulty_client_is_found_out(failures, kind) -> None:
    assert any(str(FOUND_BY[kind]) in demand for demand in failures[kind]), failures[kind]


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[Any, str]]:
    """The API over real HTTP, at the time of this computer."""
    world = a_world(tmp_path).rewired(clock=SystemClock())
    port = probe_tcp(0)
    server = uvicorn.Server(uvicorn.Config(world.app, port=port, log_level="error"))
    running = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    running.start()
    while not server.started:
        time.sleep(0.01)
    yield world, f"http://127.0.0.1:{port}"
    server.should_exit = True
    running.join(10.0)


def test_w15_the_reference_client_and_the_api_understand_each_other(served) -> None:
    world, url = served
    store, now = world.store, datetime.now(UTC)
    store.add_plan(a_lodge_plan("p1", now))
    key = world.key(f"controller:{DEVICE}")["authorization"].removeprefix("Bearer ")
    one = Controller(url, DEVICE, key, {SETPOINT: 16.0})

    def controlled() -> frozenset[str]:
        after = datetime.now(UTC)
        return controlled_points(store.receipts("lodge", after - timedelta(hours=1)), after)

    assert controlled() == frozenset()
    assert one.tick() == ("p1", {SETPOINT: 18.0})
    assert controlled() == {SETPOINT}
    one.hands = {SETPOINT: 22.0}
    assert one.tick()[1] == {SETPOINT: 22.0}
    assert controlled() == frozenset()
    assert [o.point for o in store.overrides("lodge", datetime.now(UTC))] == [SETPOINT]
    one.hands = {}
    one.tick()  # the override has left the schedule without the point; this report ends it
    assert one.tick() == ("p1", {SETPOINT: 18.0})
    assert controlled() == {SETPOINT}
    one.key = "bms_0000_wrong"
    assert one.tick() == (None, {SETPOINT: 16.0})
