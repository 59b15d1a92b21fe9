"""A device, or anybody else, on the BACnet network (SECURITY.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from bacpypes3.apdu import (
    DeviceCommunicationControlRequest,
    IAmRequest,
    ReinitializeDeviceRequest,
    SubscribeCOVRequest,
    WhoHasRequest,
)
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import ObjectIdentifier

from drivers.bacnet.local_port import LocalPort, open_port
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
