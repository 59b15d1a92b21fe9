"""A broker whose address hangs holds up nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from bms.clock import SystemClock
from bms.errors import RetryableError
from bms.model.assets.address import MqttAddress
from bms.model.assets.device import Device, MqttAccess
from drivers.mqtt.broker_client import BrokerClient
from drivers.mqtt.driver import MqttDriver
from drivers.mqtt.link import BrokerKey, MqttLink
from drivers.mqtt.publisher import SchedulePublisher
from tests.rigs.fieldbus.driver_rigs import point


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """Whoever connects there waits: its queue is full, and nobody takes anything from it."""
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


async def listening(port: int) -> None:
    device = Device(
        id="site/sensor", site="site", protocol="mqtt", host="127.0.0.1", port=port,
        timeout_s=60.0, topic="hall/one", mqtt=MqttAccess(),
    )  # fmt: skip
    link = MqttLink(BrokerKey.of(device))
    try:
        clock = SystemClock()
        await MqttDriver(device, link, clock).read([point("t", MqttAddress(path="t"))], clock.now())
    finally:
        await link.close()


async def publishing(port: int) -> None:
    await SchedulePublisher(f"mqtt://127.0.0.1:{port}").publish("site/rooms", b"{}", 60.0)


@pytest.mark.parametrize("using", [listening, publishing])
async def test_an_address_that_hangs_takes_no_thread_of_the_loop(
    deaf_port: int, using: Callable[[int], Awaitable[None]]
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    task = asyncio.ensure_future(using(deaf_port))
    for _ in range(20):  # turns of the loop: it is connecting now
        await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.to_thread(int), 2.0) == 0
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


async def test_a_host_that_is_no_name_is_an_error_of_the_broker() -> None:
    with pytest.raises(RetryableError, match=r"broker a\.\.b"):
        await SchedulePublisher("mqtt://a..b:1883").publish("site/rooms", b"{}", 60.0)


async def test_a_connection_that_comes_when_nobody_waits_for_it_is_ended() -> None:
    ended = asyncio.Event()
    accepted = asyncio.Event()

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        while await reader.read(100):
            pass
        ended.set()
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0)
    client = BrokerClient("127.0.0.1", server.sockets[0].getsockname()[1])
    task = asyncio.create_task(client.__aenter__())
    await asyncio.sleep(0)  # it has begun
    task.cancel()
    await asyncio.wait([task])
    await asyncio.wait_for(accepted.wait(), 5.0)
    await asyncio.wait_for(ended.wait(), 5.0)
    server.close()
