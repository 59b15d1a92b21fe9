"""A small BACnet/IP device made of bytes, for what a well-behaved server would never do.

It shares no code with the driver: what it sends is written down from the standard.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

ERROR, REJECT, ABORT = 0x50, 0x60, 0x70
Answer = Callable[[int, int, bytes], "bytes | list[bytes] | None"]
Key = tuple[int, int, int]


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def real(number: float) -> bytes:
    return b"\x44" + struct.pack(">f", number)


def unsigned(number: int) -> bytes:
    data = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")
    return bytes((0x20 | len(data),)) + data


def enumerated(number: int) -> bytes:
    return bytes((0x90 | 1, number))


def text(words: str) -> bytes:
    data = b"\x00" + words.encode()
    return (bytes((0x75, len(data))) if len(data) > 4 else bytes((0x70 | len(data),))) + data


def identifier(kind: int, instance: int) -> bytes:
    return b"\xc4" + struct.pack(">I", kind << 22 | instance)


def ack(invoke: int, service: int, payload: bytes) -> bytes:
    return bytes((0x30, invoke, service)) + payload


def simple_ack(invoke: int, service: int) -> bytes:
    return bytes((0x20, invoke, service))


def error(invoke: int, service: int, error_class: int, code: int) -> bytes:
    return bytes((ERROR, invoke, service, 0x91, error_class, 0x91, code))


def datagram(apdu: bytes, npdu: bytes = b"\x01\x00") -> bytes:
    return struct.pack(">BBH", 0x81, 0x0A, 4 + len(npdu) + len(apdu)) + npdu + apdu


def property_of(payload: bytes) -> tuple[Key, int | None, bytes]:
    """(object and property, index, the rest) of a request that begins with them."""
    (number,) = struct.unpack_from(">I", payload, 1)
    at = 5
    length = payload[at] & 7
    name = int.from_bytes(payload[at + 1 : at + 1 + length], "big")
    at += 1 + length
    index = None
    if at < len(payload) and payload[at] >> 4 == 2 and payload[at] & 8 and payload[at] & 7 < 5:
        length = payload[at] & 7
        index = int.from_bytes(payload[at + 1 : at + 1 + length], "big")
        at += 1 + length
    return (number >> 22, number & 0x3FFFFF, name), index, payload[at:]


def properties_of(payload: bytes) -> list[tuple[bytes, list[bytes]]]:
    """(object identifier, property references) of each access specification of a
    ReadPropertyMultiple."""
    found = []
    at = 0
    while at < len(payload):
        oid, at = payload[at + 1 : at + 5], at + 6
        references = []
        while payload[at] != 0x1F:
            end = at + 1 + (payload[at] & 7)
            if payload[end] >> 3 == 3 and payload[end] != 0x1F:  # an index
                end += 1 + (payload[end] & 7)
            references.append(payload[at:end])
            at = end
        found.append((oid, references))
        at += 1
    return found


class Responder(asyncio.DatagramProtocol):
    """Answers each confirmed request with what ``answer`` says."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[tuple[int, bytes]] = []
        self.unconfirmed: list[tuple[int, bytes]] = []
        self.peer: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.peer = addr
        at = 6 if not data[5] & 0x20 else 10 + data[8]
        apdu = data[at:]
        if apdu[0] >> 4 == 1:
            self.unconfirmed.append((apdu[1], apdu[2:]))
            self.send(self.on_unconfirmed(apdu[1], apdu[2:]))
        elif apdu[0] >> 4 == 0:
            self.requests.append((apdu[3], apdu[4:]))
            self.send(self.answer(apdu[2], apdu[3], apdu[4:]))

    def on_unconfirmed(self, service: int, payload: bytes) -> bytes | None:
        return None

    def send(self, answer: bytes | list[bytes] | None) -> None:
        for apdu in [answer] if isinstance(answer, bytes) else answer or []:
            assert self.peer is not None
            self.transport.sendto(datagram(apdu), self.peer)


@asynccontextmanager
async def listening(
    responder: Responder, port: int | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """The port on which it answers."""
    port = port or free_udp_port()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: responder, local_addr=(host, port)
    )
    try:
        yield port
    finally:
        transport.close()
        await asyncio.sleep(0)


