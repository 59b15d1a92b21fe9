"""Finding devices and what they have: one by one, behind routers, through a BBMD."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bacpypes3.app import Application
from bacpypes3.basetypes import BDTEntry, IPMode
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import IPv4Address

from bms.clock import SystemClock, VirtualClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Bbmd, Device
from bms.model.assets.site import Mode
from bms.model.readings.measurement import Quality
from bms.ports.drivers import IdentifyingDriver
from drivers.bacnet.link import BacnetLink
from drivers.bacnet.session import BacnetSession
from drivers.discovery.bacnet_scan import discover_bacnet
from drivers.discovery.inventory import FoundDevice, FoundObject
from drivers.discovery.site_draft import draft_site
from drivers.fieldbus.errors import NoReply
from drivers.registry import NetworkDrivers
from sites.loader import load_sites
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    TinyDevice,
    datagram,
    enumerated,
    free_udp_port,
    identifier,
    listening,
    real,
    text,
    unsigned,
)
from tests.rigs.fieldbus.bacnet_session import Router, device
from tests.rigs.fieldbus.driver_rigs import MORNING, BacnetRig, point


def furnished(**knobs: Any) -> TinyDevice:
    """A room controller: a sensor, a setpoint with slots, a mode, a schedule."""
    found = TinyDevice(**knobs)
    put = found.properties
    put[0, 1, 77], put[0, 1, 28] = text("Rum_101.Temp"), text("Rumtemperatur")
    put[0, 1, 85], put[0, 1, 117] = real(21.3), enumerated(62)
    put[2, 1, 77], put[2, 1, 85], put[2, 1, 117] = text("Rum_101.Setp"), real(21.5), enumerated(62)
    put[2, 1, 87] = [b"\x00"] * 7 + [real(22.0)] + [b"\x00"] * 8
    put[19, 1, 77], put[19, 1, 85] = text("Mode"), unsigned(2)
    put[19, 1, 110] = [text("Fra"), text("Auto"), text("Nat")]
    put[17, 1, 77] = text("Ugeplan")
    objects = [(8, found.instance), (0, 1), (2, 1), (19, 1), (17, 1)]
    put[8, found.instance, 76] = [identifier(*each) for each in objects]
    put[8, found.instance, 121] = text("Tiny A/S")
    return found


async def discover(target: str, **knobs: Any) -> tuple[FoundDevice, ...]:
    return await discover_bacnet(target, wait_s=0.2, timeout_s=0.4, **knobs)


def by_name(device: FoundDevice) -> dict[str | None, FoundObject]:
    return {each.name: each for each in device.objects}


async def test_a_device_is_described_with_units_texts_and_slots() -> None:
    async with listening(furnished()) as port:
        (device,) = await discover(f"127.0.0.1:{port}")
    assert (device.instance, device.name, device.vendor) == (77, "tiny", "Tiny A/S")
    assert (device.max_apdu, device.segmentation, device.vendor_id) == (
        1476,
        "no-segmentation",
        260,
    )
    found = by_name(device)
    temp, setpoint, mode = found["Rum_101.Temp"], found["Rum_101.Setp"], found["Mode"]
    assert (temp.kind, temp.instance, temp.value) == ("analog-input", 1, 21.3)
    assert (temp.unit, temp.description) == ("degrees-celsius", "Rumtemperatur")
    assert temp.commandable is False
    assert (setpoint.commandable, setpoint.slots) == (True, ((8, 22.0),))
    assert (mode.states, mode.value, mode.commandable) == (("Fra", "Auto", "Nat"), 2.0, False)
    assert json.loads(json.dumps(device.as_dict()))["objects"][1]["name"] == "Rum_101.Temp"


@pytest.mark.parametrize("refusal", ["buffer overflow", "no segmentation"])
async def test_a_list_that_is_too_long_is_read_element_by_element(refusal: str) -> None:
    responder = furnished(max_apdu=480)
    put = responder.properties
    listed = [identifier(8, 77), *(identifier(0, n) for n in range(1, 301))]
    put[8, 77, 76] = listed
    if refusal == "buffer overflow":
        honest = responder.read

        def read(invoke: int, payload: bytes) -> bytes | None:
            whole = payload == b"\x0c\x02\x00\x00\x4d\x19\x4c"
            return bytes((ABORT | 1, invoke, 1)) if whole else honest(invoke, payload)

        responder.read = read  # type: ignore[method-assign]
    async with listening(responder) as port:
        (device,) = await discover(f"127.0.0.1:{port}")
    assert len(device.objects) == 301
    assert any("element by element" in note for note in device.notes)


async def test_a_device_that_does_not_announce_itself_is_asked_for_its_name() -> None:
    async with listening(furnished(announces=False)) as port:
        (device,) = await discover(f"127.0.0.1:{port}")
    assert (device.instance, len(device.objects)) == (77, 5)


async def test_a_device_behind_a_router_is_described() -> None:
    async with listening(Router(furnished(max_apdu=480))) as port:
        (device,) = await discover(f"127.0.0.1:{port}")
    assert (device.network, device.mac) == (2001, "05")
    assert by_name(device)["Rum_101.Temp"].value == 21.3


async def test_w01_several_devices_of_one_instance_are_told_with_their_places() -> None:
    class Two(Router):
        """The same instance with MAC 7 in network 3001, too."""

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if data[5] & 0x20 and data[6:8] == b"\x0b\xb9":
                data = data[:6] + b"\x07\xd1\x01\x05" + data[10:]
            super().datagram_received(data, addr)
            if data[5] & 0x20 and data[6:8] == b"\xff\xff":
                twin = b"\x01\x08\x0b\xb9\x01\x07"
                self.transport.sendto(datagram(self.inner.i_am(), twin), addr)

    async with listening(Two(furnished())) as port:
        found = await discover(f"127.0.0.1:{port}", objects=False)
    places = [f"05 in network 2001 behind 127.0.0.1:{port}"]
    places.append(f"07 in network 3001 behind 127.0.0.1:{port}")
    assert [device.place for device in found] == places
    assert [device.same_instance for device in found] == [(places[1],), (places[0],)]


async def test_w01_who_answers_from_elsewhere_is_not_at_the_target() -> None:
    """A device that hears of the search by other ways is none of that router."""
    ours, other = furnished(), furnished()

    class Telling(TinyDevice):
        def on_unconfirmed(self, service: int, payload: bytes) -> bytes | None:
            other.peer = self.peer
            other.send(other.i_am())
            return super().on_unconfirmed(service, payload)

    telling = Telling()
    telling.properties |= ours.properties
    async with listening(telling) as port, listening(other, host="127.0.0.3"):
        (device,) = await discover(f"127.0.0.1:{port}", objects=False)
    assert (device.host, device.port, device.same_instance) == ("127.0.0.1", port, ())


async def test_nobody_there_is_nobody_found() -> None:
    assert await discover(f"127.0.0.1:{free_udp_port()}") == ()


async def test_a_device_that_falls_silent_keeps_what_it_said() -> None:
    responder = furnished()
    count = 0
    honest = responder._answer

    def answer(invoke: int, service: int, payload: bytes) -> bytes | None:
        nonlocal count
        count += 1
        return honest(invoke, service, payload) if count < 3 else None

    responder.answer = answer
    async with listening(responder) as port:
        (device,) = await discover(f"127.0.0.1:{port}")
    assert device.instance == 77
    assert any(each.error for each in device.objects)


@pytest.mark.parametrize("target", ["", "10.0.0.1:x", "10.0.0.1:70000", ":47808"])
async def test_an_unreadable_target_says_what_is_one(target: str) -> None:
    with pytest.raises(ValueError, match="give an address"):
        await discover(target)


# Through a BBMD


def application(instance: int, port: int, **network: Any) -> Any:
    return Application.from_object_list(
        [
            DeviceObject(
                objectIdentifier=("device", instance),
                objectName=f"d{instance}",
                vendorIdentifier=999,
            ),
            NetworkPortObject(
                IPv4Address(f"127.0.0.1/32:{port}"),
                objectIdentifier=("network-port", 1),
                objectName="port",
                networkNumber=0,
                networkNumberQuality="unknown",
                **network,
            ),
        ]
    )


@pytest.fixture
async def bbmd() -> AsyncIterator[int]:
    port = free_udp_port()
    server = application(
        500,
        port,
        bacnetIPMode=IPMode.bbmd,
        bbmdAcceptFDRegistrations=True,
        bbmdForeignDeviceTable=[],
        bbmdBroadcastDistributionTable=[BDTEntry(f"127.0.0.1:{port}")],
    )
    for link in server.link_layers.values():
        await asyncio.gather(*link.server._transport_tasks)
    yield port
    server.close()
    await asyncio.sleep(0)


async def test_a_foreign_device_reaches_whom_the_bbmd_reaches(bbmd: int) -> None:
    found = await discover_bacnet(f"bbmd:127.0.0.1:{bbmd}", wait_s=0.5, objects=False)
    assert [device.instance for device in found] == [500]


async def test_a_bbmd_that_refuses_is_said() -> None:
    """A plain device answers Register-Foreign-Device with result 0x0030."""
    responder = TinyDevice()

    def refuse(data: bytes, addr: tuple[str, int]) -> None:
        responder.transport.sendto(b"\x81\x00\x00\x06\x00\x30", addr)

    responder.datagram_received = refuse  # type: ignore[method-assign]
    async with listening(responder) as port:
        with pytest.raises(NoReply, match="refuses registration"):
            await discover_bacnet(f"bbmd:127.0.0.1:{port}", wait_s=0.2)


async def test_a_registration_is_renewed_and_given_up_with_the_link() -> None:
    responder = TinyDevice()
    registrations: list[bytes] = []

    def note(data: bytes, addr: tuple[str, int]) -> None:
        registrations.append(data)
        responder.transport.sendto(b"\x81\x00\x00\x06\x00\x00", addr)

    responder.datagram_received = note  # type: ignore[method-assign]
    async with listening(responder) as port:
        link = BacnetLink(bbmd=Bbmd(host="127.0.0.1", port=port))
        assert await link.who_is(0.05) == ()
        await link.close()
    assert registrations[0] == b"\x81\x05\x00\x06\x00\x78"
    assert registrations[1][:2] == b"\x81\x09"  # the question, to be distributed


async def test_without_a_broadcast_address_a_broadcast_is_refused_in_words() -> None:
    link = BacnetLink()
    with pytest.raises(NoReply, match="prefix, or a BBMD"):
        await link.who_is(0.1)
    await link.close()


# From a discovery to a site file


async def test_the_draft_of_a_real_server_is_a_site_file(tmp_path: Path) -> None:
    rig = BacnetRig()
    await rig.start()
    found = await discover(f"127.0.0.1:{rig.device.port}")
    await rig.stop()
    (tmp_path / "draft.yaml").write_text(draft_site(found), encoding="utf-8")
    (site,) = load_sites(tmp_path)
    assert site.mode is Mode.OBSERVE
    assert {point.id for point in site.points} >= {"new_site/setpoint", "new_site/temp1"}
    assert all(point.write is None for point in site.points)


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


by_broadcast = pytest.mark.skipif(not can_broadcast(), reason="loopback takes no broadcasts here")


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


@by_broadcast
async def test_everybody_on_the_network_is_found() -> None:
    async with network() as (link, port):
        found = await link.who_is(1.0)
        assert [(i_am.instance, i_am.peer.address) for i_am in found] == [
            (101, ("127.0.0.2", port)),
            (102, ("127.0.0.3", port)),
        ]


@by_broadcast
async def test_discovery_by_broadcast_lists_both_devices() -> None:
    async with network() as (link, port):
        await link.close()  # discovery binds the address by itself
        found = await discover_bacnet(f"127.0.0.1/8:{port}", wait_s=0.5, timeout_s=0.5)
        assert [(each.instance, each.host) for each in found] == [
            (101, "127.0.0.2"),
            (102, "127.0.0.3"),
        ]


@by_broadcast
async def test_one_that_is_asked_for_by_number_answers_alone_and_at_once() -> None:
    async with network() as (link, _):
        async with asyncio.timeout(5):
            found = await link.who_is(60.0, low=102, high=102)
        assert [i_am.instance for i_am in found] == [102]


@by_broadcast
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


async def test_a_device_of_a_site_file_is_found_and_read_through_its_bbmd(bbmd: int) -> None:
    """Known by its instance alone: the BBMD distributes the question, the device answers itself."""
    through = Bbmd(host="127.0.0.1", port=bbmd, ttl_s=60)
    device = Device(
        id="site/controller", site="site", protocol="bacnet", host="", port=47808, instance=500,
        bbmd=through, timeout_s=1.0,
    )  # fmt: skip
    drivers = NetworkDrivers(VirtualClock(MORNING))
    driver = drivers.driver(device)
    name = point("name", BacnetAddress(object_type="analog-input", instance=999))
    (reading,) = await driver.read([name], MORNING)
    assert reading.quality is Quality.DEVICE_ERROR  # it answers that it has no such object
    assert isinstance(driver, IdentifyingDriver)
    assert (await driver.fingerprint()) is not None
    nobody = drivers.driver(dataclasses.replace(device, id="site/other", instance=501))
    (reading,) = await nobody.read([name], MORNING)
    assert reading.quality is Quality.NO_REPLY
    assert "through its BBMD" in str(reading.detail)
    await drivers.close()
