"""A local BACnet/IP address: its socket, our transactions over it, and the bacpypes3 stack."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any

from bacpypes3.apdu import (
    ComplexAckPDU,
    ConfirmedRequestPDU,
    ErrorRejectAbortNack,
    ReadPropertyMultipleRequest,
    ReadPropertyRequest,
    RejectPDU,
    RejectReason,
    SimpleAckPDU,
    WhoIsRequest,
)
from bacpypes3.app import Application
from bacpypes3.comm import ServiceAccessPoint
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.netservice import RouterInfoCache
from bacpypes3.pdu import Address, IPv4Address, RemoteStation
from bacpypes3.settings import settings

from bms.errors import ConfigError
from bms.model.assets.device import Bbmd
from bms.outgoing.names import rows_of
from drivers.bacnet.encoding import frames
from drivers.bacnet.encoding.errors import stack_error
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.transactions import BacnetTransactions
from drivers.fieldbus.errors import InvalidReply, NoReply

ANSWERED = (WhoIsRequest, ReadPropertyRequest, ReadPropertyMultipleRequest)
"""What a device has to answer to be one (ASHRAE 135, BIBB DS-RP-B and DM-DDB-B)."""


class ClientApplication(Application):  # type: ignore[misc]  # the stack has no types
    """The stack without the services by which others change it or fill its memory.

    Whoever is on the network may ask who we are. Every other confirmed request, those that write,
    subscribe, restart or silence us among them, is rejected as a service that we do not have
    (clause 18.9); every other unconfirmed one is dropped. Notifications of subscriptions that we
    hold do not come here: ``BacnetTransactions`` has them first.
    """

    async def indication(self, apdu: Any) -> None:
        """A request of somebody else."""
        if isinstance(apdu, ANSWERED):
            await super().indication(apdu)
        elif isinstance(apdu, ConfirmedRequestPDU):
            await self.response(RejectPDU(reason=RejectReason.unrecognizedService, context=apdu))


class RecentRoutes(RouterInfoCache):  # type: ignore[misc]
    """The routes that the stack has learned from whatever came in; it begins anew where there are
    too many. Our own requests name their router themselves."""

    async def update_path_info(self, snet: int | None, address: Any, dnets: set[int]) -> None:
        """Learn which networks a router leads to."""
        if len(self.path_info) + len(dnets) > MOST_ROUTES:
            self.path_info.clear()
            self.router_dnets.clear()
        await super().update_path_info(snet, address, set(sorted(dnets)[:MOST_ROUTES]))


MOST_ROUTES = 1_000
DEFAULT_PORT = 47808
MAX_APDU = 1476
STACK_VERSION = "0.0.110"
_APDU_TIMEOUT_MS = 1000
_RETRIES = 1
_ABORTED = 7
_BIND_WAIT_S = 2.0
_PROBES, _PROBE_WAIT_S, _PROBE_EVERY_S = 12, 0.1, 30.0
_INSTANCES = 4_190_000
_STACK_INVOKES = 128
# It logs a traceback for every malformed datagram; the driver reports what fails itself.
logging.getLogger("bacpypes3").setLevel(logging.CRITICAL)
# A routed request goes by the router that it names, and an answer by another one is none.
settings.route_aware = True


@dataclass(slots=True)
class LocalPort:
    """One local address in use. ``registration`` is why a foreign device is not registered."""

    local: str
    transactions: BacnetTransactions
    stack: Any
    broadcast: tuple[str, int] | None
    invoke: int = 0
    registered: asyncio.Task[None] | None = None
    probed_at: float = -_PROBE_EVERY_S
    registration: str = ""

    async def is_shared(self) -> bool:
        """Whether another program gets some of our datagrams; probed every 30 s at most.

        With SO_REUSEPORT programs share a port, and the kernel distributes datagrams by sender. So
        a few are sent to our own address from different ports: all have to arrive.
        """
        now = asyncio.get_running_loop().time()
        if now - self.probed_at < _PROBE_EVERY_S:
            return False
        self.probed_at = now
        for number in range(_PROBES):
            nonce = b"bms" + os.urandom(8) + bytes((number,))
            self.transactions.probes.add(nonce)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.sendto(nonce, IPv4Address(self.local).addrTuple)
        await asyncio.sleep(_PROBE_WAIT_S)
        lost = bool(self.transactions.probes)
        self.transactions.probes.clear()
        return lost

    def close(self) -> None:
        """Close the socket and abort the transactions on it."""
        if self.registered is not None:
            self.registered.cancel()
        for transaction in list(self.stack.asap.clientTransactions):
            transaction.set_state(_ABORTED)
        self.stack.close()


def check_stack(installed: str) -> None:
    """Raise ``ConfigError`` for a version of bacpypes3 whose internals are not known."""
    if installed != STACK_VERSION:
        raise ConfigError(
            f"bacpypes3 {installed} is installed, but the BACnet driver reaches into the insides "
            f"of {STACK_VERSION}: install that one, or run the differential tests of the driver "
            "against the new one and raise STACK_VERSION in drivers/bacnet/local_port.py"
        )


async def segmented_request(
    port: LocalPort, peer: Peer, service: int, parameters: bytes, timeout_s: float
) -> bytes:
    """Parameters of an acknowledgement that may be segmented; the caller sets the deadline.

    Raises ``DeviceError``.
    """
    request = ConfirmedRequestPDU(service, destination=_address(peer))
    request.pduData = bytearray(parameters)
    port.invoke = (port.invoke + 1) % _STACK_INVOKES  # the others are those of our transactions
    request.apduInvokeID = port.invoke
    peers = port.transactions.stack_peers
    peers[port.invoke] = peer
    try:
        ack = await port.stack.request(request)
    except ErrorRejectAbortNack as nack:
        raise stack_error(nack) from None
    except asyncio.CancelledError:
        _forget(port.stack, request)
        raise
    finally:
        peers.pop(request.apduInvokeID, None)
    if not isinstance(ack, (ComplexAckPDU, SimpleAckPDU)):
        raise InvalidReply(f"{type(ack).__name__} is no acknowledgement")
    if ack.apduService != service:
        raise InvalidReply(f"service {ack.apduService} answered instead of {service}")
    return bytes(ack.pduData) if isinstance(ack, ComplexAckPDU) else b""


def _address(peer: Peer) -> Any:
    direct = Address(f"{peer.ip}:{peer.port}")
    if peer.network is None:
        return direct
    # Networks of two routers may bear one number: without the route the stack would choose.
    return RemoteStation(peer.network, peer.mac, route=direct)


def _forget(stack: Any, request: Any) -> None:
    """Stop the retries of a cancelled request: a write must not be sent later."""
    for transaction in list(stack.asap.clientTransactions):
        if (transaction.invokeID, transaction.pdu_address) == (
            request.apduInvokeID,
            request.pduDestination,
        ):
            transaction.set_state(_ABORTED)


async def resolve(host: str, port: int) -> str:
    """The IPv4 address of a host. Raises ``NoReply`` when it cannot be resolved."""
    try:
        found = await rows_of(host, port, family=socket.AF_INET, kind=socket.SOCK_DGRAM)
    except OSError as error:
        raise NoReply(f"{host}: {error.strerror or error}") from error
    return str(found[0][4][0])


def local_address_for(ip: str, port: int) -> str:
    """The local address from which a device is reached. Raises ``NoReply`` without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ip, port))  # a datagram socket sends nothing when it connects
        except OSError as error:
            raise NoReply(f"no way to {ip}: {error.strerror or error}") from error
        return str(probe.getsockname()[0])