@dataclass
class TinyDevice(Responder):
    """A device with properties as encoded bytes. Everything is public: tests turn its knobs."""

    instance: int = 77
    properties: dict[Key, bytes | list[bytes]] = field(default_factory=dict)
    max_apdu: int = 1476
    segmentation: int = 3
    knows_multiple: bool = True
    announces: bool = True
    deaf: bool = False
    silent_properties: set[Key] = field(default_factory=set)
    subscriptions: dict[tuple[int, int], tuple[int, bool]] = field(default_factory=dict)
    takes_subscriptions: bool = True

    def __post_init__(self) -> None:
        super().__init__(self._answer)
        device = (8, self.instance)
        self.properties.setdefault((*device, 75), identifier(*device))
        self.properties.setdefault((*device, 62), unsigned(self.max_apdu))
        self.properties.setdefault((*device, 107), enumerated(self.segmentation))
        self.properties.setdefault((*device, 77), text("tiny"))

    def i_am(self) -> bytes:
        return (
            b"\x10\x00"
            + identifier(8, self.instance)
            + unsigned(self.max_apdu)
            + enumerated(self.segmentation)
            + unsigned(260)
        )

    def on_unconfirmed(self, service: int, payload: bytes) -> bytes | None:
        return self.i_am() if service == 8 and self.announces and not self.deaf else None

    def _answer(self, invoke: int, service: int, payload: bytes) -> bytes | None:
        if self.deaf:
            return None
        handler = {
            5: self.subscribe,
            12: self.read,
            14: self.read_multiple,
            15: self.write,
            26: self.read_range,
        }.get(service)
        return handler(invoke, payload) if handler else bytes((REJECT, invoke, 9))

    def read(self, invoke: int, payload: bytes) -> bytes | None:
        key, index, _ = property_of(payload)
        if key == (8, 0x3FFFFF, 75):
            payload = payload[:1] + identifier(8, self.instance)[1:] + payload[5:]
            key = (8, self.instance, 75)
        value = self.value(key, index)
        if value is None:
            known = any(each[:2] == key[:2] for each in self.properties)
            return error(invoke, 12, 2, 32) if known else error(invoke, 12, 1, 31)
        apdu = ack(invoke, 12, payload + b"\x3e" + value + b"\x3f")
        return apdu if len(apdu) <= self.max_apdu else bytes((ABORT | 1, invoke, 4))

    def value(self, key: Key, index: int | None) -> bytes | None:
        value = self.properties.get(key)
        if index is None or value is None:
            return b"".join(value) if isinstance(value, list) else value
        if not isinstance(value, list):
            return None
        return unsigned(len(value)) if index == 0 else value[index - 1]

    def read_multiple(self, invoke: int, payload: bytes) -> bytes | None:
        if not self.knows_multiple:
            return bytes((REJECT, invoke, 9))
        results = b""
        for oid, references in properties_of(payload):
            told = b"".join(self._result(oid, reference) for reference in references)
            results += b"\x0c" + oid + b"\x1e" + told + b"\x1f"
        apdu = ack(invoke, 14, results)
        return apdu if len(apdu) <= self.max_apdu else bytes((ABORT | 1, invoke, 4))

    def _result(self, oid: bytes, reference: bytes) -> bytes:
        asked = b"\x0c" + oid + bytes((reference[0] + 0x10,)) + reference[1:]
        length = 1 + (reference[0] & 7)
        if len(reference) > length:
            at = 5 + length
            asked = asked[:at] + bytes((asked[at] + 0x10,)) + asked[at + 1 :]
        key, index, _ = property_of(asked)
        value = self.value(key, index)
        name = bytes((reference[0] + 0x20,)) + reference[1:length]
        if index is not None:
            name += bytes((reference[length] + 0x20,)) + reference[length + 1 :]
        return name + (
            b"\x4e" + value + b"\x4f" if value is not None else b"\x5e\x91\x02\x91\x20\x5f"
        )

    def write(self, invoke: int, payload: bytes) -> bytes | None:
        key, _, rest = property_of(payload)
        if key not in self.properties:
            return error(invoke, 15, 2, 32)
        priority = None if rest[-1] == 0x3F else rest[-1]
        value = rest[1 : -1 if priority is None else -3]
        slots = self.properties.get((*key[:2], 87))
        if key[2] == 85 and isinstance(slots, list):
            slots[(priority or 16) - 1] = value
            value = self.acting(key, slots)
        self.properties[key] = value
        return simple_ack(invoke, 15)

    def acting(self, key: Key, slots: list[bytes]) -> bytes:
        """The present value: the highest slot, or what stands when all are empty."""
        left = next((slot for slot in slots if slot != b"\x00"), None)
        own = self.properties.get((*key[:2], 104), self.properties[key])
        return left or (own if isinstance(own, bytes) else b"".join(own))

    def subscribe(self, invoke: int, payload: bytes) -> bytes | None:
        if not self.takes_subscriptions:
            return error(invoke, 5, 5, 45)
        process = payload[1]
        (oid,) = struct.unpack_from(">I", payload, 3)
        if len(payload) > 7:
            self.subscriptions[process, oid] = (payload[10], bool(payload[8]))
        return simple_ack(invoke, 5)

    def change(
        self, kind: int, instance: int, number: float, invoke: int = 1, flags: int = 0
    ) -> None:
        """A new present value and its status flags, told to whoever subscribed."""
        oid = kind << 22 | instance
        self.properties[kind, instance, 85] = real(number)
        for (process, monitored), (_, confirmed) in self.subscriptions.items():
            if monitored != oid:
                continue
            body = (
                bytes((0x09, process))
                + b"\x1c"
                + identifier(8, self.instance)[1:]
                + b"\x2c"
                + struct.pack(">I", oid)
                + b"\x39\x3c\x4e\x09\x55\x2e"
                + real(number)
                + b"\x2f\x09\x6f\x2e\x82\x04"
                + bytes((flags,))
                + b"\x2f\x4f"
            )
            head = bytes((0x00, 0x05, invoke, 0x01)) if confirmed else b"\x10\x02"
            self.send(head + body)

    def read_range(self, invoke: int, payload: bytes) -> bytes | None:
        return error(invoke, 26, 2, 45)
