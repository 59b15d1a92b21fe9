"""A real broker (Debian ``mosquitto``) on a loopback port, where it is installed; devices on it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiomqtt import Client

from bms.model.assets.address import MqttAddress
from bms.model.assets.device import Device, MqttAccess, MqttPreset
from bms.model.assets.point import Point
from bms.model.readings.measurement import Reading
from tests.rigs.fieldbus.driver_rigs import free_port, point

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


def sensor(
    broker: Broker, topic: str, preset: MqttPreset = MqttPreset.PLAIN, **access: Any
) -> Device:
    return Device(
        id="site/controller", site="site", protocol="mqtt", host="127.0.0.1", port=broker.port,
        timeout_s=0.4, topic=topic, preset=preset, mqtt=MqttAccess(**access),
    )  # fmt: skip


def temp(path: str = "temp", **rest: Any) -> Point:
    return point("temp", MqttAddress(path=path, **rest))


async def publish(broker: Broker, topic: str, content: Any, **rest: Any) -> None:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with Client("127.0.0.1", broker.port) as client:
        await client.publish(topic, payload, qos=1, **rest)


class Watched:
    """Readings of a point as they come."""

    def __init__(self, driver: Any, *points: Point) -> None:
        self.found: list[Reading] = []
        self._task = asyncio.create_task(driver.watch(points, self.found.append))

    async def until(self, enough: Callable[[list[Reading]], bool]) -> list[Reading]:
        for _ in range(200):
            if enough(self.found):
                return self.found
            await asyncio.sleep(0.02)
        raise AssertionError(self.found)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def connected(driver: Any, what: Point) -> None:
    await driver.read([what], datetime.now(UTC))
