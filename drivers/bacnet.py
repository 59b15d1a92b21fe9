"""BACnet/IP requests over one local socket per network, shared by all devices.

Short requests go over ``drivers.bacnet_wire``. Long ones (whole object lists, priority arrays of
devices that have to cut them into segments) go through bacpypes3, which keeps what it does well:
segmentation, routes and its own retries. Service parameters are encoded and decoded by
``drivers.bacnet_codec`` on both ways, so acknowledgements pass the stack untouched.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import version
from types import MethodType
from typing import Any

from bacpypes3.apdu import (
    AbortPDU,
    AbortReason,
    ComplexAckPDU,
    ConfirmedRequestPDU,
    ErrorRejectAbortNack,
    RejectPDU,
    RejectReason,
    SimpleAckPDU,
)
from bacpypes3.app import Application
from bacpypes3.basetypes import ErrorCode
from bacpypes3.comm import ServiceAccessPoint
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address, IPv4Address, RemoteStation
from bacpypes3.primitivedata import ObjectType, PropertyIdentifier

from bms.errors import ConfigError, RetryableError
from bms.model.site import BacnetAddress
from drivers import bacnet_codec as codec
from drivers import bacnet_frames as frames
from drivers.bacnet_codec import IAm, Reference
from drivers.bacnet_frames import Kind, Message, Peer
from drivers.bacnet_tags import Tags
from drivers.bacnet_wire import Wire
from drivers.refusals import Garbled, Refusal, RefusedForGood, RefusedForNow, Silence

DEFAULT_PORT = 47808
MAX_APDU = 1476
OUTSTANDING = 4
STACK_VERSION = "0.0.110"
_QUEUE_TIMEOUTS = 3
_APDU_TIMEOUT_MS = 1000
_RETRIES = 1
_ABORTED = 7
_BIND_WAIT_S = 2.0
_PROBES, _PROBE_WAIT_S, _PROBE_EVERY_S = 12, 0.1, 30.0
_INSTANCES = 4_190_000
_STACK_INVOKES = 128
_REGISTRATION_S = 120
_TRY_LATER = ("device-busy", "operational-problem", "timeout", "no-space-to-write-property")
# It writes a traceback for every datagram that is junk; what fails is reported by us.
logging.getLogger("bacpypes3").setLevel(logging.CRITICAL)
_TOO_LONG = ("segmentation-not-supported", "buffer-overflow", "apdu-too-long")


class TooLong(RetryableError):
    """The answer does not fit the device's or our messages: ask for less at once."""


class NotSupported(RefusedForGood):
    """The device does not know the service."""


@dataclass(frozen=True, slots=True)
class Bbmd:
    """The broadcast manager at which to register as a foreign device."""

    host: str
    port: int = DEFAULT_PORT


@dataclass(slots=True)
class _Port:
    """One local address in use: the wire over it and the stack behind it."""

    local: str
    wire: Wire
    stack: Any
    broadcast: tuple[str, int] | None
    invoke: int = 0
    registered: asyncio.Task[None] | None = None
    probed_at: float = -_PROBE_EVERY_S
    registration: str = ""


@cache
def reference(address: BacnetAddress) -> Reference:
    """Numbers of an object type and property. Raises ValueError for unknown names."""
    try:
        kind = ObjectType(address.object_type)
        prop = PropertyIdentifier(address.property)
    except (ValueError, TypeError) as error:
        raise ValueError(f"unknown BACnet name: {error}") from error
    return Reference(int(kind), address.instance, int(prop))


def check_stack(installed: str) -> None:
    """Raises ``ConfigError`` for a bacpypes3 whose insides we do not know."""
    if installed != STACK_VERSION:
        raise ConfigError(
            f"bacpypes3 {installed} is installed, but the BACnet driver reaches into the insides "
            f"of {STACK_VERSION}: install that one, or run the differential tests of the driver "
            "against the new one and raise STACK_VERSION in drivers/bacnet.py"
        )


