"""A real broker (Debian ``mosquitto``) on a loopback port, where it is installed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.rigs.fieldbus.driver_rigs import free_port

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")


class Broker:
    """Starts and stops a broker that keeps its retained messages over a restart."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        allow = (
            ()
            if any(line.startswith("password_file") for line in lines)
            else ("allow_anonymous true",)
        )
        self._config.write_text(
            "\n".join(
                (
                    "user root",
                    "persistence true",
                    f"persistence_location {folder}/",
                    f"listener {self.port} 127.0.0.1",
                    *allow,
                    *lines,
                )
            )
            + "\n"
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert PROGRAM is not None
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM, "-c", str(self._config), stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise AssertionError("the broker does not listen")

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()
            self._process = None
