"""A Modbus TCP server that costs next to nothing, so that a bench measures its client.

``python -m bms.bench.fieldbus.modbus_responder`` prints its port and serves until standard input
ends. Registers hold their addresses. Unit 10 is silent while a client has set holding register 0 of
unit 255 to 1. Every other answer is delayed by ``--delay-ms``. Plain sockets without an event loop:
one answer costs a quarter of what it costs an asyncio server.
"""

from __future__ import annotations

import argparse
import heapq
import selectors
import socket
import struct
import sys
import time
from contextlib import suppress
from functools import cache

_REQUEST = struct.Struct(">HHHBBHH")
_HEAD = struct.Struct(">HHHBBB")
_LONGEST_LIFE_S = 300.0
DEAD_UNIT, SWITCH_UNIT = 10, 255
_WRITE_REGISTER = 6


@cache
def _words(address: int, count: int) -> bytes:
    return struct.pack(f">{count}H", *((address + i) & 0xFFFF for i in range(count)))


class Responder:
    """Trusts its clients: whole requests of 12 bytes, and room for every answer."""

    def __init__(self, delay_s: float, host: str = "127.0.0.1") -> None:
        self._delay_s = delay_s
        self._dead = False
        self._late: list[tuple[float, int, socket.socket, bytes]] = []
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server((host, 0), backlog=1024)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Until standard input ends, and never longer than five minutes."""
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        end = time.monotonic() + _LONGEST_LIFE_S
        while time.monotonic() < end:
            for key, _ in self._selector.select(self._patience_s()):
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._serve(key.fileobj)
            self._send_late()

    def _patience_s(self) -> float:
        """How long there is nothing to do but wait [s]."""
        return max(0.0, self._late[0][0] - time.monotonic()) if self._late else 1.0

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(client, selectors.EVENT_READ)

    def _serve(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            self._selector.unregister(client)
            client.close()
            return
        self._send(client, self._answers(data))

    def _answers(self, data: bytes) -> bytes:
        return b"".join(self._answer(frame) for frame in _REQUEST.iter_unpack(data))

    def _answer(self, frame: tuple[int, ...]) -> bytes:
        transaction, _, _, unit, function, address, count = frame
        if unit == DEAD_UNIT and self._dead:
            return b""
        if function == _WRITE_REGISTER:
            if unit == SWITCH_UNIT:
                self._dead = bool(count)
            return _REQUEST.pack(*frame)
        size = 2 * count
        return _HEAD.pack(transaction, 0, 3 + size, unit, function, size) + _words(address, count)

    def _send(self, client: socket.socket, reply: bytes) -> None:
        if self._delay_s > 0 and reply:
            due = time.monotonic() + self._delay_s
            heapq.heappush(self._late, (due, client.fileno(), client, reply))
        elif reply:
            client.sendall(reply)

    def _send_late(self) -> None:
        now = time.monotonic()
        while self._late and self._late[0][0] <= now:
            *_, client, reply = heapq.heappop(self._late)
            with suppress(OSError):  # it has gone meanwhile
                client.sendall(reply)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    responder = Responder(parser.parse_args().delay_ms / 1000)
    sys.stdout.write(f"{responder.port}\n")
    sys.stdout.flush()
    responder.serve()
