"""BACnet/IP frames: what stands around the parameters of a service. Pure.

Source: ANSI/ASHRAE 135, annex J (BVLL), clause 6 (NPDU, with source and destination networks) and
clause 20.1 (APDU headers).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import pack, unpack_from

_BIP = 0x81
UNICAST, BROADCAST, DISTRIBUTE = 0x0A, 0x0B, 0x09
_FORWARDED = 0x04
_REGISTER = 0x05
_VERSION = 1
_EXPECTS_REPLY, _HAS_SOURCE, _HAS_DESTINATION, _NETWORK_MESSAGE = 0x04, 0x08, 0x20, 0x80
_EVERYWHERE = b"\xff\xff\x00"
_HOPS = b"\xff"
_UP_TO_1476 = 0x05


class Kind(IntEnum):
    """What an APDU is (clause 20.1)."""

    CONFIRMED = 0
    UNCONFIRMED = 1
    SIMPLE_ACK = 2
    COMPLEX_ACK = 3
    SEGMENT_ACK = 4
    ERROR = 5
    REJECT = 6
    ABORT = 7


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a device is: its address, or that of the router to its network and its MAC there."""

    ip: str
    port: int
    network: int | None = None
    mac: bytes = b""

    @property
    def address(self) -> tuple[str, int]:
        return self.ip, self.port

    def __str__(self) -> str:
        if self.network is None:
            return f"{self.ip}:{self.port}"
        return f"{self.mac.hex()} in network {self.network} behind {self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Message:
    """One APDU that came in. ``service`` is the reason of a reject or an abort."""

    peer: Peer
    kind: int
    invoke: int
    service: int
    segmented: bool
    parameters: bytes


def confirmed(peer: Peer, invoke: int, service: int, parameters: bytes) -> bytes:
    """A confirmed request whose answer has to fit one message of 1476 bytes."""
    apdu = bytes((Kind.CONFIRMED << 4, _UP_TO_1476, invoke, service)) + parameters
    return _datagram(UNICAST, _destination(peer, _EXPECTS_REPLY) + apdu)


def simple_ack(peer: Peer, invoke: int, service: int) -> bytes:
    """The acknowledgement of a confirmed request, of a notification say."""
    return _datagram(
        UNICAST, _destination(peer, 0) + bytes((Kind.SIMPLE_ACK << 4, invoke, service))
    )


def unconfirmed(peer: Peer, service: int, parameters: bytes) -> bytes:
    """An unconfirmed request to one device."""
    apdu = bytes((Kind.UNCONFIRMED << 4, service)) + parameters
    return _datagram(UNICAST, _destination(peer, 0) + apdu)


def to_everybody(service: int, parameters: bytes, function: int) -> bytes:
    """An unconfirmed request for all networks.

    ``function`` is ``UNICAST`` (handed to one device or router), ``BROADCAST`` (on the local
    network) or ``DISTRIBUTE`` (handed to a BBMD by a foreign device).
    """
    apdu = bytes((Kind.UNCONFIRMED << 4, service)) + parameters
    npdu = bytes((_VERSION, _HAS_DESTINATION)) + _EVERYWHERE + _HOPS
    return _datagram(function, npdu + apdu)


def message(datagram: bytes, sender: tuple[str, int]) -> Message | None:
    """The APDU of a datagram, or None where there is none that concerns a device."""
    try:
        return _message(datagram, sender)
    except (IndexError, ValueError):
        return None


def _message(datagram: bytes, sender: tuple[str, int]) -> Message | None:
    function = datagram[1]
    if datagram[0] != _BIP or int.from_bytes(datagram[2:4], "big") != len(datagram):
        return None
    if function == _FORWARDED:
        sender = (".".join(map(str, datagram[4:8])), int.from_bytes(datagram[8:10], "big"))
        at = 10
    elif function in (UNICAST, BROADCAST):
        at = 4
    else:
        return None
    control = datagram[at + 1]
    if datagram[at] != _VERSION or control & _NETWORK_MESSAGE:
        return None
    peer, at = _source(datagram, at + 2, control, sender)
    return _apdu(datagram[at:], peer)


def _source(datagram: bytes, at: int, control: int, sender: tuple[str, int]) -> tuple[Peer, int]:
    """Who sent it, and where the APDU begins."""
    if control & _HAS_DESTINATION:
        at += 3 + datagram[at + 2]
    peer = Peer(*sender)
    if control & _HAS_SOURCE:
        network, length = int.from_bytes(datagram[at : at + 2], "big"), datagram[at + 2]
        mac = datagram[at + 3 : at + 3 + length]
        peer = Peer(*sender, network, mac)
        at += 3 + length
    return peer, at + (1 if control & _HAS_DESTINATION else 0)


def _apdu(apdu: bytes, peer: Peer) -> Message | None:
    kind, flags = apdu[0] >> 4, apdu[0] & 15
    segmented = bool(flags & 8)
    if kind == Kind.CONFIRMED and not segmented:
        return Message(peer, kind, apdu[2], apdu[3], segmented, apdu[4:])
    if kind == Kind.UNCONFIRMED:
        return Message(peer, kind, 0, apdu[1], segmented, apdu[2:])
    if kind == Kind.COMPLEX_ACK:
        skip = 5 if segmented else 3
        return Message(peer, kind, apdu[1], apdu[skip - 1], segmented, apdu[skip:])
    if kind in (Kind.SIMPLE_ACK, Kind.ERROR, Kind.REJECT, Kind.ABORT):
        # A client's own abort (flag 1 not set) is none of a device's answers (clause 20.1.9).
        if kind == Kind.ABORT and not flags & 1:
            return None
        return Message(peer, kind, apdu[1], apdu[2], False, apdu[3:])
    return None


def _destination(peer: Peer, control: int) -> bytes:
    if peer.network is None:
        return bytes((_VERSION, control))
    head = pack(">BBHB", _VERSION, control | _HAS_DESTINATION, peer.network, len(peer.mac))
    return head + peer.mac + _HOPS


def _datagram(function: int, npdu: bytes) -> bytes:
    return pack(">BBH", _BIP, function, 4 + len(npdu)) + npdu


def registration(lifetime_s: int) -> bytes:
    """Register-Foreign-Device for ``lifetime_s`` [s] (annex J.2.6)."""
    return pack(">BBHH", _BIP, _REGISTER, 6, lifetime_s)


def result(datagram: bytes) -> int | None:
    """Code of a BVLC-Result (0 is success), None for any other datagram (annex J.2.1)."""
    if len(datagram) != 6 or datagram[:2] != b"\x81\x00":
        return None
    return int(unpack_from(">H", datagram, 4)[0])
