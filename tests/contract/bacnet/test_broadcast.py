"""Who-Is as a real broadcast: the loopback network has a broadcast address, too."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bms.clock import SystemClock
from drivers.bacnet.link import BacnetLink
from drivers.bacnet.session import BacnetSession
from drivers.discovery.bacnet_scan import discover_bacnet
from drivers.fieldbus.errors import NoReply
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, free_udp_port
from tests.rigs.fieldbus.bacnet_session import device

BROADCAST = "127.255.255.255"


def can_broadcast() -> bool:
    """Whether a broadcast on loopback comes back to whoever listens."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        try:
            ear.bind((BROADCAST, 0))
            ear.settimeout(0.5)
            mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            mouth.bind(("127.0.0.1", 0))
            mouth.sendto(b"hello", (BROADCAST, ear.getsockname()[1]))
            return ear.recv(16) == b"hello"
        except OSError:
            return False


pytestmark = pytest.mark.skipif(not can_broadcast(), reason="loopback takes no broadcasts here")


class Ear(asyncio.DatagramProtocol):
    """What is broadcast to everybody is heard by a device, which answers from its own address."""

    def __init__(self, owner: TinyDevice) -> None:
        self.datagram_received = owner.datagram_received  # type: ignore[method-assign]


@asynccontextmanager
async def neighbour(host: str, port: int, instance: int) -> AsyncIterator[None]:
    """A device with an address of its own on the loopback network."""
    loop = asyncio.get_running_loop()
    owner = TinyDevice(instance=instance)
    mouth, _ = await loop.create_datagram_endpoint(lambda: owner, local_addr=(host, port))
    ear, _ = await loop.create_datagram_endpoint(
        lambda: Ear(owner), local_addr=(BROADCAST, port), reuse_port=True
    )
    try:
        yield
    finally:
        ear.close()
        mouth.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def network() -> AsyncIterator[tuple[BacnetLink, int]]:
    """Two devices on one port of two addresses, and a link on the same port of a third."""
    port = free_udp_port()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(neighbour("127.0.0.2", port, 101))
        await stack.enter_async_context(neighbour("127.0.0.3", port, 102))
        link = BacnetLink(bind=f"127.0.0.1/8:{port}")
        stack.push_async_callback(link.close)
        yield link, port


async def test_everybody_on_the_network_is_found() -> None:
    async with network() as (link, port):
        found = await link.who_is(1.0)
        assert [(i_am.instance, i_am.peer.address) for i_am in found] == [
            (101, ("127.0.0.2", port)),
            (102, ("127.0.0.3", port)),
        ]


async def test_discovery_by_broadcast_lists_both_devices() -> None:
    async with network() as (link, port):
        await link.close()  # discovery binds the address by itself
        found = await discover_bacnet(f"127.0.0.1/8:{port}", wait_s=0.5, timeout_s=0.5)
        assert [(each.instance, each.host) for each in found] == [
            (101, "127.0.0.2"),
            (102, "127.0.0.3"),
        ]


async def test_one_that_is_asked_for_by_number_answers_alone_and_at_once() -> None:
    async with network() as (link, _):
        async with asyncio.timeout(5):
            found = await link.who_is(60.0, low=102, high=102)
        assert [i_am.instance for i_am in found] == [102]


async def test_w01_a_device_that_has_moved_is_noted_where_it_is_and_not_asked_there() -> None:
    async with network() as (link, port):
        gone = device(free_udp_port(), instance=101, timeout_s=0.2)
        session = BacnetSession(gone, link, SystemClock())
        with pytest.raises(NoReply):
            await session.identify()
        await asyncio.sleep(0.1)
        assert session.health.elsewhere == {f"127.0.0.2:{port}": 1}
        assert session.known_peer is not None
        assert session.known_peer.address == (gone.host, gone.port)
