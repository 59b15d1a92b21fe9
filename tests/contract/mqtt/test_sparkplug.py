"""A node of Sparkplug B on a real broker: births, aliases, deaths, and what comes out of order."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiomqtt import Client

from bms.clock import SystemClock
from bms.model.assets.address import MqttAddress
from bms.model.assets.device import Device, MqttPreset
from bms.model.readings.measurement import Quality, Reading
from drivers.mqtt.driver import MqttDriver
from drivers.mqtt.link import BrokerKey, MqttLink
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.driver_rigs import point
from tests.rigs.fieldbus.mosquitto import Broker, Watched, needs_mosquitto

pytestmark = needs_mosquitto
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
START_MS = round(START.timestamp() * 1000)
TEMP, ALIAS = b"Supply/Temperature", 7
FLOAT, UINT64 = 9, 8


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return found + bytes((value,))


def counted(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def metric(
    value: float, *, name: bytes | None = None, alias: int | None = None, at_ms: int = START_MS
) -> bytes:
    head = b"" if name is None else counted(1, name)
    head += b"" if alias is None else whole(2, alias)
    real = varint(12 << 3 | 5) + struct.pack("<f", value)
    return counted(2, head + whole(3, at_ms) + whole(4, FLOAT) + real)


def session(number: int) -> bytes:
    """The metric that tells one session of a node from another."""
    return counted(2, counted(1, b"bdSeq") + whole(4, UINT64) + whole(11, number))


def payload(*metrics: bytes, seq: int = 0) -> bytes:
    return whole(1, START_MS) + b"".join(metrics) + whole(3, seq)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    broker = Broker(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


class Listened:
    """A point of a node or of a device below it, and what is said of it."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.point = point("temp", MqttAddress(path=TEMP.decode()))
        self._drivers = NetworkDrivers(SystemClock())
        self.driver = self._drivers.driver(
            Device(
                id="site/controller", site="site", protocol="mqtt", host="127.0.0.1",
                port=broker.port, timeout_s=0.4, topic=topic, preset=MqttPreset.SPARKPLUG,
            )
        )  # fmt: skip
        self.watched = Watched(self.driver, self.point)

    async def now(self) -> Reading:
        await asyncio.sleep(0.1)
        (reading,) = await self.driver.read([self.point], datetime.now(UTC))
        return reading

    async def close(self) -> None:
        await self.watched.stop()
        await self._drivers.close()


@asynccontextmanager
async def listening(broker: Broker, topic: str) -> AsyncIterator[Listened]:
    listened = Listened(broker, topic)
    await listened.now()
    try:
        yield listened
    finally:
        await listened.close()


async def say(broker: Broker, kind: str, content: bytes, of: str = "node1") -> None:
    async with Client("127.0.0.1", broker.port) as client:
        await client.publish(f"spBv1.0/Aarhus/{kind}/{of}", content)


async def a_node(broker: Broker, will: bytes) -> asyncio.StreamWriter:
    """The connection of a node, in octets of its own, with its last will."""

    def counted_16(text: bytes) -> bytes:
        return struct.pack(">H", len(text)) + text

    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    flags = 0x02 | 0x04 | 0x08
    body = counted_16(b"MQTT") + bytes((4, flags, 0, 60)) + counted_16(b"node1")
    body += counted_16(b"spBv1.0/Aarhus/NDEATH/node1") + counted_16(will)
    writer.write(bytes((0x10, len(body))) + body)
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    return writer


async def test_an_alias_without_a_birth_has_no_name(broker: Broker) -> None:
    async with listening(broker, "Aarhus/node1") as listened:
        await say(broker, "NDATA", payload(metric(20.5, alias=ALIAS)))
        found = await listened.now()
        assert found.quality is Quality.ABSENT
        assert "next birth" in str(found.detail)


