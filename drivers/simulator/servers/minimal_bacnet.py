"""Many minimal BACnet/IP devices in one process, at little cost.

For benches, in which the server must not be the bottleneck: ``python -m
drivers.simulator.servers.minimal_bacnet COUNT`` binds COUNT loopback ports, prints them on one line
and answers ReadProperty and ReadPropertyMultiple until its standard input closes. Device ``k``
(from 0) has instance ``k + 1``; the value of every object is its instance in degrees Celsius, and
no status flag is set.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys

_HEADER = 10
_READ_PROPERTY, _READ_PROPERTY_MULTIPLE = 12, 14
_DEVICE, _MAX_APDU, _SEGMENTATION = 8, 62, 107
_IDENTIFIER, _RELIABILITY, _STATUS_FLAGS, _UNITS = 75, 103, 111, 117
_OTHER = {_RELIABILITY: b"\x91\x00", _STATUS_FLAGS: b"\x82\x04\x00", _UNITS: b"\x91\x3e"}
_PROPERTY = 0x09
_ROOM = 2048


def answer(request: bytes) -> bytes | None:
    """The reply to a datagram, with invoke id 0; None for an unknown service."""
    service, payload = request[9], request[_HEADER:]
    if service == _READ_PROPERTY:
        body = payload + b"\x3e" + _value(payload[1:5], payload[6]) + b"\x3f"
    elif service == _READ_PROPERTY_MULTIPLE:
        body = b"".join(_result(each) for each in _specifications(payload))
    else:
        return None
    apdu = bytes((0x30, 0, service)) + body
    return struct.pack(">BBHBB", 0x81, 0x0A, 6 + len(apdu), 1, 0) + apdu


def _specifications(payload: bytes) -> list[bytes]:
    """The access specifications of a request whose properties are all below 256, unindexed."""
    found = []
    at = 0
    while at < len(payload):
        end = at + 6
        while payload[end] == _PROPERTY:
            end += 2
        found.append(payload[at : end + 1])
        at = end + 1
    return found


def _result(specification: bytes) -> bytes:
    identifier, asked = specification[1:5], specification[7:-1:2]
    told = b"".join(
        bytes((0x29, name)) + b"\x4e" + _value(identifier, name) + b"\x4f" for name in asked
    )
    return specification[:6] + told + specification[-1:]


def _value(identifier: bytes, name: int) -> bytes:
    (number,) = struct.unpack(">I", identifier)
    if number >> 22 == _DEVICE:
        known = {_MAX_APDU: b"\x22\x05\xc4", _SEGMENTATION: b"\x91\x03"}
        return known.get(name, b"\xc4" + identifier)
    return _OTHER.get(name) or b"\x44" + struct.pack(">f", number & 0x3FFFFF)


def serve(count: int) -> None:
    """Serve until standard input closes."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    waiting = selectors.DefaultSelector()
    for each in sockets:
        each.bind(("127.0.0.1", 0))
        waiting.register(each, selectors.EVENT_READ)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    sys.stdout.write(" ".join(str(each.getsockname()[1]) for each in sockets) + "\n")
    sys.stdout.flush()
    known: dict[bytes, bytes] = {}
    while True:
        for key, _ in waiting.select():
            if not isinstance(key.fileobj, socket.socket):
                return
            _answer_one(key.fileobj, known)


def _answer_one(each: socket.socket, known: dict[bytes, bytes]) -> None:
    request, sender = each.recvfrom(_ROOM)
    if len(request) <= _HEADER or request[6] >> 4:
        return
    question = request[9:]
    if question not in known:
        made = answer(request)
        if made is None:
            return
        known[question] = made
    reply = bytearray(known[question])
    reply[7] = request[8]
    each.sendto(reply, sender)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
