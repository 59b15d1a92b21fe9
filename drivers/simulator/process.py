"""The simulator as a process of its own, which owns building time and is controlled by JSON lines.

First it prints ``{"ready": true, "ports": {site: {"bacnet": n, "modbus": m}}, "time": iso}``, then
it replies to every line on standard input with one line:

================================================== ============================================
line                                               answer
================================================== ============================================
``{"op": "history", "until", "step_s", "path"}``   ``{"progress": 0..1}`` lines, then ``{"path"}``
``{"op": "fork"}``                                 ``{"forked": true}``
``{"op": "advance", "seconds"}``                   when all served values are of the new time
``{"op": "speed", "x"}``                           runs by itself, x times real time; 0 = stop
``{"op": "truth", "path"}``                        ``{"path"}``: what really happened, as JSON
``{"op": "state"}``                                ``{"state"}``: who holds what
``{"op": "stop"}``                                 ``{"stopped": true}``, then it ends
================================================== ============================================

Every reply has ``time``; the reply to a wrong line is ``{"error": text}``. When standard input
closes without ``stop`` the owner has died, and the buildings go on for a bounded time, as real ones
would.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bms.errors import BmsError, ConfigError
from drivers.simulator.config import SimulatorConfig
from drivers.simulator.control_points import ControlPoints
from drivers.simulator.interfaces import SiteHistory, World
from drivers.simulator.servers.building import BuildingServers

HEARTBEAT_S = 0.1
PROGRESS_STEP = 0.01
LONGEST_STEP_S = 900
LINE_BYTES = 1 << 20

SendLine = Callable[[Mapping[str, object]], None]
Builder = Callable[[SimulatorConfig], World]


class Simulation:
    """Physics, control points and servers of all sites; the only place that advances time."""

    def __init__(self, config: SimulatorConfig, world: World) -> None:
        self._config = config
        self._boot = uuid.uuid4().hex
        self._elapsed_s = 0
        self.world = world
        self.points = ControlPoints(world)
        self.sites = {
            site.id: BuildingServers(site.id, site.archetype, world, self.points)
            for site in config.sites
        }

    async def start(self) -> dict[str, dict[str, int]]:
        """Start every server; the port of each protocol by site. Raises ConfigError."""
        ports = {}
        base = self._config.base_port
        for i, (site, servers) in enumerate(self.sites.items()):
            ports[site] = await servers.start(base and base + 2 * i)
        self._write_clock_file()
        return ports

    def advance(self, seconds: int) -> None:
        """Advance time by ``seconds`` [s]; all served values are then of the new time."""
        self.points.advance(seconds)
        self._elapsed_s += seconds
        self.refresh()

    def refresh(self) -> None:
        """Update the served values and the clock file to the time of the physics."""
        for servers in self.sites.values():
            servers.refresh()
        self._write_clock_file()

    def _write_clock_file(self) -> None:
        path = self._config.clock_file
        if path is not None:
            said = {
                "time": self.world.now.isoformat(),
                "elapsed": self._elapsed_s,
                "boot": self._boot,
            }
            replace_file(path, json.dumps(said).encode())

    def state(self) -> dict[str, dict[str, object]]:
        """The state of the control points by site."""
        return {site: self.points.state(site) for site in self.sites}

    async def close(self) -> None:
        """Close all servers."""
        for servers in self.sites.values():
            await servers.close()


class ControlChannel:
    """Replies to the owner's lines, and lets time run at a given speed."""

    def __init__(self, simulation: Simulation, send_line: SendLine) -> None:
        self._simulation = simulation
        self._send_line = send_line
        self._speed = 0.0
        self.stopped = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    async def listen(self, lines: asyncio.StreamReader) -> None:
        """Reply to lines until ``stop``, or until the owner's end of the pipe closes."""
        while not self.stopped.is_set():
            try:
                line = await lines.readline()
            except ValueError:  # a line longer than the buffer: skip what was read of it
                self._send_line({"error": f"a line holds at most {LINE_BYTES} bytes"})
                continue
            if not line:
                return
            self._send_line(await self.answer(line))

    async def answer(self, line: bytes) -> dict[str, object]:
        """The reply to one line; ``{"error": …}`` for a wrong one."""
        try:
            reply = await self._do(json.loads(line))
        except (BmsError, ValueError, TypeError, OSError, LookupError) as error:
            return {"error": _reason(error), "time": self._time()}
        return {**reply, "time": self._time()}

    def _time(self) -> str:
        return self._simulation.world.now.isoformat()

    async def _do(self, order: Any) -> dict[str, object]:
        operations: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, object]]]] = {
            "history": self._history,
            "fork": self._fork,
            "advance": self._advance,
            "speed": self._set_speed,
            "truth": self._truth,
            "state": self._state,
            "stop": self._stop,
        }
        operation = order.get("op") if isinstance(order, dict) else None
        if operation not in operations:
            raise ValueError(f"unknown op {operation!r}: {', '.join(operations)}")
        return await operations[operation](order)

    def _stand_still(self) -> None:
        if self._speed:
            raise ValueError("time runs by itself; stop it first with speed 0")

    async def _history(self, order: dict[str, Any]) -> dict[str, object]:
        self._stand_still()
        until = datetime.fromisoformat(order["until"])
        step_s, path = int(order["step_s"]), Path(order["path"])
        world, loop = self._simulation.world, asyncio.get_running_loop()
        start = world.now
        said = 0.0

        def progress(share: float) -> None:
            nonlocal said
            if self.stopped.is_set():
                raise ValueError("the past was not filled: the process was told to end")
            if share - said >= PROGRESS_STEP or share >= 1.0:
                said = share
                loop.call_soon_threadsafe(self._send_line, {"progress": round(share, 3)})

        sites = await asyncio.to_thread(world.history, until, step_s, progress)
        await asyncio.to_thread(save_history, path, start, step_s, sites)
        self._simulation.points.follow_programmes()
        self._simulation.refresh()
        return {"path": str(path)}

    async def _fork(self, order: dict[str, Any]) -> dict[str, object]:
        self._simulation.world.fork_worlds()
        self._simulation.refresh()
        return {"forked": True}

    async def _advance(self, order: dict[str, Any]) -> dict[str, object]:
        self._stand_still()
        self._simulation.advance(int(order["seconds"]))
        return {}

    async def _set_speed(self, order: dict[str, Any]) -> dict[str, object]:
        self.run_at(float(order["x"]))
        return {"speed": self._speed}

    def run_at(self, speed: float) -> None:
        """Let time run ``speed`` times as fast as real time; 0 stops it.

        Raises ValueError for a speed outside 0..10000.
        """
        if not 0.0 <= speed <= 10_000.0:
            raise ValueError(f"speed {speed} is outside 0..10000")
        self._speed = speed
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last, owed = loop.time(), 0.0
        while self._speed:
            await asyncio.sleep(HEARTBEAT_S)
            now = loop.time()
            owed += (now - last) * self._speed
            last = now
            step = min(int(owed // 60) * 60, LONGEST_STEP_S)
            if step:
                if not self._step(step):
                    return
                owed = min(owed - step, LONGEST_STEP_S)  # too slow a machine falls behind

    def _step(self, seconds: int) -> bool:
        try:
            self._simulation.advance(seconds)
        except (BmsError, ValueError, LookupError) as error:
            self._speed = 0.0
            self._send_line({"error": f"time stands still: {error}", "time": self._time()})
            return False
        return True

    async def _truth(self, order: dict[str, Any]) -> dict[str, object]:
        path = Path(order["path"])
        record = self._simulation.world.record()
        replace_file(path, json.dumps(plain(record)).encode())
        return {"path": str(path)}

    async def _state(self, order: dict[str, Any]) -> dict[str, object]:
        return {"state": self._simulation.state()}

    async def _stop(self, order: dict[str, Any]) -> dict[str, object]:
        self.stopped.set()
        return {"stopped": True}

    async def close(self) -> None:
        """Stop the time."""
        self._speed = 0.0
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def plain(value: Any) -> Any:
    """A record for JSON: dataclasses become dicts, arrays lists, NaN null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def save_history(path: Path, start: datetime, step_s: int, sites: SiteHistory) -> None:
    """Write for each site an array ``site`` (times, signals) and ``site.signals``; ``times`` [s].

    Values stand at the end of each step.
    """
    arrays: dict[str, Any] = {}
    for site, signals in sites.items():
        arrays[site] = np.column_stack(list(signals.values()))
        arrays[f"{site}.signals"] = np.array(list(signals))
    steps = max((len(a) for a in arrays.values() if a.ndim == 2), default=0)
    arrays["times"] = int(start.timestamp()) + step_s * np.arange(1, steps + 1, dtype=np.int64)
    draft = path.with_name(path.name + ".part.npz")
    np.savez(draft, **arrays)
    draft.replace(path)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    draft.write_bytes(content)
    draft.replace(path)


def send_line(message: Mapping[str, object]) -> None:
    """Write one line to standard output; a closed pipe is ignored."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


async def owner_stream() -> asyncio.StreamReader:
    """Standard input as a stream."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def run(config: SimulatorConfig, build: Builder) -> None:
    """Serve until ``stop``, SIGTERM, or the end of the time after the owner's death.

    Raises ``bms.errors.ConfigError`` when something cannot be started.
    """
    loop = asyncio.get_running_loop()
    simulation = Simulation(config, build(config))
    channel = ControlChannel(simulation, send_line)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, channel.stopped.set)
    try:
        ports = await simulation.start()
        time = simulation.world.now.isoformat()
        send_line({"ready": True, "ports": ports, "time": time})
        await _serve(config, channel)
    finally:
        await channel.close()
        await simulation.close()


async def _serve(config: SimulatorConfig, channel: ControlChannel) -> None:
    listening = asyncio.create_task(channel.listen(await owner_stream()))
    stopping = asyncio.create_task(channel.stopped.wait())
    await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        listening.result()
    if not channel.stopped.is_set():
        channel.run_at(config.orphan_speed)
        await asyncio.wait({stopping}, timeout=config.orphan_seconds)
    for task in (listening, stopping):
        task.cancel()
    await asyncio.gather(listening, stopping, return_exceptions=True)


def build_world(config: SimulatorConfig) -> World:
    """The simulated municipality of a configuration. Raises ConfigError for its weather file."""
    from drivers.simulator.municipality import Municipality, SimSite, WeatherTable

    sites = [SimSite(s.id, s.archetype, s.seed, s.scale) for s in config.sites]
    try:
        weather = WeatherTable.from_csv_gz(config.weather)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{config.weather}: cannot be read: {error}") from error
    return Municipality(sites, weather, config.start.astimezone(UTC))


def main(arguments: Sequence[str] | None = None, build: Builder = build_world) -> int:
    """``python -m drivers.simulator --config FILE.json``; 0 done, 1 failed."""
    parser = argparse.ArgumentParser(prog="python -m drivers.simulator", description=main.__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON, see SimulatorConfig")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(run(SimulatorConfig.from_file(options.config), build))
    except BmsError as error:
        send_line({"error": str(error)})
        return 1
    return 0
