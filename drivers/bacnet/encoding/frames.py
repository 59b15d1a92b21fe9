"""BACnet/IP frames around the parameters of a service: BVLL, NPDU and APDU headers. Pure.

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


class ApduType(IntEnum):
    """The PDU type of an APDU (clause 20.1)."""

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
    """Address of a device; behind a router that of the router, with network and MAC beyond it."""

    ip: str
    port: int
    network: int | None = None
    mac: bytes = b""

    @property
    def address(self) -> tuple[str, int]:
        """IP address and port to send to."""
        return self.ip, self.port

    def __str__(self) -> str:
        if self.network is None:
            return f"{self.ip}:{self.port}"
        return f"{self.mac.hex()} in network {self.network} behind {self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class ReceivedApdu:
    """One APDU that came in. ``service`` is the reason in a Reject or Abort PDU."""

    peer: Peer
    kind: int
    invoke: int
    service: int
    segmented: bool
    parameters: bytes


def confirmed(peer: Peer, invoke: int, service: int, parameters: bytes) -> bytes:
    """A confirmed request that accepts an unsegmented reply of up to 1476 octets."""
    apdu = bytes((ApduType.CONFIRMED << 4, _UP_TO_1476, invoke, service)) + parameters
    return _datagram(UNICAST, _destination(peer, _EXPECTS_REPLY) + apdu)


def simple_ack(peer: Peer, invoke: int, service: int) -> bytes:
    """The simple acknowledgement of a confirmed request, such as a notification."""
    return _datagram(
        UNICAST, _destination(peer, 0) + bytes((ApduType.SIMPLE_ACK << 4, invoke, service))
    )


def unconfirmed(peer: Peer, service: int, parameters: bytes) -> bytes:
    """An unconfirmed request to one device."""
    apdu = bytes((ApduType.UNCONFIRMED << 4, service)) + parameters
    return _datagram(UNICAST, _destination(peer, 0) + apdu)


def global_broadcast(service: int, parameters: bytes, function: int) -> bytes:
    """An unconfirmed request to all networks (global broadcast).

    ``function`` is ``UNICAST`` (sent to one device or router), ``BROADCAST`` (on the local
    network) or ``DISTRIBUTE`` (sent to a BBMD by a foreign device).
    """
    apdu = bytes((ApduType.UNCONFIRMED << 4, service)) + parameters
    npdu = bytes((_VERSION, _HAS_DESTINATION)) + _EVERYWHERE + _HOPS
    return _datagram(function, npdu + apdu)


def decode_apdu(datagram: bytes, sender: tuple[str, int]) -> ReceivedApdu | None:
    """The APDU of a datagram; None for network messages, other BVLL functions, malformed ones."""
    try:
        return _decode(datagram, sender)
    except (IndexError, ValueError):
        return None


def _decode(datagram: bytes, sender: tuple[str, int]) -> ReceivedApdu | None:
    function = datagram[1]
    if datagram[0] != _BIP or int.from_bytes(datagram[2:4], "big") != len(datagram):
        return None
    origin = sender
    if function == _FORWARDED:
        origin = (".".join(map(str, datagram[4:8])), int.from_bytes(datagram[8:10], "big"))
        at = 10
    elif function in (UNICAST, BROADCAST):
        at = 4
    else:
        return None
    control = datagram[at + 1]
    if datagram[at] != _VERSION or control & _NETWORK_MESSAGE:
        return None
    # A broadcast is that of its origin; an answer comes from whoever sent it, or it is no answer.
    told = datagram[_source(datagram, at + 2, control, sender)[1]] >> 4 == ApduType.UNCONFIRMED
    peer, at = _source(datagram, at + 2, control, origin if told else sender)
    return _apdu(datagram[at:], peer)


def _source(datagram: bytes, at: int, control: int, sender: tuple[str, int]) -> tuple[Peer, int]:
    """The sender, and the index at which the APDU begins."""
    if control & _HAS_DESTINATION:
        at += 3 + datagram[at + 2]
    peer = Peer(*sender)
    if control & _HAS_SOURCE:
        network, length = int.from_bytes(datagram[at : at + 2], "big"), datagram[at + 2]
        mac = datagram[at + 3 : at + 3 + length]
        peer = Peer(*sender, network, mac)
        at += 3 + length
    return peer, at + (1 if control & _HAS_DESTINATION else 0)


def _apdu(apdu: bytes, peer: Peer) -> ReceivedApdu | None:
    kind, flags = apdu[0] >> 4, apdu[0] & 15
    segmented = bool(flags & 8)
    if kind == ApduType.CONFIRMED and not segmented:
        return ReceivedApdu(peer, kind, apdu[2], apdu[3], segmented, apdu[4:])
    if kind == ApduType.UNCONFIRMED:
        return ReceivedApdu(peer, kind, 0, apdu[1], segmented, apdu[2:])
    if kind == ApduType.COMPLEX_ACK:
        skip = 5 if segmented else 3
        return ReceivedApdu(peer, kind, apdu[1], apdu[skip - 1], segmented, apdu[skip:])
    if kind in (ApduType.SIMPLE_ACK, ApduType.ERROR, ApduType.REJECT, ApduType.ABORT):
        # An abort sent by a client (server flag not set) is no reply (clause 20.1.9).
        if kind == ApduType.ABORT and not flags & 1:
            return None
        return ReceivedApdu(peer, kind, apdu[1], apdu[2], False, apdu[3:])
    if kind == ApduType.SEGMENT_ACK and flags & 1:  # of a server, to one of our requests
        return ReceivedApdu(peer, kind, apdu[1], 0, segmented, apdu[2:])
    return None


def _destination(peer: Peer, control: int) -> bytes:
    if peer.network is None:
        return bytes((_VERSION, control))
    head = pack(">BBHB", _VERSION, control | _HAS_DESTINATION, peer.network, len(peer.mac))
    return head + peer.mac + _HOPS


def _datagram(function: int, npdu: bytes) -> bytes:
    return pack(">BBH", _BIP, function, 4 + len(npdu)) + npdu


def register_foreign_device(lifetime_s: int) -> bytes:
    """Register-Foreign-Device for ``lifetime_s`` [s] (annex J.2.6)."""
    return pack(">BBHH", _BIP, _REGISTER, 6, lifetime_s)


def bvlc_result(datagram: bytes) -> int | None:
    """The code of a BVLC-Result (0 is success); None for any other datagram (annex J.2.1)."""
    if len(datagram) != 6 or datagram[:2] != b"\x81\x00":
        return None
    return int(unpack_from(">H", datagram, 4)[0])
