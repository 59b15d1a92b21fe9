"""BACnet/IP requests over one local bacpypes3 application per network, shared by all devices.

bacpypes3 keeps what it does well (addresses, routing, retries, segmentation); service parameters
are encoded and decoded by ``drivers.bacnet_codec``, so acknowledgements pass it untouched.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from functools import cache
from types import MethodType
from typing import Any

from bacpypes3.apdu import (
    AbortPDU,
    ComplexAckPDU,
    ConfirmedRequestPDU,
    ErrorRejectAbortNack,
    RejectPDU,
    SimpleAckPDU,
)
from bacpypes3.app import Application
from bacpypes3.comm import ServiceAccessPoint
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address, IPv4Address
from bacpypes3.primitivedata import ObjectType, PropertyIdentifier

from bms.errors import RetryableError
from bms.model.site import BacnetAddress
from drivers.bacnet_codec import Reference
from drivers.refusals import Garbled, Refusal, RefusedForGood, RefusedForNow, Silence

DEFAULT_PORT = 47808
MAX_APDU = 1476
OUTSTANDING = 4
_QUEUE_TIMEOUTS = 3
_APDU_TIMEOUT_MS = 1000
_RETRIES = 1
_ABORTED = 7
_BIND_WAIT_S = 2.0
_INSTANCES = 4_190_000
_TRY_LATER = ("device-busy", "operational-problem", "timeout", "no-space-to-write-property")


class TooLong(RetryableError):
    """The answer does not fit the device's or our messages: ask for less at once."""


class NotSupported(RefusedForGood):
    """The device does not know the service."""


@dataclass(slots=True)
class _Station:
    """A device's address, our address that leads to it, and turns for requests to it."""

    address: Any
    local: str
    turns: asyncio.Semaphore


@cache
def reference(address: BacnetAddress) -> Reference:
    """Numbers of an object type and property. Raises ValueError for unknown names."""
    try:
        kind = ObjectType(address.object_type)
        prop = PropertyIdentifier(address.property)
    except (ValueError, TypeError) as error:
        raise ValueError(f"unknown BACnet name: {error}") from error
    return Reference(int(kind), address.instance, int(prop))


class BacnetLink:
    """Confirmed requests to any number of devices.

    ``bind`` is the local address as ``ip/prefix:port``; without it the address is the one that
    leads to the device, on port 47808, or on any free port where that is taken or on loopback.
    Nothing is bound before the first request.
    """

    def __init__(self, bind: str | None = None) -> None:
        self._bind = bind
        self._applications: dict[str, Any] = {}
        self._stations: dict[tuple[str, int], _Station] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    async def confirmed(
        self, host: str, port: int, service: int, payload: bytes, timeout_s: float
    ) -> bytes:
        """Service parameters of the acknowledgement (none for a simple one).

        Raises ``Silence`` after ``timeout_s`` [s] or when nothing can be sent, ``TooLong``,
        ``NotSupported``, ``Refusal``, and ``Garbled`` for an acknowledgement of another service.
        """
        try:
            async with asyncio.timeout(_QUEUE_TIMEOUTS * timeout_s):
                station = await self._station(host, port)
                application = await self._application(station.local)
                await station.turns.acquire()
        except TimeoutError:
            raise Silence(f"{host}:{port} is busy with other requests") from None
        try:
            async with asyncio.timeout(timeout_s):
                ack = await _request(application, station.address, service, payload)
        except TimeoutError:
            raise Silence(f"{host}:{port}: no answer within {timeout_s:g} s") from None
        finally:
            station.turns.release()
        if ack.apduService != service:
            raise Garbled(f"service {ack.apduService} answered instead of {service}")
        return bytes(ack.pduData) if isinstance(ack, ComplexAckPDU) else b""

    async def close(self) -> None:
        """Close every socket for good."""
        self._closed = True
        for application in self._applications.values():
            for transaction in list(application.asap.clientTransactions):
                transaction.set_state(_ABORTED)
            application.close()
        self._applications.clear()
        await asyncio.sleep(0)

    async def _station(self, host: str, port: int) -> _Station:
        station = self._stations.get((host, port))
        if station is None:
            ip = await _resolve(host, port)
            local = self._bind or _leading_to(ip, port)
            station = _Station(Address(f"{ip}:{port}"), local, asyncio.Semaphore(OUTSTANDING))
            self._stations[host, port] = station
        return station

    async def _application(self, local: str) -> Any:
        if self._closed:
            raise Silence("the driver was closed")
        async with self._opening:
            if local not in self._applications:
                self._applications[local] = await _open(local)
        return self._applications[local]