async def test_birth_data_by_alias_death_by_last_will_and_birth_again(broker: Broker) -> None:
    async with listening(broker, "Aarhus/node1") as listened:
        node = await a_node(broker, payload(session(1)))
        birth = payload(session(1), metric(20.0, name=TEMP, alias=ALIAS))
        await say(broker, "NBIRTH", birth)
        assert (await listened.now()).value == 20.0
        data = payload(metric(20.5, alias=ALIAS, at_ms=START_MS + 1000), seq=1)
        await say(broker, "NDATA", data)
        found = await listened.now()
        assert (found.value, found.time) == (20.5, START + timedelta(seconds=1))
        node.transport.abort()  # without a word: the broker speaks its last will
        await listened.watched.until(lambda said: said[-1].quality is Quality.NO_REPLY)
        birth = payload(session(2), metric(21.0, name=TEMP, alias=3, at_ms=START_MS + 5000))
        await say(broker, "NBIRTH", birth)
        assert (await listened.now()).value == 21.0
        late = payload(metric(5.0, alias=ALIAS, at_ms=START_MS + 6000), seq=1)
        await say(broker, "NDATA", late)
        assert (await listened.now()).value == 21.0, "an alias of the session before"


async def test_a_death_of_the_session_before_says_nothing(broker: Broker) -> None:
    async with listening(broker, "Aarhus/node1") as listened:
        await say(broker, "NBIRTH", payload(session(2), metric(20.0, name=TEMP)))
        await say(broker, "NDEATH", payload(session(1)))
        assert (await listened.now()).value == 20.0
        await say(broker, "NDEATH", payload(session(2)))
        assert (await listened.now()).quality is Quality.NO_REPLY


async def test_a_metric_of_the_node_is_none_of_its_device(broker: Broker) -> None:
    async with listening(broker, "Aarhus/node1/ahu") as listened:
        await say(broker, "NBIRTH", payload(session(1), metric(99.0, name=TEMP, alias=1)))
        assert (await listened.now()).value is None
        await say(broker, "DBIRTH", payload(metric(20.0, name=TEMP, alias=2)), "node1/ahu")
        assert (await listened.now()).value == 20.0
        await say(broker, "DDEATH", payload(), "node1/ahu")
        assert (await listened.now()).quality is Quality.NO_REPLY
        await say(
            broker, "DBIRTH", payload(metric(20.5, name=TEMP, at_ms=START_MS + 9)), "node1/ahu"
        )
        assert (await listened.now()).value == 20.5
        await say(broker, "NDEATH", payload(session(1)))
        assert (await listened.now()).quality is Quality.NO_REPLY, "its node is gone"


async def test_a_birth_of_ten_thousand_metrics_is_read_once_for_all_points() -> None:
    names = [b"Hall/%d" % number for number in range(10_000)]
    birth = payload(*(metric(number, name=each) for number, each in enumerate(names)))
    device = Device(
        id="site/plc", site="site", protocol="mqtt", host="127.0.0.1", port=1, timeout_s=0.01,
        topic="Aarhus/node1", preset=MqttPreset.SPARKPLUG,
    )  # fmt: skip
    link = MqttLink(BrokerKey.of(device))
    driver = MqttDriver(device, link, SystemClock())
    points = [point(f"p{n}", MqttAddress(path=f"Hall/{n}")) for n in range(200)]
    await driver.read(points, START)
    began = time.process_time()
    link._dispatch("spBv1.0/Aarhus/NBIRTH/node1", birth, False)
    assert time.process_time() - began < 3.0
    found = await driver.read(points, START)
    assert [each.value for each in found] == list(range(200))
    await link.close()


async def test_made_up_aliases_fill_no_memory(broker: Broker) -> None:
    async with listening(broker, "Aarhus/node1") as listened:
        await say(broker, "NBIRTH", payload(metric(20.0, name=TEMP, alias=ALIAS)))
        for first in range(0, 8_000, 1_000):
            await say(
                broker,
                "NDATA",
                payload(*(metric(1.0, alias=first + 100 + i) for i in range(1_000))),
            )
        assert (await listened.now()).value == 20.0
        (listener,) = listened.driver._listening.values()  # type: ignore[attr-defined]
        held = sum(len(each) for each in vars(listener).values() if isinstance(each, dict))
        assert held < 10