@dataclass(slots=True)
class BacnetLink:
    """Requests to any number of devices.

    ``bind`` is the local address as ``ip/prefix:port``; without it the address is the one that
    leads to the device, on port 47808, or on any free port where that is taken or on loopback.
    With ``bbmd`` broadcasts reach the networks behind that broadcast manager. Nothing is bound
    before the first request.
    """

    bind: str | None = None
    bbmd: Bbmd | None = None
    heard: dict[int, IAm] = field(default_factory=dict)
    _ports: dict[str, _Port] = field(default_factory=dict)
    _turns: dict[Peer, asyncio.Semaphore] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closed: bool = False

    def __post_init__(self) -> None:
        check_stack(version("bacpypes3"))

    async def resolve(self, host: str, port: int) -> Peer:
        """The peer of a host name or address. Raises ``Silence`` when it has none."""
        return Peer(await _resolve(host, port), port)

    async def confirmed(
        self, peer: Peer, service: int, parameters: bytes, timeout_s: float, *, long: bool = False
    ) -> bytes:
        """Parameters of the acknowledgement (none for a simple one).

        ``long`` lets the device answer in segments. Raises ``Silence`` after ``timeout_s`` [s] or
        when nothing can be sent, ``TooLong``, ``NotSupported``, ``Refusal``, and ``Garbled`` for
        an acknowledgement of another service.
        """
        async with self._turn(peer, timeout_s) as port:
            try:
                async with asyncio.timeout(timeout_s):
                    ask = _through_stack if long else _over_wire
                    return await ask(port, peer, service, parameters, timeout_s)
            except TimeoutError:
                silence = Silence(f"{peer}: no answer within {timeout_s:g} s")
            except Silence as error:
                silence = error
            if await self._shared(port):
                raise Silence(
                    f"{silence}; another program has bound {port.local} as well and takes our "
                    "answers: stop it, or set another local address"
                ) from None
            raise silence

    async def unconfirmed(self, peer: Peer, service: int, parameters: bytes) -> None:
        """Send an unconfirmed request to one device; nothing comes back."""
        port = await self._port(peer.ip, peer.port)
        port.wire.sender.sendto(frames.unconfirmed(peer, service, parameters), peer.address)

    async def who_is(
        self,
        wait_s: float,
        *,
        near: Peer | None = None,
        low: int | None = None,
        high: int | None = None,
    ) -> tuple[IAm, ...]:
        """Who announces itself within ``wait_s`` [s], by instance; with one ``low`` = ``high``
        instance it returns as soon as that one has.

        ``near`` asks one device, or the router to others; without it the question is broadcast,
        through the BBMD where there is one. Raises ``Silence`` when nothing can be sent.
        """
        port = await self._asking_port(near)
        target, function = self._target(port, near)
        found: dict[tuple[int, Peer], IAm] = {}
        done = asyncio.Event()

        def note(message: Message) -> None:
            i_am = _i_am(message)
            if i_am is not None and (low or 0) <= i_am.instance <= (high or codec.ANY_INSTANCE):
                found[i_am.instance, i_am.peer] = i_am
                if low == high and low is not None:
                    done.set()

        question = frames.to_everybody(codec.WHO_IS, codec.who_is(low, high), function)
        with _listening(port.wire, note):
            port.wire.sender.sendto(question, target)
            try:
                async with asyncio.timeout(wait_s):
                    await done.wait()
            except TimeoutError:
                pass
        return tuple(found[key] for key in sorted(found, key=lambda k: (k[0], str(k[1]))))

    @asynccontextmanager
    async def watching(self, peer: Peer, listener: Any) -> AsyncIterator[None]:
        """Tell ``listener`` every I-Am and change of value that comes in while inside."""
        wire = (await self._port(peer.ip, peer.port)).wire
        wire.heard.append(listener)
        wire.changed.append(listener)
        try:
            yield
        finally:
            wire.heard.remove(listener)
            wire.changed.remove(listener)

    async def close(self) -> None:
        """Close every socket for good."""
        self._closed = True
        for port in self._ports.values():
            if port.registered is not None:
                port.registered.cancel()
            for transaction in list(port.stack.asap.clientTransactions):
                transaction.set_state(_ABORTED)
            port.stack.close()
        self._ports.clear()
        await asyncio.sleep(0)

    @asynccontextmanager
    async def _turn(self, peer: Peer, timeout_s: float) -> AsyncIterator[_Port]:
        """Few requests at once for each device, one for whoever sits behind a router."""
        several = OUTSTANDING if peer.network is None else 1
        gate = Peer(*peer.address) if peer.network is not None else peer
        turns = self._turns.setdefault(gate, asyncio.Semaphore(several))
        try:
            async with asyncio.timeout(_QUEUE_TIMEOUTS * timeout_s):
                port = await self._port(peer.ip, peer.port)
                await turns.acquire()
        except TimeoutError:
            raise Silence(f"{peer} is busy with other requests") from None
        try:
            yield port
        finally:
            turns.release()

    async def _asking_port(self, near: Peer | None) -> _Port:
        if near is not None:
            return await self._port(near.ip, near.port)
        if self.bbmd is not None:
            return await self._port(await _resolve(self.bbmd.host, self.bbmd.port), self.bbmd.port)
        if self.bind is None:
            raise Silence("a broadcast needs a local address with its prefix, or a BBMD")
        return await self._port("", DEFAULT_PORT)

    def _target(self, port: _Port, near: Peer | None) -> tuple[tuple[str, int], int]:
        if near is not None:
            return near.address, frames.UNICAST
        if self.bbmd is not None:
            if port.registration:
                raise Silence(port.registration)
            return (self.bbmd.host, self.bbmd.port), frames.DISTRIBUTE
        if port.broadcast is None:
            raise Silence(f"{port.local} has no broadcast address: give it its prefix (/24 say)")
        return port.broadcast, frames.BROADCAST

    async def _port(self, ip: str, port: int) -> _Port:
        if self._closed:
            raise Silence("the driver was closed")
        local = self.bind or _leading_to(ip, port)
        known = self._ports.get(local)
        if known is not None:
            return known
        async with self._opening:
            if local not in self._ports:
                opened = await _open(local)
                opened.wire.heard.append(self._note)
                if self.bbmd is not None:
                    await _register(opened, self.bbmd)
                self._ports[local] = opened
        return self._ports[local]

    def _note(self, message: Message) -> None:
        i_am = _i_am(message)
        if i_am is not None:
            self.heard[i_am.instance] = i_am

    async def _shared(self, port: _Port) -> bool:
        """Whether somebody else gets datagrams that are meant for us.

        Sockets that allow it can share a port, and the kernel deals datagrams out by their sender.
        So a few are sent to ourselves from different ports: all have to arrive.
        """
        now = asyncio.get_running_loop().time()
        if now - port.probed_at < _PROBE_EVERY_S:
            return False
        port.probed_at = now
        for number in range(_PROBES):
            nonce = b"bms" + os.urandom(8) + bytes((number,))
            port.wire.probes.add(nonce)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.sendto(nonce, IPv4Address(port.local).addrTuple)
        await asyncio.sleep(_PROBE_WAIT_S)
        lost = bool(port.wire.probes)
        port.wire.probes.clear()
        return lost