async def _request(application: Any, address: Any, service: int, payload: bytes) -> Any:
    request = ConfirmedRequestPDU(service, destination=address)
    request.pduData = bytearray(payload)
    try:
        ack = await application.request(request)
    except ErrorRejectAbortNack as nack:
        raise _refusal(nack) from None
    except asyncio.CancelledError:
        _forget(application, request)
        raise
    if not isinstance(ack, (ComplexAckPDU, SimpleAckPDU)):
        raise Garbled(f"{type(ack).__name__} is no acknowledgement")
    return ack


def _forget(application: Any, request: Any) -> None:
    """Stop the retries of a request that nobody waits for: a late write must not follow."""
    for transaction in list(application.asap.clientTransactions):
        if (transaction.invokeID, transaction.pdu_address) == (
            request.apduInvokeID,
            request.pduDestination,
        ):
            transaction.set_state(_ABORTED)


def _refusal(nack: Any) -> Refusal | TooLong:
    reason = str(nack.reason)
    if isinstance(nack, AbortPDU):
        if reason in ("segmentation-not-supported", "buffer-overflow", "apdu-too-long"):
            return TooLong(f"aborted: {reason}")
        return RefusedForNow(f"aborted: {reason}", reason)
    if isinstance(nack, RejectPDU):
        if reason == "unrecognized-service":
            return NotSupported("rejected: unrecognized-service", reason)
        return RefusedForGood(f"rejected: {reason}", reason)
    kind = RefusedForNow if reason in _TRY_LATER else RefusedForGood
    return kind(f"error: {nack}", reason)


async def _resolve(host: str, port: int) -> str:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise Silence(f"{host}: {error.strerror or error}") from error
    return str(found[0][4][0])


def _leading_to(ip: str, port: int) -> str:
    """The local address that leads to a device; a port is chosen when it is opened."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ip, port))  # a datagram socket sends nothing when it connects
        except OSError as error:
            raise Silence(f"no way to {ip}: {error.strerror or error}") from error
        return str(probe.getsockname()[0])


def _with_port(local: str) -> str:
    """``local`` with a prefix and a free port, where it has none."""
    if ":" in local:
        return local
    wish = 0 if local.startswith("127.") else DEFAULT_PORT
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((local, wish))
        except OSError:
            probe.bind((local, 0))  # unicast answers come back to any port
        return f"{local}/32:{probe.getsockname()[1]}"


async def _open(local: str) -> Any:
    """A client application bound to ``local``.

    bacpypes3 would retry a failed bind silently for ever, so the address is tried before, and the
    socket is waited for. Raises ``Silence`` that says so.
    """
    try:
        local = _with_port(local)
        address = IPv4Address(local)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(address.addrTuple)
    except (OSError, ValueError) as error:
        raise Silence(
            f"cannot bind {local} for BACnet/IP ({error}); another program may hold the port: "
            "stop it, or set another local address"
        ) from error
    application = Application.from_object_list(_own_objects(address))
    application.asap.sap_response = MethodType(_acknowledgements_untouched, application.asap)
    try:
        async with asyncio.timeout(_BIND_WAIT_S):
            for link in application.link_layers.values():
                await asyncio.gather(*link.server._transport_tasks)
    except TimeoutError:
        application.close()
        raise Silence(f"cannot bind {local} for BACnet/IP within {_BIND_WAIT_S:g} s") from None
    return application


def _own_objects(address: Any) -> list[Any]:
    # Devices that are not asked for anything need an instance all the same, and two programs of
    # ours on one network must not share it.
    device = DeviceObject(
        objectIdentifier=("device", _INSTANCES + os.getpid() % 4000),
        objectName=f"bms-{os.getpid()}",
        vendorIdentifier=999,
        maxApduLengthAccepted=MAX_APDU,
        segmentationSupported="segmentedBoth",
        maxSegmentsAccepted=64,
        apduTimeout=_APDU_TIMEOUT_MS,
        numberOfApduRetries=_RETRIES,
    )
    port = NetworkPortObject(
        address,
        objectIdentifier=("network-port", 1),
        objectName="bacnet-ip",
        networkNumber=0,
        networkNumberQuality="unknown",
    )
    return [device, port]


async def _acknowledgements_untouched(access_point: Any, apdu: Any) -> None:
    """In place of the stack's own: complex acknowledgements go up as they came."""
    if isinstance(apdu, ComplexAckPDU):
        await ServiceAccessPoint.sap_response(access_point, apdu)
    else:
        await type(access_point).sap_response(access_point, apdu)
