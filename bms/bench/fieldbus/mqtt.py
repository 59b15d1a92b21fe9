"""MQTT: how many messages a second one core takes from a real broker and stores."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bms.bench.figure import Figure, Progress
from bms.clock import SystemClock
from bms.model.assets.address import MqttAddress
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.readings.units import Unit
from bms.services.collect.change_of_value import Keeping
from bms.store.sql.store import SqlStore
from drivers.mqtt.driver import MqttDriver
from drivers.mqtt.link import BrokerKey, MqttLink

MESSAGES, SENSORS = 30_000, 100
LEAST_PER_S = 5000.0
_HOST = "127.0.0.1"
_PUBLISHER = """
import sys, time
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.max_queued_messages_set(0)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
count, sensors, start = int(sys.argv[2]), int(sys.argv[3]), time.time() - 86400
for n in range(count):
    body = '{"object": {"t": %d.5}, "time": %f}' % (n % 40, start + n)
    sent = client.publish("bench/%d" % (n % sensors), body, qos=0)
    if n % 500 == 0:
        time.sleep(0.05)
sent.wait_for_publish()
time.sleep(0.5)
client.disconnect()
"""


def bench_drivers_mqtt(report: Progress, messages: int = MESSAGES) -> list[Figure]:
    """Messages a second of one core; nothing where mosquitto is not installed."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return []
    report("MQTT", 0.0)
    with TemporaryDirectory() as folder:
        stored, processor_s = asyncio.run(_stored(Path(folder), program, messages))
    report("MQTT", 1.0)
    rate = stored / processor_s
    return [
        Figure(
            name=f"MQTT messages stored, {messages} of {SENSORS} sensors, one core",
            value=round(rate),
            unit="1/s",
            ok=rate >= LEAST_PER_S and stored == messages,
            at_least=f">= {LEAST_PER_S:g}, none lost",
        )
    ]


async def _stored(folder: Path, program: str, messages: int) -> tuple[int, float]:
    """How many messages were stored [1], and the processor time that they took [s]."""
    async with _broker(folder, program) as port:
        link = MqttLink(BrokerKey(_HOST, port))
        store = SqlStore(f"sqlite:///{folder}/bench.db")
        keeping = Keeping(store, 0.2)
        driver = MqttDriver(_device(port), link, SystemClock())
        points = [_point(number) for number in range(SENSORS)]
        taken = 0

        def take(reading: object) -> None:
            nonlocal taken
            taken += 1

        watching = [
            asyncio.create_task(driver.watch(points, take)),
            asyncio.create_task(driver.watch(points, keeping.take)),
            asyncio.create_task(keeping.run()),
        ]
        await link.up_within(5.0)
        await asyncio.sleep(0.5)
        before = _processor_s()
        publisher = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PUBLISHER, str(port), str(messages), str(SENSORS)
        )
        await publisher.wait()
        seen = -1
        while seen != taken:
            seen = taken
            await asyncio.sleep(1.0)
        await link.close()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await asyncio.sleep(0.5)
        await keeping.flush()
        processor_s = _processor_s() - before
        store.close()
    return taken, processor_s


@contextlib.asynccontextmanager
async def _broker(folder: Path, program: str) -> AsyncIterator[int]:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    lines = (f"listener {port} {_HOST}", "allow_anonymous true", "max_queued_messages 0")
    config.write_text("\n".join(lines) + "\n")
    silent = asyncio.subprocess.DEVNULL
    broker = await asyncio.create_subprocess_exec(
        program, "-c", str(config), stdout=silent, stderr=silent
    )
    try:
        await asyncio.sleep(0.5)
        yield port
    finally:
        broker.terminate()
        await broker.wait()


def _device(port: int) -> Device:
    return Device(
        id="bench/sensors", site="bench", protocol="mqtt", host=_HOST, port=port, topic="bench"
    )


def _point(number: int) -> Point:
    return Point(
        id=f"bench/t{number}",
        site="bench",
        device="bench/sensors",
        role=Role.OTHER,
        unit=Unit.DEG_C,
        address=MqttAddress(topic=f"bench/{number}", path="object.t", time="time"),
    )


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
