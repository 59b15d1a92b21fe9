"""Frames of the link layer (EN 13757-2, format FT1.2): encoded, and found in what arrives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from drivers.fieldbus.errors import InvalidReply

ACK = 0xE5
NETWORK_LAYER, TEST_ALL = 0xFD, 0xFE
"""Addresses: the meter that was selected by its secondary address; every meter, which answers."""
LAST_PRIMARY = 250
LONGEST = 261
"""Octets of the longest frame [1]: 255 counted ones, four of the start, checksum and stop."""
_SHORT, _LONG, _STOP = 0x10, 0x68, 0x16
_SND_NKE, _SND_UD, _REQ_UD2 = 0x40, 0x53, 0x5B
_FCB = 0x20
_RSP_UD = 0x08
_RSP_MASK = 0x4F  # neither ACD nor DFC
_SELECT = 0x52
_HEADER = 4
_SMALLEST = 3


class ReplyKind(Enum):
    """What answers a request: one octet, or user data."""

    ACK = "E5"
    DATA = "user data"


@dataclass(frozen=True, slots=True)
class MbusRequest:
    """A frame to send, what answers it, and from which primary address (None: any)."""

    frame: bytes
    expected: ReplyKind
    address: int | None = None


@dataclass(frozen=True, slots=True)
class UserData:
    """The content of a long frame. ``data`` is what follows the CI field."""

    address: int
    ci: int
    data: bytes


def reset(address: int) -> MbusRequest:
    """SND_NKE: begin anew at the first telegram; to ``NETWORK_LAYER`` it ends the selection."""
    return MbusRequest(_short(_SND_NKE, address), ReplyKind.ACK)


def request_data(address: int, *, fcb: bool) -> MbusRequest:
    """REQ_UD2: the next telegram, or the last one again where the frame count bit stands."""
    control = _REQ_UD2 | _FCB if fcb else _REQ_UD2
    special = address in (NETWORK_LAYER, TEST_ALL)
    return MbusRequest(_short(control, address), ReplyKind.DATA, None if special else address)


def select(secondary: bytes) -> MbusRequest:
    """Selection of the meters whose eight octets match; a nibble or octet of F matches any."""
    body = bytes((_SND_UD, NETWORK_LAYER, _SELECT)) + secondary
    return MbusRequest(_long(body), ReplyKind.ACK)


def _short(control: int, address: int) -> bytes:
    return bytes((_SHORT, control, address, (control + address) & 0xFF, _STOP))


def _long(body: bytes) -> bytes:
    size = len(body)
    return bytes((_LONG, size, size, _LONG)) + body + bytes((sum(body) & 0xFF, _STOP))


def response(address: int, ci: int, data: bytes) -> bytes:
    """The frame of a meter's answer (RSP_UD). Raises ValueError where it is too long for one."""
    if len(data) + _SMALLEST > 0xFF:
        raise ValueError(f"{len(data)} octets do not fit in a frame")
    return _long(bytes((_RSP_UD, address, ci)) + data)


class ReplyReader:
    """Finds the reply to one request in what arrives, behind its echo and noise."""

    def __init__(self, request: MbusRequest) -> None:
        self._request = request
        self._buffer = bytearray()
        self._echo_seen = False

    @property
    def empty(self) -> bool:
        """Whether nothing has arrived but an echo of the request."""
        return not self._buffer

    def feed(self, data: bytes) -> UserData | bool | None:
        """The reply as soon as it is whole: user data, or True for an acknowledgement; None before.

        Raises ``InvalidReply`` for a wrong checksum, stop, address or function, and for more than
        a frame can hold.
        """
        self._buffer += data
        self._skip_echo()
        if self._request.expected is ReplyKind.ACK:
            return self._acknowledged()
        return self._user_data()

    def _skip_echo(self) -> None:
        frame = self._request.frame
        if not self._echo_seen and self._buffer.startswith(frame):
            del self._buffer[: len(frame)]
            self._echo_seen = True

    def _might_be_echo(self) -> bool:
        return not self._echo_seen and self._request.frame.startswith(bytes(self._buffer))

    def _acknowledged(self) -> bool | None:
        if not self._buffer or self._might_be_echo():
            return None
        if self._buffer.strip(b"\x00\xff") == bytes((ACK,)):
            return True
        if not self._buffer.strip(b"\x00\xff"):
            self._check_size()
            return None
        raise InvalidReply(f"{self._shown()} in place of an acknowledgement")

    def _check_size(self) -> None:
        if len(self._buffer) > 2 * LONGEST:
            raise InvalidReply(f"{len(self._buffer)} octets and no frame among them")

    def _user_data(self) -> UserData | None:
        start = self._start()
        if start is None:
            self._check_size()
            return None
        frame = self._buffer[start:]
        size = frame[1] + _HEADER + 2
        if len(frame) < size:
            return None
        if len(frame) > size and frame[size:].strip(b"\x00\xff"):
            raise InvalidReply("a second frame behind the first: do two meters answer?")
        return self._checked(bytes(frame[:size]))

    def _start(self) -> int | None:
        """Where a whole start of a long frame stands; None where there is none yet."""
        for place in range(len(self._buffer) - _HEADER + 1):
            first, size, again, second = self._buffer[place : place + _HEADER]
            if first == second == _LONG and size == again and size >= _SMALLEST:
                return place
        return None

    def _checked(self, frame: bytes) -> UserData:
        body, checksum, stop = frame[_HEADER:-2], frame[-2], frame[-1]
        if stop != _STOP or sum(body) & 0xFF != checksum:
            raise InvalidReply("wrong checksum: a disturbed line, or two meters at once")
        control, address, ci = body[:_SMALLEST]
        if control & _RSP_MASK != _RSP_UD:
            raise InvalidReply(f"control field {control:02X} is none of an answer")
        asked = self._request.address
        if asked is not None and address != asked:
            raise InvalidReply(f"an answer of address {address}, asked was {asked}")
        return UserData(address, ci, body[_SMALLEST:])

    def _shown(self) -> str:
        return self._buffer[:8].hex(" ").upper() + (" …" if len(self._buffer) > 8 else "")
