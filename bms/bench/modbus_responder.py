"""A Modbus TCP server that costs next to nothing, so that a bench measures its client.

``python -m bms.bench.modbus_responder`` prints its port and serves until standard input ends.
Registers hold their addresses. Unit 10 is silent while a client has set holding register 0 of
unit 255 to 1. Every other answer is delayed by ``--delay-ms``.
"""

from __future__ import annotations

import argparse
import asyncio
import struct
import sys
from functools import cache
from typing import cast

_HEAD = struct.Struct(">HHHBBHH")
_LONGEST_LIFE_S = 300.0
DEAD_UNIT, SWITCH_UNIT = 10, 255


@cache
def _words(address: int, count: int) -> bytes:
    return struct.pack(f">{count}H", *((address + i) & 0xFFFF for i in range(count)))


class Responder(asyncio.Protocol):
    """One connection. It trusts its client: one whole request of 12 bytes at a time."""

    dead = False

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data) - 11, 12):
            self._answer(data[start : start + 12])

    def _answer(self, frame: bytes) -> None:
        transaction, _, _, unit, function, address, count = _HEAD.unpack(frame)
        if unit == DEAD_UNIT and Responder.dead:
            return
        if function == 6:
            if unit == SWITCH_UNIT:
                Responder.dead = bool(count)
            self._send(frame)
            return
        head = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count)
        self._send(head + _words(address, count))

    def _send(self, reply: bytes) -> None:
        assert self._transport is not None
        if self._delay_s > 0:
            asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, reply)
        else:
            self._transport.write(reply)


async def serve(delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Responder(delay_s), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    done = asyncio.Event()
    loop.add_reader(sys.stdin, done.set)
    try:
        await asyncio.wait_for(done.wait(), _LONGEST_LIFE_S)
    except TimeoutError:
        pass
    finally:
        server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    asyncio.run(serve(parser.parse_args().delay_ms / 1000))