def _with_port(local: str) -> str:
    """``local`` with prefix /32 and a free port added, where it has no port."""
    if ":" in local:
        return local
    preferred = 0 if local.startswith("127.") else DEFAULT_PORT
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((local, preferred))
        except OSError:
            probe.bind((local, 0))  # unicast answers come back to any port
        return f"{local}/32:{probe.getsockname()[1]}"


async def open_port(local: str) -> LocalPort:
    """A socket bound to ``local`` with the stack behind it.

    bacpypes3 would retry a failed bind silently for ever, so the address is tried before, and the
    socket is waited for. Raises ``NoReply`` that says so.
    """
    try:
        local = _with_port(local)
        address = IPv4Address(local)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(address.addrTuple)
    except (OSError, ValueError) as error:
        raise NoReply(
            f"cannot bind {local} for BACnet/IP ({error}); another program may hold the port: "
            "stop it, or set another local address"
        ) from error
    stack = ClientApplication.from_object_list(_own_objects(address))
    stack.nsap.router_info_cache = RecentRoutes()
    stack.asap.sap_response = MethodType(_acknowledgements_untouched, stack.asap)
    (link,) = stack.link_layers.values()
    try:
        async with asyncio.timeout(_BIND_WAIT_S):
            await asyncio.gather(*link.server._transport_tasks)
    except TimeoutError:
        stack.close()
        raise NoReply(f"cannot bind {local} for BACnet/IP within {_BIND_WAIT_S:g} s") from None
    transactions = BacnetTransactions(link.server.local_transport)
    for protocol in (link.server.local_protocol, link.server.broadcast_protocol):
        if protocol is not None:
            protocol.datagram_received = partial(
                _received, transactions, protocol.datagram_received
            )
    return LocalPort(local, transactions, stack, link.server.broadcast_address)


def _received(
    transactions: BacnetTransactions, stack: Any, data: bytes, addr: tuple[str, int]
) -> None:
    """Replaces the stack's handler: datagrams that are not ours go on to the stack."""
    if not transactions.received(data, addr):
        stack(data, addr)


async def register(port: LocalPort, bbmd: Bbmd) -> None:
    """Register as a foreign device, and again before it ends. Raises ``NoReply`` if refused."""
    target = (await resolve(bbmd.host, bbmd.port), bbmd.port)
    answered = asyncio.Event()

    def note(code: int) -> None:
        refused = f"the BBMD {bbmd.host}:{bbmd.port} refuses registration (result {code:#06x})"
        port.registration = refused if code else ""
        answered.set()

    async def renew() -> None:
        while True:
            port.transactions.sender.sendto(frames.register_foreign_device(bbmd.ttl_s), target)
            await asyncio.sleep(bbmd.ttl_s / 3)

    port.transactions.bvlc_listeners.append(note)
    port.registration = f"the BBMD {bbmd.host}:{bbmd.port} does not answer"
    port.registered = asyncio.create_task(renew())
    try:
        async with asyncio.timeout(_BIND_WAIT_S):
            await answered.wait()
    except TimeoutError:
        pass  # a later renewal may succeed; until then ``registration`` is the error


def _own_objects(address: Any) -> list[Any]:
    # A client needs an instance as well, and no two programs of ours on one network the same one.
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
    """Replaces the stack's method: complex acknowledgements are passed on undecoded."""
    if isinstance(apdu, ComplexAckPDU):
        await ServiceAccessPoint.sap_response(access_point, apdu)
    else:
        await type(access_point).sap_response(access_point, apdu)
