"""BACnet/IP requests over one local socket per network, shared by all devices.

Unsegmented requests go over ``drivers.bacnet.transactions``. Those whose reply may be segmented
(whole object lists, priority arrays of some devices) go through bacpypes3, which has segmentation,
routes and retries. ``drivers.bacnet.encoding.services`` encodes and decodes the parameters on both
ways, so that acknowledgements pass the stack undecoded.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

from bacpypes3.primitivedata import ObjectType, PropertyIdentifier

from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Bbmd
from drivers.bacnet.encoding import errors, frames
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.frames import ApduType, Peer, ReceivedApdu
from drivers.bacnet.encoding.services import IAm, Reference
from drivers.bacnet.local_port import (
    DEFAULT_PORT,
    LocalPort,
    check_stack,
    local_address_for,
    open_port,
    register,
    resolve,
    segmented_request,
)
from drivers.bacnet.transactions import BacnetTransactions, Listener
from drivers.fieldbus.errors import InvalidReply, NoReply, require_departure

OUTSTANDING = 4
_QUEUE_TIMEOUTS = 3
MOST_I_AMS, MOST_OF_SENDER = 5_000, 1_000
"""Answers to a Who-Is that are kept [1], of all and of one sender (a router has many devices behind
it). Whoever is on the network may make up as many as he likes."""
_LOG = logging.getLogger(__name__)


class IAmTable:
    """The answers to a Who-Is, as many as are believed."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, Peer], IAm] = {}
        self._of_sender: Counter[tuple[str, int]] = Counter()
        self.left_out = 0
        """Answers that were one too many [1]."""

    def note(self, i_am: IAm) -> None:
        """Keep an answer; the last one of a device counts."""
        key, sender = (i_am.instance, i_am.peer), i_am.peer.address
        if key not in self._found:
            if len(self._found) >= MOST_I_AMS or self._of_sender[sender] >= MOST_OF_SENDER:
                self.left_out += 1
                return
            self._of_sender[sender] += 1
        self._found[key] = i_am

    def listed(self) -> tuple[IAm, ...]:
        """The answers by instance; logs what was left out."""
        if self.left_out:
            _LOG.warning(
                "%d answers to a Who-Is are left out: more than %d, or than %d of one sender; "
                "somebody makes devices up, or the range of instances is too wide",
                *(self.left_out, MOST_I_AMS, MOST_OF_SENDER),
            )
        keys = sorted(self._found, key=lambda key: (key[0], str(key[1])))
        return tuple(self._found[key] for key in keys)


OnIAm = Callable[[IAm], None]


@cache
def property_reference(address: BacnetAddress) -> Reference:
    """The reference with the numbers of an address. Raises ValueError for unknown names."""
    try:
        kind = ObjectType(_number_or_name(address.object_type))
        prop = PropertyIdentifier(_number_or_name(address.property))
    except (ValueError, TypeError) as error:
        raise ValueError(f"unknown BACnet name: {error}") from error
    return Reference(int(kind), address.instance, int(prop))


