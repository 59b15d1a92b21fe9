"""SIGKILL of the writer of three simulated buildings, BACnet/IP and Modbus TCP, on real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.journal import open_leases
from bms.services.guard.heartbeat import GuardPlace, Presence
from drivers.simulator.client import SimulatorProcess
from drivers.simulator.config import SimulatorConfig
from tests.rigs.paths import ROOT

WRITER = ROOT / "tests" / "rigs" / "processes" / "guard_city_writer.py"
START = datetime(2019, 1, 14, 1, 0, tzinfo=UTC)
"""At night, when nobody needs air and every unit rests by its own control."""
NAMES = ("townhall", "school", "sportshall")


def config(clock_file: Path) -> SimulatorConfig:
    return SimulatorConfig.model_validate(
        {
            "sites": [{"id": name, "archetype": name, "seed": 7} for name in NAMES],
            "weather": ROOT / "bms" / "feeds" / "data" / "weather_hourly.csv.gz",
            "start": START,
            "clock_file": clock_file,
        }
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """The path of a journal whose guard is ended after the test."""
    path = tmp_path / "release.journal"
    yield path
    for place in (GuardPlace.STANDBY, GuardPlace.ACTIVE):
        seen = Presence(path, place).look()
        if seen is not None and seen.pid:
            os.kill(seen.pid, signal.SIGKILL)


async def test_a_killed_writer_leaves_every_point_under_the_buildings_own_control(
    tmp_path: Path, journal: Path
) -> None:
    clock_file = tmp_path / "clock.json"
    async with SimulatorProcess(tmp_path) as simulator:
        ports = await simulator.start(config(clock_file))
        writer = await asyncio.create_subprocess_exec(
            sys.executable,
            str(WRITER),
            str(journal),
            str(clock_file),
            json.dumps(ports),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert writer.stdout is not None
            kinds = json.loads(await asyncio.wait_for(writer.stdout.readline(), 25))
            assert set(kinds) == {"Accepted"}
            await simulator.advance(900)
            await asyncio.sleep(0.3)  # a renewal or two, and killed in the middle of the next
        finally:
            writer.send_signal(signal.SIGKILL)
            await writer.communicate()
        assert len(open_leases(journal)) == len(kinds)
        taken = await simulator.state()
        await simulator.advance(1800)
        await until_settled(journal)
        free = await simulator.state()
    for site in NAMES:
        assert taken[site]["held"]
        assert free[site]["held"] == []
        assert not any(free[site]["slots"].values())
        assert not any(free[site]["enables"].values())
        assert free[site]["effective"]["ahu1.run"] == 0.0
        assert free[site]["effective"] != taken[site]["effective"]


async def until_settled(journal: Path, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while open_leases(journal):
        assert time.monotonic() < deadline, open_leases(journal)
        await asyncio.sleep(0.05)
