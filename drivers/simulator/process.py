"""The simulator as a process of its own: it owns building time and is driven by JSON lines.

First it prints ``{"ready": true, "ports": {site: {"bacnet": n, "modbus": m}}, "time": iso}``, then
it answers every line on standard input with one line:

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

Every answer carries ``time``; a line that is wrong is answered by ``{"error": text}`` and nothing
stops. When standard input closes without ``stop`` the owner has died, and the buildings go on
without it for a bounded time, because real ones would.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bms.errors import BmsError, ConfigError
from drivers.simulator.config import SimulatorConfig
from drivers.simulator.control_points import LeverPanel
from drivers.simulator.interfaces import SiteHistory, World
from drivers.simulator.servers.fleet import SiteServers

HEARTBEAT_S = 0.1
PROGRESS_STEP = 0.01
LONGEST_STEP_S = 900
LINE_BYTES = 1 << 20

Say = Callable[[Mapping[str, object]], None]
Builder = Callable[[SimulatorConfig], World]


class Simulation:
    """Physics, levers and servers of all sites; the one place where time passes."""

    def __init__(self, config: SimulatorConfig, world: World) -> None:
        self._config = config
        self.world = world
        self.panel = LeverPanel(world)
        self.sites = {
            site.id: SiteServers(site.id, site.archetype, world, self.panel)
            for site in config.sites
        }

    async def start(self) -> dict[str, dict[str, int]]:
        """Start every server; the port of each protocol by site. Raises ConfigError."""
        ports = {}
        base = self._config.base_port
        for i, (site, servers) in enumerate(self.sites.items()):
            ports[site] = await servers.start(base and base + 2 * i)
        self._tell_time()
        return ports

    def advance(self, seconds: int) -> None:
        """Let time pass [s]; afterwards every served value is of the new time."""
        self.panel.advance(seconds)
        self.show()

    def show(self) -> None:
        """Bring served values and the clock file to the physics' time."""
        for servers in self.sites.values():
            servers.refresh()
        self._tell_time()

    def _tell_time(self) -> None:
        path = self._config.clock_file
        if path is not None:
            replace_file(path, json.dumps({"time": self.world.now.isoformat()}).encode())

    def state(self) -> dict[str, dict[str, object]]:
        return {site: self.panel.state(site) for site in self.sites}

    async def close(self) -> None:
        for servers in self.sites.values():
            await servers.close()


class Console:
    """Answers the owner's lines."""

    def __init__(self, simulation: Simulation, say: Say) -> None:
        self._simulation = simulation
        self._say = say
        self._speed = 0.0
        self.stopped = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    async def listen(self, lines: asyncio.StreamReader) -> None:
        """Answer lines until ``stop``, or until the owner's end of the pipe closes."""
        while not self.stopped.is_set():
            try:
                line = await lines.readline()
            except ValueError:  # a line longer than the buffer: skip what was read of it
                self._say({"error": f"a line holds at most {LINE_BYTES} bytes"})
                continue
            if not line:
                return
            self._say(await self.answer(line))

    async def answer(self, line: bytes) -> dict[str, object]:
        """The answer to one line; never raises for what the line says."""
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
                loop.call_soon_threadsafe(self._say, {"progress": round(share, 3)})

        sites = await asyncio.to_thread(world.history, until, step_s, progress)
        await asyncio.to_thread(save_history, path, start, step_s, sites)
        self._simulation.panel.follow()
        self._simulation.show()
        return {"path": str(path)}

    async def _fork(self, order: dict[str, Any]) -> dict[str, object]:
        self._simulation.world.fork_worlds()
        self._simulation.show()
        return {"forked": True}

    async def _advance(self, order: dict[str, Any]) -> dict[str, object]:
        self._stand_still()
        self._simulation.advance(int(order["seconds"]))
        return {}

    async def _set_speed(self, order: dict[str, Any]) -> dict[str, object]:
        self.run_at(float(order["x"]))
        return {"speed": self._speed}

    def run_at(self, speed: float) -> None:
        """Let time run by itself, ``speed`` times as fast as real time; 0 stops it.

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
            self._say({"error": f"time stands still: {error}", "time": self._time()})
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
        self._speed = 0.0
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def plain(value: Any) -> Any:
    """A record as JSON knows it: dataclasses become dicts, arrays lists, NaN null."""
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
    """One array ``site`` (times, signals) and its names ``site.signals`` per site, ``times`` [s].

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
    """Write a file so that a reader sees the old or the new content, never a part."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    draft.write_bytes(content)
    draft.replace(path)


def say(message: Mapping[str, object]) -> None:
    """One line to the owner; an owner that is gone hears nothing."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


async def owner_lines() -> asyncio.StreamReader:
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
    console = Console(simulation, say)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, console.stopped.set)
    try:
        ports = await simulation.start()
        time = simulation.world.now.isoformat()
        say({"ready": True, "ports": ports, "time": time})
        await _serve(config, console)
    finally:
        await console.close()
        await simulation.close()


async def _serve(config: SimulatorConfig, console: Console) -> None:
    listening = asyncio.create_task(console.listen(await owner_lines()))
    stopping = asyncio.create_task(console.stopped.wait())
    await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        listening.result()
    if not console.stopped.is_set():
        console.run_at(config.orphan_speed)
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
        say({"error": str(error)})
        return 1
    return 0
