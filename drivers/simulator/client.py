"""Starts the simulator process and controls it over its pipes, with a deadline for each reply."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from bms.errors import BmsError, ConfigError
from drivers.simulator.config import SimulatorConfig
from drivers.simulator.interfaces import FloatArray, SiteHistory

Ports = dict[str, dict[str, int]]
LINE_BYTES = 1 << 22
COMMAND = (sys.executable, "-m", "drivers.simulator")


class SimulatorError(BmsError):
    """The simulator replied with an error, did not reply in time, or has ended."""


class SimulatorProcess:
    """One simulator process, in a session of its own, so that it outlives its owner.

    Deadlines are real seconds [s]. Use it as ``async with SimulatorProcess(folder) as simulator``;
    leaving the block ends the process.
    """

    def __init__(
        self, folder: Path, *, deadline_s: float = 60.0, command: Sequence[str] = COMMAND
    ) -> None:
        self._folder = folder
        self._deadline_s = deadline_s
        self._command = tuple(command)
        self._process: asyncio.subprocess.Process | None = None
        self._request_lock = asyncio.Lock()
        self.ports: Ports = {}

    @property
    def pid(self) -> int | None:
        """The process id; None before the start and after the end."""
        return self._process.pid if self._process else None

    async def start(self, config: SimulatorConfig) -> Ports:
        """Start the process. Returns the port of each protocol by site.

        Raises ``ConfigError`` with the simulator's message when it cannot start.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "simulator.json"
        path.write_text(config.model_dump_json(indent=2))
        with (self._folder / "simulator.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                "--config",
                str(path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_BYTES,
                start_new_session=True,
            )
        try:
            ready = await self._next_line(self._deadline_s)
        except SimulatorError as error:
            await self.close()
            raise ConfigError(f"the simulator does not start: {error}") from error
        self.ports = ready["ports"]
        return self.ports

    async def history(
        self,
        until: datetime,
        path: Path,
        *,
        step_s: int = 900,
        on_progress: Callable[[float], None] | None = None,
        deadline_s: float = 900.0,
    ) -> SiteHistory:
        """Simulate until ``until``. Returns ``{site: {signal: values}}`` at the end of each step.

        ``step_s`` [s] is the length of a step; ``path`` gets the file that ``read_history`` reads.
        """
        order = {"op": "history", "until": until.isoformat(), "step_s": step_s, "path": str(path)}
        await self.request(order, deadline_s=deadline_s, on_progress=on_progress)
        return (await asyncio.to_thread(read_history, path))[1]

    async def fork(self) -> datetime:
        """Fork the worlds: own control, tuned setback and ours; only ours has sockets."""
        return _time(await self.request({"op": "fork"}))

    async def advance(self, seconds: int) -> datetime:
        """Advance building time by ``seconds`` [s]; all served values are then of the new time."""
        return _time(await self.request({"op": "advance", "seconds": seconds}))

    async def speed(self, x: float) -> datetime:
        """Let building time run ``x`` times as fast as real time; 0 stops it."""
        return _time(await self.request({"op": "speed", "x": x}))

    async def truth(self, path: Path) -> dict[str, Any]:
        """The ground truth of each world since the fork (``TruthRecord`` as JSON)."""
        await self.request({"op": "truth", "path": str(path)})
        record: dict[str, Any] = json.loads(await asyncio.to_thread(path.read_bytes))
        return record

    async def state(self) -> dict[str, dict[str, Any]]:
        """State of control points by site: ``held``, ``slots``, ``enables``, ``registers``."""
        found: dict[str, dict[str, Any]] = (await self.request({"op": "state"}))["state"]
        return found

    async def now(self) -> datetime:
        """Building time."""
        return _time(await self.request({"op": "state"}))

    async def stop(self) -> None:
        """End the process and wait for it."""
        with contextlib.suppress(SimulatorError):
            await self.request({"op": "stop"})
        await self.close()

    async def close(self, patience_s: float = 5.0) -> None:
        """End the process by SIGTERM, and by SIGKILL after ``patience_s`` [s]."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), patience_s)
            except TimeoutError:
                process.kill()
                await process.wait()
        _shut(process)
        self._process = None

    async def __aenter__(self) -> SimulatorProcess:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def request(
        self,
        order: Mapping[str, object],
        *,
        deadline_s: float | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> dict[str, Any]:
        """Send one line and return the reply; ``drivers.simulator.process`` lists the operations.

        Raises ``SimulatorError`` for an error, and when no reply comes in time.
        """
        process = self._alive()
        assert process.stdin is not None
        async with self._request_lock:
            try:
                process.stdin.write(json.dumps(order).encode() + b"\n")
                await process.stdin.drain()
            except OSError as error:
                raise SimulatorError(f"the simulator is gone: {error}") from error
            while True:
                answer = await self._next_line(deadline_s or self._deadline_s)
                if "progress" not in answer:
                    return answer
                if on_progress is not None:
                    on_progress(answer["progress"])

    def _alive(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            raise SimulatorError("the simulator does not run")
        return self._process

    async def _next_line(self, deadline_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), deadline_s)
        except TimeoutError as error:
            # a late reply would be taken for the reply to the next line
            await self.close()
            raise SimulatorError(f"no answer within {deadline_s:g} s") from error
        if not line:
            raise SimulatorError(f"it ended; see {self._folder / 'simulator.log'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SimulatorError(answer["error"])
        return answer


def _time(answer: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(answer["time"])


def _shut(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    # asyncio offers no public way to close the pipes of a process that has ended
    process._transport.close()  # type: ignore[attr-defined]


def read_history(path: Path) -> tuple[FloatArray, SiteHistory]:
    """Times [s since 1970] of the end of each step, and ``{site: {signal: values}}``."""
    with np.load(path) as file:
        sites = [name for name in file.files if name != "times" and not name.endswith(".signals")]
        history = {
            site: dict(
                zip(
                    file[f"{site}.signals"].tolist(),
                    np.ascontiguousarray(file[site].T),
                    strict=True,
                )
            )
            for site in sites
        }
        return file["times"], history
