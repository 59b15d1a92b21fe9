"""What publishers, brokers and networks do: TLS, refusals, floods, and payloads of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiomqtt import Client

from bms.clock import SystemClock
from bms.model.readings.measurement import Quality
from drivers.mqtt.publisher import SchedulePublisher, schedule_topic
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.mosquitto import (
    Broker,
    Watched,
    connected,
    needs_mosquitto,
    publish,
    sensor,
    temp,
)
from tests.rigs.steady_loop import now_s
from tests.rigs.web.certificate import Authority

pytestmark = needs_mosquitto
BASE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture
async def drivers() -> AsyncIterator[NetworkDrivers]:
    drivers = NetworkDrivers(SystemClock())
    yield drivers
    await drivers.close()


@asynccontextmanager
async def running(folder: Path, *lines: str) -> AsyncIterator[Broker]:
    broker = Broker(folder, *lines)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


# TLS with an authority of the building's own


def tls_lines(authority: Authority) -> tuple[str, ...]:
    certificate, key = authority.issued("broker")
    return (
        f"cafile {authority.certificate}", f"certfile {certificate}", f"keyfile {key}",
        "require_certificate true",
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho's socket
async def test_a_broker_with_its_own_authority_that_asks_for_a_certificate(
    tmp_path: Path, drivers: NetworkDrivers
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issued("bms")
    ca_file, other = str(authority.certificate), str(Authority(tmp_path / "other").certificate)
    ours = {"ca_file": ca_file, "cert_file": str(certificate), "key_file": str(key)}
    async with running(tmp_path, *tls_lines(authority)) as broker:
        publisher = SchedulePublisher(
            f"mqtts://127.0.0.1:{broker.port}", None, authority.certificate, certificate, key
        )
        await publisher.publish("hall/rooms", b'{"a": 1}', 60.0)
        topic = schedule_topic("hall/rooms")
        driver = drivers.driver(sensor(broker, topic, **ours))
        (found,) = await driver.read([temp("a")], BASE)
        assert found.value == 1.0
        refusals = {
            "no certificate of ours": {"ca_file": ca_file},
            "an authority that is not ours": {**ours, "ca_file": other},
            "no TLS": {},
            "no file": {**ours, "key_file": str(tmp_path / "absent.pem")},
        }
        for said, access in refusals.items():
            others = NetworkDrivers(SystemClock())
            (none,) = await others.driver(sensor(broker, topic, **access)).read([temp("a")], BASE)
            await others.close()
            assert (none.value, none.quality) == (None, Quality.NO_REPLY), said
        assert "absent.pem" in str(none.detail)


async def test_a_wrong_password_is_named(tmp_path: Path, drivers: NetworkDrivers) -> None:
    (tmp_path / "secret").write_text("wrong\n")
    (tmp_path / "passwords").write_text("")
    async with running(tmp_path, f"password_file {tmp_path / 'passwords'}") as broker:
        access = {"username": "bms", "password_file": str(tmp_path / "secret")}
        (found,) = await drivers.driver(sensor(broker, "hall", **access)).read([temp()], BASE)
    assert found.quality is Quality.NO_REPLY
    assert "authori" in str(found.detail).lower()


# Payloads


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00", b"NaN", b'{"temp": NaN}', b'{"temp": Infinity}', b'{"temp": 1e999}',
        b'{"temp": ' + b"9" * 5000 + b"}", b'{"temp": 1e308}', b'{"temp": {"a": 1}}',
        b'{"temp": null}', b'{"other": 1}', b"[]", b"", b"[" * 30_000, b'"\\ud800"',
        b'{"temp": "\\ud800"}', b'{"temp": "1_000"}', b'{"temp": "infinity"}', b"x" * 10_000_000,
    ],
    ids=range(18),
)  # fmt: skip
async def test_what_is_no_number_changes_nothing(
    tmp_path: Path, drivers: NetworkDrivers, content: bytes
) -> None:
    async with running(tmp_path) as broker:
        driver, where = drivers.driver(sensor(broker, "hall/one")), temp(scale=10.0)
        await connected(driver, where)
        watched = Watched(driver, where)
        await publish(broker, "hall/one", {"temp": 2.0})
        await publish(broker, "hall/one", content)
        await publish(broker, "hall/one", {"temp": 2.5})
        found = await watched.until(lambda readings: len(readings) >= 2)
        await watched.stop()
    assert [each.value for each in found] == [20.0, 25.0]


async def test_an_old_message_that_the_broker_kept_bears_its_own_moment(
    tmp_path: Path, drivers: NetworkDrivers
) -> None:
    async with running(tmp_path) as broker:
        content = {"temp": 20.0, "at": (BASE - timedelta(days=3)).isoformat()}
        await publish(broker, "hall/one", content, retain=True)
        driver, where = drivers.driver(sensor(broker, "hall/one")), temp(time="at")
        (found,) = await driver.read([where], BASE)
    assert (found.value, found.time) == (20.0, BASE - timedelta(days=3))


# Floods


async def test_a_flood_delays_nobody(tmp_path: Path, drivers: NetworkDrivers) -> None:
    async with running(tmp_path, "max_queued_messages 0") as broker:
        driver, where = drivers.driver(sensor(broker, "hall/one")), temp()
        await connected(driver, where)
        watched = Watched(driver, where)
        loop = asyncio.get_running_loop()
        async with Client("127.0.0.1", broker.port) as client:
            waits = []

            async def flood() -> None:
                for number in range(3_000):
                    client._client.publish("hall/one", json.dumps({"temp": number}), qos=0)
                    if number % 100 == 0:
                        await asyncio.sleep(0)

            task = asyncio.create_task(flood())
            while len(watched.found) < 3_000:
                began = loop.time()
                await asyncio.sleep(0.01)
                waits.append(loop.time() - began)
                assert len(waits) < 1_500
            await task
        await watched.stop()
    assert [each.value for each in watched.found] == list(range(3_000))
    assert sorted(waits)[len(waits) // 2] < 0.1


# What a site file says wrongly, or a broker refuses, is that device's own trouble


def framed(kind: int, content: bytes) -> bytes:
    """A packet of MQTT 3.1.1 by hand, of up to 127 octets."""
    return bytes((kind, len(content))) + content


@asynccontextmanager
async def raw_broker(subscribed: Callable[[int, bytes], bytes]) -> AsyncIterator[Broker]:
    """A broker in octets of its own. ``subscribed`` answers a SUBSCRIBE: its count, its content."""
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        count = 0
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, size = await reader.readexactly(2)
                content = await reader.readexactly(size)
                if kind == 0x10:
                    writer.write(framed(0x20, b"\0\0"))
                elif kind == 0x82:
                    count += 1
                    writer.write(subscribed(count, content))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    broker = Broker.__new__(Broker)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        for writer in writers:
            writer.close()


def granted(content: bytes, code: bytes = b"\x01") -> bytes:
    return framed(0x90, content[:2] + code)


async def test_a_topic_that_the_broker_refuses_is_named(drivers: NetworkDrivers) -> None:
    async with raw_broker(lambda _, content: granted(content, b"\x80")) as broker:
        (found,) = await drivers.driver(sensor(broker, "hall/one")).read([temp()], BASE)
    assert found.quality is Quality.ABSENT
    assert found.detail == "the broker refuses hall/one"


async def test_a_broker_that_answers_no_question_keeps_no_reading_waiting(
    drivers: NetworkDrivers,
) -> None:
    async with raw_broker(lambda count, content: granted(content) if count == 1 else b"") as broker:
        await connected(drivers.driver(sensor(broker, "hall/one")), temp())
        driver = drivers.driver(dataclasses.replace(sensor(broker, "hall/two"), id="site/two"))
        began = now_s()
        (found,) = await driver.read([temp()], BASE)
    assert found.value is None
    assert now_s() - began < 1.0


def published(topic: bytes, payload: bytes, kind: int = 0x30) -> bytes:
    return framed(kind, len(topic).to_bytes(2, "big") + topic + payload)


@pytest.mark.parametrize(
    "before",
    [
        published(b"\xff\xfe", b"1"), published(b"hall/+", b"1"),
        published(b"a\0b", b"1"), published(b"hall/two", b"\0\1x", 0x34), framed(0x20, b"\0\0"),
    ],
    ids=["no text", "a wildcard", "a zero", "quality 2", "connected again"],
)  # fmt: skip
async def test_a_message_that_is_none_costs_nobody_the_next(
    drivers: NetworkDrivers, caplog: pytest.LogCaptureFixture, before: bytes
) -> None:
    good = published(b"hall/one", b'{"temp": 2.5}')
    async with raw_broker(lambda _, content: granted(content) + before + good) as broker:
        (found,) = await drivers.driver(sensor(broker, "hall/one")).read([temp()], BASE)
    assert found.value == 2.5
    assert len(caplog.records) < 10


@pytest.mark.parametrize("endless", [b"\x30\xff\xff\xff\x7f", b"\x30\xff\xff\xff\xff\xff"])
async def test_packets_without_end_cost_no_time(drivers: NetworkDrivers, endless: bytes) -> None:
    async with raw_broker(lambda _, content: granted(content) + endless) as broker:
        (found,) = await drivers.driver(sensor(broker, "hall/one")).read([temp()], BASE)
    assert found.value is None


async def test_a_broker_that_restarts_while_a_point_is_added_costs_no_error(
    tmp_path: Path, drivers: NetworkDrivers
) -> None:
    async with running(tmp_path) as broker:
        driver = drivers.driver(sensor(broker, "hall/one"))
        await connected(driver, temp())
        await broker.stop()
        for number in range(5):
            (found,) = await driver.read([temp(f"t{number}", topic=f"hall/{number}")], BASE)
            assert found.value is None
        await broker.start()
        await publish(broker, "hall/3", {"t3": 1.0}, retain=True)
        for _ in range(40):
            (found,) = await driver.read([temp("t3", topic="hall/3")], BASE)
            if found.value is not None:
                break
            await asyncio.sleep(0.1)
    assert found.value == 1.0


async def test_a_second_device_of_a_broker_gets_what_it_kept_at_its_first_reading(
    tmp_path: Path, drivers: NetworkDrivers
) -> None:
    async with running(tmp_path) as broker:
        await publish(broker, "hall/two", {"temp": 21.0}, retain=True)
        await connected(drivers.driver(sensor(broker, "hall/one")), temp())
        await asyncio.sleep(0.5)
        second = dataclasses.replace(sensor(broker, "hall/two"), id="site/two")
        (found,) = await drivers.driver(second).read([temp()], BASE)
    assert found.value == 21.0
