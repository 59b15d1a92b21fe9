"""Setpoint schedules to controllers that listen, on a real broker: the answer of the API, its end,
and what a release leaves of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiomqtt import Client

from bms.errors import RetryableError
from bms.model.assets.site import Mode
from bms.runtime.work_jobs import schedule_jobs
from drivers.mqtt.publisher import SchedulePublisher, schedule_topic
from tests.rigs.fakes.api import NOW, World, a_lodge_plan, a_world
from tests.rigs.fakes.city import lodge
from tests.rigs.fieldbus.mosquitto import Broker, needs_mosquitto

pytestmark = needs_mosquitto
ROOMS = "lodge/rooms"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    broker = Broker(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


def a_listening_world(home: Path, broker: Broker | None) -> World:
    site = replace(lodge(), mode=Mode.AUTO)
    devices = tuple(replace(d, fetches=d.id == ROOMS) for d in site.devices)
    url = {} if broker is None else {"mqtt_url": f"mqtt://127.0.0.1:{broker.port}"}
    world = a_world(home, sites=(replace(site, devices=devices),), **url)
    world.store.add_plan(a_lodge_plan())
    return world


async def kept(broker: Broker, device: str = ROOMS) -> dict[str, Any] | None:
    """What the broker keeps for a controller; None where it keeps nothing."""
    async with Client("127.0.0.1", broker.port) as client:
        await client.subscribe(schedule_topic(device), qos=1)
        try:
            async with asyncio.timeout(0.4):
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    found: dict[str, Any] = json.loads(message.payload)
                    return found
        except TimeoutError:
            pass
    return None


async def test_it_is_the_answer_of_the_api_and_retained(broker: Broker, tmp_path: Path) -> None:
    world = a_listening_world(tmp_path, broker)
    (job,) = schedule_jobs(world.city)
    await job.run(NOW)
    async with world.browser(**world.key(f"controller:{ROOMS}")) as browser:
        fetched = (await browser.get(f"/v1/controllers/{ROOMS}/schedule")).json()
    found = await kept(broker)
    assert found == fetched
    assert found["setpoints"]
    assert await kept(broker, "lodge/plant") is None


async def test_when_the_plan_has_ended_nothing_is_left_to_apply(
    broker: Broker, tmp_path: Path
) -> None:
    world = a_listening_world(tmp_path, broker)
    (job,) = schedule_jobs(world.city)
    await job.run(NOW)
    world.clock.advance(timedelta(hours=41))  # the plan has ended
    await job.run(world.clock.now())
    found = await kept(broker)
    assert found is not None
    assert found["setpoints"] == []
    assert found["reasons"]


async def test_it_is_gone_with_the_end_of_its_lease(broker: Broker) -> None:
    publisher = SchedulePublisher(f"mqtt://127.0.0.1:{broker.port}")
    await publisher.publish(ROOMS, b'{"a": 1}', 2.9)
    assert await kept(broker) == {"a": 1}
    await asyncio.sleep(2.5)
    assert await kept(broker) is None
    await publisher.publish(ROOMS, b'{"a": 1}', 60.0)
    await publisher.publish(ROOMS, b'{"a": 1}', 0.0)
    assert await kept(broker) is None


async def test_a_restarted_broker_is_no_matter_and_one_that_is_away_is_named(
    broker: Broker,
) -> None:
    publisher = SchedulePublisher(f"mqtt://127.0.0.1:{broker.port}")
    await broker.stop()
    with pytest.raises(RetryableError, match=str(broker.port)):
        await publisher.publish(ROOMS, b"{}", 60.0)
    await broker.start()
    await publisher.publish(ROOMS, b"{}", 60.0)
    assert await kept(broker) == {}


def test_without_a_broker_or_a_listener_there_is_no_job(tmp_path: Path) -> None:
    assert schedule_jobs(a_listening_world(tmp_path, None).city) == ()