@contextmanager
def _listening(wire: Wire, listener: Any) -> Iterator[None]:
    wire.heard.append(listener)
    try:
        yield
    finally:
        wire.heard.remove(listener)


def _i_am(message: Message) -> IAm | None:
    try:
        return codec.i_am(message.peer, message.parameters)
    except Garbled:
        return None


async def _over_wire(
    port: _Port, peer: Peer, service: int, parameters: bytes, timeout_s: float
) -> bytes:
    answer = await port.wire.ask(peer, service, parameters, timeout_s)
    if answer.kind == Kind.ABORT:
        raise _aborted(str(AbortReason(answer.service)))
    if answer.kind == Kind.REJECT:
        raise _rejected(str(RejectReason(answer.service)))
    if answer.service != service:
        raise Garbled(f"service {answer.service} answered instead of {service}")
    if answer.kind == Kind.ERROR:
        raise _refused(answer.parameters)
    if answer.segmented:
        raise TooLong("it answers in segments, although they were not asked for")
    return answer.parameters if answer.kind == Kind.COMPLEX_ACK else b""


def _refused(parameters: bytes) -> Refusal:
    """An error of class and code; some services wrap it (SubscribeCOVPropertyMultiple, say)."""
    tags = Tags(parameters)
    found = [tags.next(), tags.next()]
    if any((tag.kind, tag.number) != ("application", codec.ENUMERATED) for tag in found):
        raise Garbled("an error without class and code")
    return _error(str(ErrorCode(int.from_bytes(found[1].data, "big"))))


def _error(reason: str) -> Refusal:
    kind = RefusedForNow if reason in _TRY_LATER else RefusedForGood
    return kind(f"error: {reason}", reason)


