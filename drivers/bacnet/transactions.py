"""Requests and answers as datagrams: invoke ids, retries, deadlines. Opens no socket itself.

Short exchanges go this way, because the generic stack spends most of a millisecond on each. It
takes only what it asked for: everything else is left to the stack below.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from drivers.bacnet.encoding import frames as frames
from drivers.bacnet.encoding.frames import Kind, Message, Peer
from drivers.fieldbus.errors import Silence

TRIES = 3
FIRST_INVOKE, INVOKES = 128, 128
I_AM = 0
CONFIRMED_COV, UNCONFIRMED_COV = 1, 2
_ANSWERS = (Kind.SIMPLE_ACK, Kind.COMPLEX_ACK, Kind.ERROR, Kind.REJECT, Kind.ABORT)
_LOG = logging.getLogger(__name__)

Listener = Callable[[Message], None]


class Sender(Protocol):
    """Sends a datagram; an ``asyncio.DatagramTransport`` is one."""

    def sendto(self, data: bytes, addr: tuple[str, int], /) -> None: ...


@dataclass(slots=True)
class _Pending:
    """A request that waits. ``timer`` sends it again, or gives up."""

    datagram: bytes
    peer: Peer
    answer: asyncio.Future[Message]
    every_s: float
    left: int = TRIES - 1
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Wire:
    """The exchanges of one socket.

    ``heard`` are told every I-Am, ``changed`` every notification of a change of value, and
    ``results`` every BVLC result code.
    """

    sender: Sender
    heard: list[Listener] = field(default_factory=list)
    changed: list[Listener] = field(default_factory=list)
    results: list[Callable[[int], None]] = field(default_factory=list)
    probes: set[bytes] = field(default_factory=set)
    _pending: dict[tuple[Peer, int], _Pending] = field(default_factory=dict)
    _last: dict[Peer, int] = field(default_factory=dict)

    async def ask(self, peer: Peer, service: int, parameters: bytes, timeout_s: float) -> Message:
        """The answer to a confirmed request, sent up to ``TRIES`` times within ``timeout_s`` [s].

        Raises ``Silence`` when none comes. An answer is one by its peer and invoke id; what it
        says is for the caller to check.
        """
        loop = asyncio.get_running_loop()
        key = peer, self._free_invoke(peer)
        datagram = frames.confirmed(peer, key[1], service, parameters)
        waiting = _Pending(datagram, peer, loop.create_future(), timeout_s / TRIES)
        self._pending[key] = waiting
        try:
            self._send(waiting)
            return await waiting.answer
        finally:
            if waiting.timer is not None:
                waiting.timer.cancel()
            del self._pending[key]

    def received(self, datagram: bytes, sender: tuple[str, int]) -> bool:
        """Whether the datagram was for us alone; if not, the stack is to have it too."""
        if datagram in self.probes:
            self.probes.discard(datagram)
            return True
        code = frames.result(datagram)
        if code is not None:
            for note in self.results:
                note(code)
            return True
        message = frames.message(datagram, sender)
        if message is None:
            return False
        if message.kind in _ANSWERS:
            return self._answered(message)
        return self._told(message)

    def _answered(self, message: Message) -> bool:
        waiting = self._pending.get((message.peer, message.invoke))
        if waiting is None:
            # Our ids are none of the stack's: a late answer is nobody's.
            return message.invoke >= FIRST_INVOKE
        if not waiting.answer.done():
            waiting.answer.set_result(message)
        return True

    def _told(self, message: Message) -> bool:
        if message.kind == Kind.UNCONFIRMED and message.service == I_AM:
            self._tell(self.heard, message)
            return False  # the stack learns routes and sizes from it
        confirmed = message.kind == Kind.CONFIRMED and message.service == CONFIRMED_COV
        if not confirmed and (message.kind, message.service) != (
            Kind.UNCONFIRMED,
            UNCONFIRMED_COV,
        ):
            return False
        if confirmed:
            ack = frames.simple_ack(message.peer, message.invoke, CONFIRMED_COV)
            self.sender.sendto(ack, message.peer.address)
        self._tell(self.changed, message)
        return True

    def _tell(self, listeners: list[Listener], message: Message) -> None:
        for listener in list(listeners):
            try:
                listener(message)
            except Exception:  # one listener's mistake must not deafen the socket
                _LOG.exception("a listener failed on a message of %s", message.peer)

    def _send(self, waiting: _Pending) -> None:
        self.sender.sendto(waiting.datagram, waiting.peer.address)
        loop = asyncio.get_running_loop()
        waiting.timer = loop.call_later(waiting.every_s, self._again, waiting)

    def _again(self, waiting: _Pending) -> None:
        if waiting.answer.done():
            return
        if waiting.left == 0:
            total = waiting.every_s * TRIES
            text = f"{waiting.peer}: no answer within {total:g} s"
            waiting.answer.set_exception(Silence(text))
            return
        waiting.left -= 1
        self._send(waiting)

    def _free_invoke(self, peer: Peer) -> int:
        """The next id that no request to this peer holds: the oldest one, against late answers."""
        last = self._last.get(peer, 0)
        for step in range(1, INVOKES + 1):
            invoke = FIRST_INVOKE + (last + step) % INVOKES
            if (peer, invoke) not in self._pending:
                self._last[peer] = invoke - FIRST_INVOKE
                return invoke
        raise Silence(f"{peer}: {INVOKES} requests are waiting already")
