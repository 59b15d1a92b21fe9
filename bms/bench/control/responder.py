"""A Modbus TCP server that keeps what is written to it, for many links with a delay of their own.

``python -m bms.bench.control.responder --delay-ms 20`` prints its port and serves on every loopback
address until standard input ends. All links share the 65 536 holding registers.
"""

from __future__ import annotations

import argparse
import socket
import struct
import sys

from bms.bench.fieldbus.modbus_responder import Responder

_HEADER = struct.Struct(">HHHBB")
_WORDS = struct.Struct(">HH")
_READ, _WRITE_ONE, _WRITE_MANY = 3, 6, 16
ILLEGAL_FUNCTION = 1


class StoringResponder(Responder):
    """Answers reading and writing of holding registers; every other function is refused."""

    def __init__(self, delay_s: float) -> None:
        super().__init__(delay_s, "0.0.0.0")  # noqa: S104 (each link has a loopback address)
        self._registers = bytearray(2 * 65_536)

    def _answers(self, data: bytes) -> bytes:
        answers = []
        while len(data) >= _HEADER.size:
            transaction, _, length, unit, function = _HEADER.unpack_from(data)
            frame, data = data[: 6 + length], data[6 + length :]
            body = self._body(function, frame[8:])
            head = _HEADER.pack(transaction, 0, 1 + len(body), unit, body[0])
            answers.append(head + body[1:])
        return b"".join(answers)

    def _body(self, function: int, rest: bytes) -> bytes:
        if function not in (_READ, _WRITE_ONE, _WRITE_MANY):
            return bytes((function | 0x80, ILLEGAL_FUNCTION))
        address, count = _WORDS.unpack_from(rest)
        first = 2 * address
        if function == _READ:
            found = self._registers[first : first + 2 * count]
            return bytes((function, len(found))) + bytes(found)
        if function == _WRITE_ONE:
            self._registers[first : first + 2] = rest[2:4]
        else:
            self._registers[first : first + 2 * count] = rest[5 : 5 + 2 * count]
        return bytes((function,)) + rest[:4]


def link_address(number: int) -> str:
    """The loopback address of a link, so that each is a connection of its own."""
    return socket.inet_ntoa(struct.pack(">I", 0x7F010001 + number))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    responder = StoringResponder(parser.parse_args().delay_ms / 1000)
    sys.stdout.write(f"{responder.port}\n")
    sys.stdout.flush()
    responder.serve()
