"""Confirmed requests and their replies as datagrams: invoke ids, retries, deadlines.

Unsegmented exchanges go this way, because the generic stack spends most of a millisecond on each.
Datagrams that belong to none of these requests are left to the stack.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from drivers.bacnet.encoding import frames
from drivers.bacnet.encoding.frames import ApduType, Peer, ReceivedApdu
from drivers.bacnet.encoding.services import WRITE_PROPERTY
from drivers.fieldbus.errors import NoReply, require_departure

TRIES = 3
_SPREAD, _SPREAD_OVER = 0.5, 8
"""Requests that were lost together are not repeated together: the times between tries differ by up
to this part, over as many invoke ids."""
STACK_PER_S, STACK_AT_ONCE = 20.0, 100.0
"""How much nobody asked for goes to the stack [1/s], and at once [1]: it spends milliseconds on
each, and whoever is on the network may send as much as he likes."""
FIRST_INVOKE, INVOKES = 128, 128
I_AM = 0
CONFIRMED_COV, UNCONFIRMED_COV = 1, 2
_ANSWERS = (
    ApduType.SIMPLE_ACK,
    ApduType.COMPLEX_ACK,
    ApduType.ERROR,
    ApduType.REJECT,
    ApduType.ABORT,
)
_LOG = logging.getLogger(__name__)

Listener = Callable[[ReceivedApdu], None]


class Sender(Protocol):
    """Sends a datagram; an ``asyncio.DatagramTransport`` is one."""

    def sendto(self, data: bytes, addr: tuple[str, int], /) -> None: ...


@dataclass(slots=True)
class _Pending:
    """A request without a reply yet. ``timer`` sends it again, or fails it."""

    datagram: bytes
    peer: Peer
    answer: asyncio.Future[ReceivedApdu]
    every_s: float
    until: float
    tries: int
    left: int
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class BacnetTransactions:
    """The transactions of one socket.

    ``i_am_listeners`` are called with every I-Am, ``cov_listeners`` with every COV notification,
    and ``bvlc_listeners`` with every BVLC result code. ``stack_peers`` are those that the stack is
    asking, by invoke id: it gets no answers of others.
    """

    sender: Sender
    i_am_listeners: list[Listener] = field(default_factory=list)
    cov_listeners: list[Listener] = field(default_factory=list)
    bvlc_listeners: list[Callable[[int], None]] = field(default_factory=list)
    probes: set[bytes] = field(default_factory=set)
    stack_peers: dict[int, Peer] = field(default_factory=dict)
    repeated: Counter[Peer] = field(default_factory=Counter)
    """Requests by peer that had no reply to their first datagram, while others were waiting [1]."""
    _room: float = STACK_AT_ONCE
    _room_at: float = 0.0
    _pending: dict[tuple[Peer, int], _Pending] = field(default_factory=dict)
    _last: dict[Peer, int] = field(default_factory=dict)

    async def request(
        self, peer: Peer, service: int, parameters: bytes, timeout_s: float
    ) -> ReceivedApdu:
        """The reply to a confirmed request, sent up to ``TRIES`` times within ``timeout_s`` [s].

        A write is sent once: by the next time another device may be there. A reply is matched by
        peer and invoke id; the caller checks its content. Raises ``NoReply`` when none comes,
        ``TooLate`` for a write that may not leave any more.
        """
        loop = asyncio.get_running_loop()
        key = peer, self._free_invoke(peer)
        datagram = frames.confirmed(peer, key[1], service, parameters)
        tries = TRIES
        if service == WRITE_PROPERTY:
            require_departure()
            tries = 1
        until = loop.time() + timeout_s
        waiting = _Pending(
            datagram, peer, loop.create_future(), timeout_s / tries, until, tries, tries - 1
        )
        self._pending[key] = waiting
        try:
            self._send(waiting, key[1])
            return await waiting.answer
        finally:
            if waiting.timer is not None:
                waiting.timer.cancel()
            del self._pending[key]

    def received(self, datagram: bytes, sender: tuple[str, int]) -> bool:
        """Handle a datagram; False when the stack has to handle it as well."""
        if datagram in self.probes:
            self.probes.discard(datagram)
            return True
        code = frames.bvlc_result(datagram)
        if code is not None:
            for note in self.bvlc_listeners:
                note(code)
            return True
        message = frames.decode_apdu(datagram, sender)
        if message is None:
            return not self._has_room()
        if message.kind in _ANSWERS:
            return self._answered(message)
        if message.kind == ApduType.SEGMENT_ACK:
            return not self._of_stack(message)
        return self._notified(message)

    def _of_stack(self, message: ReceivedApdu) -> bool:
        """Whether it comes from whom the stack is asking."""
        return self.stack_peers.get(message.invoke) == message.peer

    def _answered(self, message: ReceivedApdu) -> bool:
        waiting = self._pending.get((message.peer, message.invoke))
        if waiting is None:
            # A late reply to one of our requests, one of a request of the stack, or nobody's.
            return not self._of_stack(message)
        if not waiting.answer.done():
            waiting.answer.set_result(message)
        return True

    def _notified(self, message: ReceivedApdu) -> bool:
        if message.kind == ApduType.UNCONFIRMED and message.service == I_AM:
            self._notify(self.i_am_listeners, message)
            return True
        confirmed = message.kind == ApduType.CONFIRMED and message.service == CONFIRMED_COV
        if not confirmed and (message.kind, message.service) != (
            ApduType.UNCONFIRMED,
            UNCONFIRMED_COV,
        ):
            return not self._has_room()
        if confirmed:
            ack = frames.simple_ack(message.peer, message.invoke, CONFIRMED_COV)
            self.sender.sendto(ack, message.peer.address)
        self._notify(self.cov_listeners, message)
        return True

    def _has_room(self) -> bool:
        """Whether the stack may have another datagram that nobody asked for."""
        now = asyncio.get_running_loop().time()
        room = min(STACK_AT_ONCE, self._room + STACK_PER_S * (now - self._room_at))
        self._room, self._room_at = max(0.0, room - 1.0), now
        return room >= 1.0

    def _notify(self, listeners: list[Listener], message: ReceivedApdu) -> None:
        for listener in list(listeners):
            try:
                listener(message)
            except Exception:  # an error in one listener must not stop the socket
                _LOG.exception("a listener failed on a message of %s", message.peer)

    def _send(self, waiting: _Pending, invoke: int) -> None:
        self.sender.sendto(waiting.datagram, waiting.peer.address)
        loop = asyncio.get_running_loop()
        at = waiting.until
        if waiting.left > 0:
            part = invoke % _SPREAD_OVER / _SPREAD_OVER - 0.5
            at = loop.time() + waiting.every_s * (1.0 + _SPREAD * part)
        waiting.timer = loop.call_at(at, self._resend, waiting, invoke)

    def _resend(self, waiting: _Pending, invoke: int) -> None:
        if waiting.answer.done():
            return
        if waiting.left == 0:
            total = waiting.every_s * waiting.tries
            text = f"{waiting.peer}: no answer within {total:g} s"
            waiting.answer.set_exception(NoReply(text))
            return
        if waiting.left == waiting.tries - 1 and self._beside(waiting):
            self.repeated[waiting.peer] += 1
        waiting.left -= 1
        self._send(waiting, invoke)

    def _beside(self, waiting: _Pending) -> bool:
        """Whether other requests to the same peer have no reply yet."""
        return any(o.peer == waiting.peer and o is not waiting for o in self._pending.values())

    def _free_invoke(self, peer: Peer) -> int:
        """The next free invoke id of a peer: the least recently used, against late replies."""
        last = self._last.get(peer, 0)
        for step in range(1, INVOKES + 1):
            invoke = FIRST_INVOKE + (last + step) % INVOKES
            if (peer, invoke) not in self._pending:
                self._last[peer] = invoke - FIRST_INVOKE
                return invoke
        raise NoReply(f"{peer}: {INVOKES} requests are waiting already")
