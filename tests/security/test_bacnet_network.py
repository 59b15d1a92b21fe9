"""A device, or anybody else, on the BACnet network (SECURITY.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from bacpypes3.apdu import (
    DeviceCommunicationControlRequest,
    IAmRequest,
    ReinitializeDeviceRequest,
    SubscribeCOVRequest,
    WhoHasRequest,
)
from bacpypes3.pdu import Address, IPv4Address
from bacpypes3.primitivedata import ObjectIdentifier

from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import IAm
from drivers.bacnet.link import MOST_OF_SENDER, IAmTable
from drivers.bacnet.local_port import MOST_ROUTES, LocalPort, RecentRoutes, open_port
from drivers.bacnet.transactions import STACK_AT_ONCE, STACK_PER_S
from drivers.discovery.bacnet_scan import discover_bacnet
from tests.rigs.fieldbus.bacnet_visitor import Visitor


@pytest.fixture
async def ours() -> AsyncIterator[LocalPort]:
    port = await open_port("127.0.0.1")
    yield port
    port.close()


@pytest.fixture
async def visitor(ours: LocalPort) -> AsyncIterator[Visitor]:
    guest = Visitor(IPv4Address(ours.local).addrTuple[1])
    yield guest
    guest.close()


def device_of(ours: LocalPort) -> str:
    _, instance = ours.stack.device_object.objectIdentifier
    return f"device,{instance}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("apdu-timeout", 1),
        ("number-of-apdu-retries", 0),
        ("object-identifier", ObjectIdentifier("device,77")),
        ("object-name", "evil"),
    ],
)
async def test_h3_nothing_of_ours_is_configured_from_the_network(
    ours: LocalPort, visitor: Visitor, name: str, value: object
) -> None:
    before = await visitor.read(device_of(ours), name)
    refused = await visitor.write_property(device_of(ours), name, value)
    assert refused is not None
    assert "unrecognized-service" in refused
    assert await visitor.read(device_of(ours), name) == before


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: DeviceCommunicationControlRequest(enableDisable="disable"),
        lambda: ReinitializeDeviceRequest(reinitializedStateOfDevice="coldstart"),
        lambda: SubscribeCOVRequest(
            subscriberProcessIdentifier=1,
            monitoredObjectIdentifier=ObjectIdentifier("device,1"),
            issueConfirmedNotifications=False,
            lifetime=60,
        ),
    ],
)
async def test_h3_every_other_order_is_rejected(
    ours: LocalPort, visitor: Visitor, request_of: object
) -> None:
    assert callable(request_of)
    assert "unrecognized-service" in await visitor.request(request_of())
    assert await visitor.read(device_of(ours), "object-name") == ours.stack.device_object.objectName


async def test_h3_announcements_fill_no_memory_of_the_stack(
    ours: LocalPort, visitor: Visitor
) -> None:
    for instance in range(300):
        await visitor.announce(
            IAmRequest(
                iAmDeviceIdentifier=("device", instance),
                maxAPDULengthAccepted=1476,
                segmentationSupported="noSegmentation",
                vendorID=999,
            )
        )
        await visitor.announce(WhoHasRequest(object={"objectIdentifier": ("device", instance)}))
    await asyncio.sleep(0.2)
    await visitor.read(device_of(ours), "object-name")
    assert len(ours.stack.device_info_cache.instance_cache) == 0


def i_am(instance: int, network: int) -> bytes:
    """An I-Am from behind a router, as a datagram."""
    apdu = bytes.fromhex("1000c4") + (8 << 22 | instance).to_bytes(4, "big")
    apdu += bytes.fromhex("2205c49100210f")
    return routed(apdu, network, instance)


def routed(apdu: bytes, network: int, mac: int) -> bytes:
    npdu = b"\x01\x08" + network.to_bytes(2, "big") + b"\x04" + mac.to_bytes(4, "big")
    body = npdu + apdu
    return b"\x81\x0a" + (4 + len(body)).to_bytes(2, "big") + body


def routes(ours: LocalPort) -> int:
    cache = ours.stack.nsap.router_info_cache
    return len(cache.path_info) + len(cache.router_dnets)


async def flood(ours: LocalPort, datagrams: Iterable[bytes]) -> None:
    """As they come in from the socket, each from a sender of its own."""
    (link,) = ours.stack.link_layers.values()
    for i, datagram in enumerate(datagrams):
        sender = (f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}", 47808)
        link.server.local_protocol.datagram_received(datagram, sender)
    await asyncio.sleep(0.1)


async def test_a_hundred_thousand_i_ams_leave_nothing_behind(ours: LocalPort) -> None:
    await flood(ours, (i_am(i, i % 65_000 + 1) for i in range(100_000)))
    assert routes(ours) == 0


async def test_a_flood_of_questions_is_dropped_and_the_routes_are_bounded(ours: LocalPort) -> None:
    who_is = bytes.fromhex("1008")
    started = asyncio.get_running_loop().time()
    await flood(ours, (routed(who_is, i % 65_000 + 1, i) for i in range(20_000)))
    assert asyncio.get_running_loop().time() - started < 10
    assert routes(ours) <= 2 * (STACK_AT_ONCE + 10 * STACK_PER_S)


async def test_the_routes_of_the_stack_are_bounded() -> None:
    known = RecentRoutes()
    for i in range(5_000):
        await known.update_path_info(None, Address(f"10.0.{i >> 8}.{i & 255}"), {i})
        assert len(known.path_info) <= MOST_ROUTES
    await known.update_path_info(None, Address("10.9.9.9"), set(range(60_000)))
    assert len(known.path_info) <= MOST_ROUTES


def test_made_up_devices_are_counted_and_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    table = IAmTable()
    for i in range(100_000):
        table.note(IAm(i, Peer("10.0.0.66", 47808), 1476, 3, 999))
    real = IAm(7, Peer("10.0.0.7", 47808), 1476, 3, 999)
    table.note(real)
    assert len(table.listed()) == MOST_OF_SENDER + 1
    assert real in table.listed()
    assert "99000 answers to a Who-Is are left out" in caplog.text


async def test_a_discovery_of_made_up_devices_ends() -> None:
    """Whatever answers to the Who-Is, reading it takes a budget in all; what was not is told."""
    liar = await Liar.listening(1_500)
    try:
        started = asyncio.get_running_loop().time()
        found = await discover_bacnet(
            f"127.0.0.1:{liar.port}", wait_s=0.5, timeout_s=0.2, budget_s=1.0
        )
        assert asyncio.get_running_loop().time() - started < 8
    finally:
        liar.close()
    assert 100 < len(found) <= MOST_OF_SENDER
    assert {note for device in found for note in device.notes if "in all" in note} == {
        "not read: the discovery has 1 s in all"
    }


class Liar(asyncio.DatagramProtocol):
    """Answers a Who-Is with as many devices as it likes, and nothing else."""

    def __init__(self, devices: int) -> None:
        self.devices = devices
        self.port = 0

    @classmethod
    async def listening(cls, devices: int) -> Liar:
        loop = asyncio.get_running_loop()
        _, liar = await loop.create_datagram_endpoint(
            lambda: cls(devices), local_addr=("127.0.0.1", 0)
        )
        return liar

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.endswith(b"\x10\x08"):
            self._send(addr, 0)

    def _send(self, addr: tuple[str, int], first: int) -> None:
        for i in range(first, min(first + 50, self.devices)):
            self._transport.sendto(i_am(i, 5), addr)
        if first + 50 < self.devices:
            asyncio.get_running_loop().call_later(0.002, self._send, addr, first + 50)

    def close(self) -> None:
        self._transport.close()