def _number_or_name(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


@dataclass(slots=True)
class BacnetLink:
    """Requests to any number of devices.

    ``bind`` is the local address as ``ip/prefix:port``; without it the one from which the device is
    reached, on port 47808, or on any free port where that is in use or on loopback. With ``bbmd``
    broadcasts reach the networks behind that broadcast management device. Several devices may bear
    one instance: ``named`` are the addresses that site files give for it, ``asked`` the places at
    which it is asked. ``names`` gives the address of a host. Nothing is bound before the first
    request.
    """

    bind: str | None = None
    bbmd: Bbmd | None = None
    names: Callable[[str, int], Awaitable[str]] = resolve
    named: defaultdict[int, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    asked: defaultdict[int, set[Peer]] = field(default_factory=lambda: defaultdict(set))
    _announced: dict[int, list[OnIAm]] = field(default_factory=dict)
    _ports: dict[str, LocalPort] = field(default_factory=dict)
    _gates: dict[Peer, asyncio.Semaphore] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _closed: bool = False

    def __post_init__(self) -> None:
        check_stack(version("bacpypes3"))

    async def resolve(self, host: str, port: int) -> Peer:
        """The peer of a host name or address. Raises ``NoReply`` when it cannot be resolved."""
        return Peer(await self.names(host, port), port)

    async def confirmed(
        self,
        peer: Peer,
        service: int,
        parameters: bytes,
        timeout_s: float,
        *,
        segmented: bool = False,
    ) -> bytes:
        """Parameters of the acknowledgement of a confirmed request; empty for a simple one.

        ``segmented`` accepts a segmented reply. Raises ``NoReply`` after ``timeout_s`` [s] or when
        nothing can be sent, ``ReplyTooLong``, ``DeviceRefusal``, and ``InvalidReply`` for an
        acknowledgement of another service.
        """
        async with self._admission(peer, timeout_s) as port:
            try:
                async with asyncio.timeout(timeout_s):
                    ask = segmented_request if segmented else _unsegmented
                    if segmented and service == codec.WRITE_PROPERTY:
                        require_departure()
                    return await ask(port, peer, service, parameters, timeout_s)
            except TimeoutError:
                silence = NoReply(f"{peer}: no answer within {timeout_s:g} s")
            except NoReply as error:
                silence = error
            if await port.is_shared():
                raise NoReply(
                    f"{silence}; another program has bound {port.local} as well and takes our "
                    "answers: stop it, or set another local address"
                ) from None
            raise silence

    def repeated(self, peer: Peer) -> int:
        """How many requests to a peer had no reply to their first datagram, while others to it were
        waiting [1]."""
        return sum(port.transactions.repeated[peer] for port in self._ports.values())

    async def unconfirmed(self, peer: Peer, service: int, parameters: bytes) -> None:
        """Send an unconfirmed request to one device. Raises ``NoReply`` when it cannot be sent."""
        port = await self._port(peer.ip, peer.port)
        port.transactions.sender.sendto(frames.unconfirmed(peer, service, parameters), peer.address)

    async def who_is(
        self,
        wait_s: float,
        *,
        via: Peer | None = None,
        low: int | None = None,
        high: int | None = None,
    ) -> tuple[IAm, ...]:
        """The I-Ams that come within ``wait_s`` [s] of a Who-Is, by instance.

        ``via`` is one device, or the router to others, and only what comes from there counts;
        without it the request is broadcast, through the BBMD where there is one, and where ``low``
        = ``high`` it returns as soon as that instance has replied. More than ``MOST_I_AMS`` are
        not kept, which is logged. Raises ``NoReply`` when nothing can be sent.
        """
        port = await self._broadcast_port(via)
        target, function = self._target(port, via)
        found = IAmTable()
        done = asyncio.Event()

        def note(message: ReceivedApdu) -> None:
            i_am = _i_am(message)
            if i_am is None or (via is not None and i_am.peer.address != via.address):
                return
            if (low or 0) <= i_am.instance <= (codec.ANY_INSTANCE if high is None else high):
                found.note(i_am)
                if via is None and low == high and low is not None:
                    done.set()

        question = frames.global_broadcast(codec.WHO_IS, codec.who_is(low, high), function)
        with _listening_for_i_am(port.transactions, note):
            port.transactions.sender.sendto(question, target)
            try:
                async with asyncio.timeout(wait_s):
                    await done.wait()
            except TimeoutError:
                pass
        return found.listed()

    @asynccontextmanager
    async def notifications(self, peer: Peer, listener: Listener) -> AsyncIterator[None]:
        """While inside, call ``listener`` with every I-Am and COV notification that comes in."""
        transactions = (await self._port(peer.ip, peer.port)).transactions
        transactions.i_am_listeners.append(listener)
        transactions.cov_listeners.append(listener)
        try:
            yield
        finally:
            transactions.i_am_listeners.remove(listener)
            transactions.cov_listeners.remove(listener)

    async def close(self) -> None:
        """Close every socket for good."""
        self._closed = True
        for port in self._ports.values():
            port.close()
        self._ports.clear()
        await asyncio.sleep(0)

    @asynccontextmanager
    async def _admission(self, peer: Peer, timeout_s: float) -> AsyncIterator[LocalPort]:
        """Limit requests in flight: ``OUTSTANDING`` for each device, one for those of a router."""
        several = OUTSTANDING if peer.network is None else 1
        router = Peer(*peer.address) if peer.network is not None else peer
        gate = self._gates.setdefault(router, asyncio.Semaphore(several))
        try:
            async with asyncio.timeout(_QUEUE_TIMEOUTS * timeout_s):
                port = await self._port(peer.ip, peer.port)
                await gate.acquire()
        except TimeoutError:
            raise NoReply(f"{peer} is busy with other requests") from None
        try:
            yield port
        finally:
            gate.release()

    async def _broadcast_port(self, via: Peer | None) -> LocalPort:
        if via is not None:
            return await self._port(via.ip, via.port)
        if self.bbmd is not None:
            return await self._port(
                await self.names(self.bbmd.host, self.bbmd.port), self.bbmd.port
            )
        if self.bind is None:
            raise NoReply("a broadcast needs a local address with its prefix, or a BBMD")
        return await self._port("", DEFAULT_PORT)

    def _target(self, port: LocalPort, via: Peer | None) -> tuple[tuple[str, int], int]:
        if via is not None:
            return via.address, frames.UNICAST
        if self.bbmd is not None:
            if port.registration:
                raise NoReply(port.registration)
            return (self.bbmd.host, self.bbmd.port), frames.DISTRIBUTE
        if port.broadcast is None:
            raise NoReply(f"{port.local} has no broadcast address: give it its prefix (/24 say)")
        return port.broadcast, frames.BROADCAST

    async def _port(self, ip: str, port: int) -> LocalPort:
        if self._closed:
            raise NoReply("the driver was closed")
        local = self.bind or local_address_for(ip, port)
        known = self._ports.get(local)
        if known is not None:
            return known
        async with self._opening:
            if local not in self._ports:
                opened = await open_port(local)
                opened.transactions.i_am_listeners.append(self._note)
                if self.bbmd is not None:
                    await register(opened, self.bbmd)
                self._ports[local] = opened
        return self._ports[local]

    def listen(self, instance: int, listener: OnIAm) -> None:
        """Call ``listener`` with every I-Am of this instance, wherever it comes from."""
        self._announced.setdefault(instance, []).append(listener)

    def _note(self, message: ReceivedApdu) -> None:
        i_am = _i_am(message)
        if i_am is not None:
            for listener in self._announced.get(i_am.instance, ()):
                listener(i_am)


@contextmanager
def _listening_for_i_am(transactions: BacnetTransactions, listener: Listener) -> Iterator[None]:
    transactions.i_am_listeners.append(listener)
    try:
        yield
    finally:
        transactions.i_am_listeners.remove(listener)


def _i_am(message: ReceivedApdu) -> IAm | None:
    try:
        return codec.i_am(message.peer, message.parameters)
    except InvalidReply:
        return None


async def _unsegmented(
    port: LocalPort, peer: Peer, service: int, parameters: bytes, timeout_s: float
) -> bytes:
    answer = await port.transactions.request(peer, service, parameters, timeout_s)
    if answer.kind == ApduType.ABORT:
        raise errors.abort_error(answer.service)
    if answer.kind == ApduType.REJECT:
        raise errors.reject_error(answer.service)
    if answer.service != service:
        raise InvalidReply(f"service {answer.service} answered instead of {service}")
    if answer.kind == ApduType.ERROR:
        raise errors.error_reply(answer.parameters)
    if answer.segmented:
        raise errors.ReplyTooLong("it answers in segments, although they were not asked for")
    return answer.parameters if answer.kind == ApduType.COMPLEX_ACK else b""
