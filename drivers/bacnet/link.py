"""BACnet/IP requests over one local socket per network, shared by all devices.

Short requests go over ``drivers.bacnet.transactions``. Long ones (whole object lists, priority
arrays of devices that have to cut them into segments) go through bacpypes3, which keeps what it
does well: segmentation, routes and its own retries. Service parameters are encoded and decoded by
``drivers.bacnet.encoding.services`` on both ways, so acknowledgements pass the stack untouched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

from bacpypes3.primitivedata import ObjectType, PropertyIdentifier

from bms.model.assets.address import BacnetAddress
from drivers.bacnet.encoding import errors as refusals
from drivers.bacnet.encoding import frames as frames
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.frames import Kind, Message, Peer
from drivers.bacnet.encoding.services import IAm, Reference
from drivers.bacnet.local_port import (
    DEFAULT_PORT,
    Bbmd,
    LocalPort,
    check_stack,
    leading_to,
    open_port,
    register,
    resolve,
    through_stack,
)
from drivers.bacnet.transactions import Listener, Wire
from drivers.fieldbus.errors import Garbled, Silence

OUTSTANDING = 4
_QUEUE_TIMEOUTS = 3


@cache
def reference(address: BacnetAddress) -> Reference:
    """Numbers of an object type and property. Raises ValueError for unknown names."""
    try:
        kind = ObjectType(address.object_type)
        prop = PropertyIdentifier(address.property)
    except (ValueError, TypeError) as error:
        raise ValueError(f"unknown BACnet name: {error}") from error
    return Reference(int(kind), address.instance, int(prop))


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
    _ports: dict[str, LocalPort] = field(default_factory=dict)
    _turns: dict[Peer, asyncio.Semaphore] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closed: bool = False

    def __post_init__(self) -> None:
        check_stack(version("bacpypes3"))

    async def resolve(self, host: str, port: int) -> Peer:
        """The peer of a host name or address. Raises ``Silence`` when it has none."""
        return Peer(await resolve(host, port), port)

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
                    ask = through_stack if long else _over_wire
                    return await ask(port, peer, service, parameters, timeout_s)
            except TimeoutError:
                silence = Silence(f"{peer}: no answer within {timeout_s:g} s")
            except Silence as error:
                silence = error
            if await port.shared():
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
    async def watching(self, peer: Peer, listener: Listener) -> AsyncIterator[None]:
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
            port.close()
        self._ports.clear()
        await asyncio.sleep(0)

    @asynccontextmanager
    async def _turn(self, peer: Peer, timeout_s: float) -> AsyncIterator[LocalPort]:
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

    async def _asking_port(self, near: Peer | None) -> LocalPort:
        if near is not None:
            return await self._port(near.ip, near.port)
        if self.bbmd is not None:
            return await self._port(await resolve(self.bbmd.host, self.bbmd.port), self.bbmd.port)
        if self.bind is None:
            raise Silence("a broadcast needs a local address with its prefix, or a BBMD")
        return await self._port("", DEFAULT_PORT)

    def _target(self, port: LocalPort, near: Peer | None) -> tuple[tuple[str, int], int]:
        if near is not None:
            return near.address, frames.UNICAST
        if self.bbmd is not None:
            if port.registration:
                raise Silence(port.registration)
            return (self.bbmd.host, self.bbmd.port), frames.DISTRIBUTE
        if port.broadcast is None:
            raise Silence(f"{port.local} has no broadcast address: give it its prefix (/24 say)")
        return port.broadcast, frames.BROADCAST

    async def _port(self, ip: str, port: int) -> LocalPort:
        if self._closed:
            raise Silence("the driver was closed")
        local = self.bind or leading_to(ip, port)
        known = self._ports.get(local)
        if known is not None:
            return known
        async with self._opening:
            if local not in self._ports:
                opened = await open_port(local)
                opened.wire.heard.append(self._note)
                if self.bbmd is not None:
                    await register(opened, self.bbmd)
                self._ports[local] = opened
        return self._ports[local]

    def _note(self, message: Message) -> None:
        i_am = _i_am(message)
        if i_am is not None:
            self.heard[i_am.instance] = i_am


@contextmanager
def _listening(wire: Wire, listener: Listener) -> Iterator[None]:
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
    port: LocalPort, peer: Peer, service: int, parameters: bytes, timeout_s: float
) -> bytes:
    answer = await port.wire.ask(peer, service, parameters, timeout_s)
    if answer.kind == Kind.ABORT:
        raise refusals.abort(answer.service)
    if answer.kind == Kind.REJECT:
        raise refusals.reject(answer.service)
    if answer.service != service:
        raise Garbled(f"service {answer.service} answered instead of {service}")
    if answer.kind == Kind.ERROR:
        raise refusals.error(answer.parameters)
    if answer.segmented:
        raise refusals.TooLong("it answers in segments, although they were not asked for")
    return answer.parameters if answer.kind == Kind.COMPLEX_ACK else b""