def _aborted(reason: str) -> Refusal | TooLong:
    if reason in _TOO_LONG:
        return TooLong(f"aborted: {reason}")
    return RefusedForNow(f"aborted: {reason}", reason)


def _rejected(reason: str) -> Refusal:
    if reason == "unrecognized-service":
        return NotSupported("rejected: unrecognized-service", reason)
    return RefusedForGood(f"rejected: {reason}", reason)


async def _through_stack(
    port: _Port, peer: Peer, service: int, parameters: bytes, timeout_s: float
) -> bytes:
    request = ConfirmedRequestPDU(service, destination=_address(peer))
    request.pduData = bytearray(parameters)
    port.invoke = (port.invoke + 1) % _STACK_INVOKES  # the others are the wire's
    request.apduInvokeID = port.invoke
    try:
        ack = await port.stack.request(request)
    except ErrorRejectAbortNack as nack:
        raise _nack(nack) from None
    except asyncio.CancelledError:
        _forget(port.stack, request)
        raise
    if not isinstance(ack, (ComplexAckPDU, SimpleAckPDU)):
        raise Garbled(f"{type(ack).__name__} is no acknowledgement")
    if ack.apduService != service:
        raise Garbled(f"service {ack.apduService} answered instead of {service}")
    return bytes(ack.pduData) if isinstance(ack, ComplexAckPDU) else b""


def _address(peer: Peer) -> Any:
    if peer.network is not None:
        return RemoteStation(peer.network, peer.mac)
    return Address(f"{peer.ip}:{peer.port}")


def _forget(stack: Any, request: Any) -> None:
    """Stop the retries of a request that nobody waits for: a late write must not follow."""
    for transaction in list(stack.asap.clientTransactions):
        if (transaction.invokeID, transaction.pdu_address) == (
            request.apduInvokeID,
            request.pduDestination,
        ):
            transaction.set_state(_ABORTED)


def _nack(nack: Any) -> Refusal | TooLong:
    if isinstance(nack, AbortPDU):
        return _aborted(str(nack.reason))
    if isinstance(nack, RejectPDU):
        return _rejected(str(nack.reason))
    return _error(str(nack.reason))


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


async def _open(local: str) -> _Port:
    """A socket bound to ``local`` with the stack behind it.

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
    stack = Application.from_object_list(_own_objects(address))
    stack.asap.sap_response = MethodType(_acknowledgements_untouched, stack.asap)
    (link,) = stack.link_layers.values()
    try:
        async with asyncio.timeout(_BIND_WAIT_S):
            await asyncio.gather(*link.server._transport_tasks)
    except TimeoutError:
        stack.close()
        raise Silence(f"cannot bind {local} for BACnet/IP within {_BIND_WAIT_S:g} s") from None
    wire = Wire(link.server.local_transport)
    for protocol in (link.server.local_protocol, link.server.broadcast_protocol):
        if protocol is not None:
            protocol.datagram_received = partial(_received, wire, protocol.datagram_received)
    return _Port(local, wire, stack, link.server.broadcast_address)


def _received(wire: Wire, stack: Any, data: bytes, addr: tuple[str, int]) -> None:
    """In place of the stack's own: ours first, the rest goes on."""
    if not wire.received(data, addr):
        stack(data, addr)


async def _register(port: _Port, bbmd: Bbmd) -> None:
    """Register as a foreign device, and again before it ends. Raises ``Silence`` if refused."""
    target = (await _resolve(bbmd.host, bbmd.port), bbmd.port)
    answered = asyncio.Event()

    def note(code: int) -> None:
        refused = f"the BBMD {bbmd.host}:{bbmd.port} refuses registration (result {code:#06x})"
        port.registration = refused if code else ""
        answered.set()

    async def renew() -> None:
        while True:
            port.wire.sender.sendto(frames.registration(_REGISTRATION_S), target)
            await asyncio.sleep(_REGISTRATION_S / 3)

    port.wire.results.append(note)
    port.registration = f"the BBMD {bbmd.host}:{bbmd.port} does not answer"
    port.registered = asyncio.create_task(renew())
    try:
        async with asyncio.timeout(_BIND_WAIT_S):
            await answered.wait()
    except TimeoutError:
        pass  # it may be back by the next renewal; who asks until then is told


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
