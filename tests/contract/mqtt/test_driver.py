"""Sensors on a real broker: retained, late, repeated and junk messages, restarts and last wills."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.clock import SystemClock
from bms.model.assets.device import MqttPreset
from bms.model.readings.measurement import Quality
from drivers.mqtt.driver import MqttDriver
from drivers.mqtt.link import BrokerKey, MqttLink
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

pytestmark = needs_mosquitto
BASE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    broker = Broker(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
async def drivers() -> AsyncIterator[NetworkDrivers]:
    drivers = NetworkDrivers(SystemClock())
    yield drivers
    await drivers.close()


async def test_values_bear_their_own_moment_and_late_ones_do_not_replace_newer(
    broker: Broker, drivers: NetworkDrivers
) -> None:
    driver = drivers.driver(sensor(broker, "hall/one"))
    where = temp(time="at")
    await connected(driver, where)
    watched = Watched(driver, where)
    for minute, value in ((5, 21.0), (10, 22.0), (7, 21.5), (10, 22.0)):
        at = (BASE + timedelta(minutes=minute)).isoformat()
        await publish(broker, "hall/one", {"temp": value, "at": at})
    found = await watched.until(lambda readings: len(readings) == 4)
    assert [r.value for r in found] == [21.0, 22.0, 21.5, 22.0]
    assert (found[1].point, found[1].time) == (found[3].point, found[3].time)  # stored once
    (standing,) = await driver.read([where], datetime.now(UTC))
    assert (standing.value, standing.time) == (22.0, BASE + timedelta(minutes=10))
    await watched.stop()


async def test_a_retained_value_without_a_moment_is_uncertain(
    broker: Broker, drivers: NetworkDrivers
) -> None:
    await publish(broker, "hall/one", {"temp": 19.5}, retain=True)
    await publish(broker, "hall/two", {"temp": 20.5, "at": BASE.isoformat()}, retain=True)
    old = drivers.driver(sensor(broker, "hall/one"))
    known = drivers.driver(sensor(broker, "hall/two"))
    (reading,) = await old.read([temp()], datetime.now(UTC))
    assert (reading.value, reading.quality) == (19.5, Quality.UNCERTAIN)
    (reading,) = await known.read([temp(time="at")], datetime.now(UTC))
    assert (reading.value, reading.quality, reading.time) == (20.5, Quality.GOOD, BASE)


async def test_junk_and_what_is_too_long_changes_nothing(
    broker: Broker, drivers: NetworkDrivers
) -> None:
    driver = drivers.driver(sensor(broker, "hall/one"))
    await connected(driver, temp())
    watched = Watched(driver, temp())
    await publish(broker, "hall/one", {"temp": 20.0})
    for junk in (
        b"\xff",
        b'{"temp": "warm"}',
        b'{"temp": 1' + b" " * 70_000 + b"}",
        b'{"other": 3}',
    ):
        await publish(broker, "hall/one", junk)
    await publish(broker, "hall/other", {"temp": 99.0})
    await publish(broker, "hall/one", {"temp": 21.0})
    found = await watched.until(lambda readings: len(readings) == 2)
    assert [r.value for r in found] == [20.0, 21.0]
    assert drivers.health()["site/controller"].errors["garbled"] == 3
    await watched.stop()


async def test_a_restarted_broker_is_listened_to_again(
    broker: Broker, drivers: NetworkDrivers
) -> None:
    driver = drivers.driver(sensor(broker, "hall/one"))
    await connected(driver, temp())
    watched = Watched(driver, temp())
    await publish(broker, "hall/one", {"temp": 20.0})
    await watched.until(lambda readings: len(readings) == 1)
    await broker.stop()
    (away,) = await driver.read([temp()], datetime.now(UTC))
    assert away.value == 20.0  # with the moment at which it came
    await broker.start()
    for _ in range(100):
        await publish(broker, "hall/one", {"temp": 21.0})
        if any(reading.value == 21.0 for reading in watched.found):
            break
        await asyncio.sleep(0.1)
    assert watched.found[-1].value == 21.0
    await watched.stop()


async def test_messages_of_an_absence_are_kept_for_a_named_client(broker: Broker) -> None:
    device = sensor(broker, "hall/one", client_id="bms-hall")
    where = temp(time="at")
    first = NetworkDrivers(SystemClock())
    await connected(first.driver(device), where)
    await first.close()
    await publish(broker, "hall/one", {"temp": 18.0, "at": BASE.isoformat()})
    again = NetworkDrivers(SystemClock())
    (reading,) = await again.driver(device).read([where], datetime.now(UTC))
    await again.close()
    assert (reading.value, reading.time) == (18.0, BASE)


async def a_bridge(broker: Broker, status: str) -> asyncio.StreamWriter:
    """A client made of bytes (MQTT 3.1.1, 3.1) whose retained last will says that it is offline."""

    def text(words: str) -> bytes:
        return len(words).to_bytes(2, "big") + words.encode()

    will_qos1_retained_clean, keep_alive = 0x2E, b"\x00\x3c"
    body = text("MQTT") + bytes((4, will_qos1_retained_clean)) + keep_alive
    body += text("bridge") + text(status) + text('{"state": "offline"}')
    reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
    writer.write(bytes((0x10, len(body))) + body)
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"
    return writer


async def test_the_last_will_is_a_quality(broker: Broker, drivers: NetworkDrivers) -> None:
    device = sensor(broker, "zigbee2mqtt/hall", MqttPreset.ZIGBEE2MQTT)
    where = temp("temperature")
    driver = drivers.driver(device)
    await connected(driver, where)
    watched = Watched(driver, where)
    status = "zigbee2mqtt/hall/availability"
    seen = (BASE + timedelta(minutes=1)).isoformat()
    bridge = await a_bridge(broker, status)
    await publish(broker, "zigbee2mqtt/hall", {"temperature": 20.0, "last_seen": seen})
    await watched.until(lambda readings: len(readings) == 1)
    bridge.transport.abort()  # without a word: the broker speaks its last will
    found = await watched.until(lambda readings: len(readings) == 2)
    assert (found[1].value, found[1].quality) == (None, Quality.NO_REPLY)
    (reading,) = await driver.read([where], datetime.now(UTC))
    assert (reading.value, reading.quality) == (None, Quality.NO_REPLY)
    await publish(broker, "zigbee2mqtt/hall", {"temperature": 20.5})
    await watched.until(lambda readings: len(readings) == 3)
    (reading,) = await driver.read([where], datetime.now(UTC))
    assert reading.value == 20.5
    await watched.stop()


async def test_chirpstack_uplinks(broker: Broker, drivers: NetworkDrivers) -> None:
    device = sensor(broker, "application/7/device/a81758fffe0312ab", MqttPreset.CHIRPSTACK)
    driver, where = drivers.driver(device), temp("temperature")
    await connected(driver, where)
    watched = Watched(driver, where)
    uplink = {"time": BASE.isoformat(), "fCnt": 3, "object": {"temperature": 21.25, "co2": 600}}
    await publish(broker, f"{device.topic}/event/up", uplink)
    (reading,) = await watched.until(lambda readings: len(readings) == 1)
    assert (reading.value, reading.time) == (21.25, BASE)
    await watched.stop()


async def test_an_account_with_its_password_in_a_file(tmp_path: Path) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    made = (
        await asyncio.to_thread(
            subprocess.run,
            ["mosquitto_passwd", "-b", "-c", str(passwords), "bms", "s3cret"],
            check=False,
            capture_output=True,
        )
        if shutil.which("mosquitto_passwd")
        else None
    )
    if made is None or made.returncode:
        pytest.skip("mosquitto_passwd is not installed")
    passwords.chmod(0o600)
    secret.write_text("s3cret\n")
    broker = Broker(tmp_path, f"password_file {passwords}")
    await broker.start()
    drivers = NetworkDrivers(SystemClock())
    where = temp()
    named = {"username": "bms", "password_file": str(secret)}
    right = drivers.driver(sensor(broker, "hall/one", **named))
    wrong = drivers.driver(sensor(broker, "hall/one"))
    (absent,) = await right.read([where], BASE)
    (refused,) = await wrong.read([where], BASE)
    assert absent.quality is Quality.ABSENT
    assert refused.quality is Quality.NO_REPLY
    assert isinstance(right, MqttDriver)
    await drivers.close()
    await broker.stop()


async def test_no_broker_is_silence_that_names_it(drivers: NetworkDrivers, tmp_path: Path) -> None:
    nobody = Broker(tmp_path)
    driver = drivers.driver(sensor(nobody, "hall/one"))
    (reading,) = await driver.read([temp()], BASE)
    assert reading.quality is Quality.NO_REPLY
    assert str(nobody.port) in str(reading.detail)


async def test_a_broker_whose_name_nobody_knows_is_silence_that_says_so(tmp_path: Path) -> None:
    device = sensor(Broker(tmp_path), "hall/one")

    async def away(host: str, port: int) -> object:
        raise OSError(f"no server of names for {host}")

    link = MqttLink(BrokerKey.of(device), away)
    (reading,) = await MqttDriver(device, link, SystemClock()).read([temp()], BASE)
    await link.close()
    assert reading.quality is Quality.NO_REPLY
    assert "no server of names for 127.0.0.1" in str(reading.detail)
