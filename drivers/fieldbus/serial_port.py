"""A serial port as an asyncio transport, by ``termios``."""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios

from bms.model.assets.device import Parity, SerialLine
from drivers.fieldbus.wire import WireTransport

_BITS_PER_CHARACTER = 11  # start, eight data, parity or a second stop, stop (V1.02, 2.5.1)
_SILENT_CHARACTERS = 3.5
_SHORTEST_SILENCE_S = 0.00175  # above 19200 Bd the standard fixes it (V1.02, 2.5.1.1)


def silent_interval_s(line: SerialLine) -> float:
    """The silent interval of 3.5 characters that ends a frame [s] (V1.02, 2.5.1.1)."""
    return max(_SILENT_CHARACTERS * _BITS_PER_CHARACTER / line.baud, _SHORTEST_SILENCE_S)


def transmission_s(line: SerialLine, size: int) -> float:
    """The transmission time of ``size`` bytes on this line [s]."""
    return size * _BITS_PER_CHARACTER / line.baud


def open_serial(line: SerialLine, protocol: asyncio.Protocol) -> WireTransport:
    """Open the port in raw mode, lock it for this process, and discard what it has received.

    Raises OSError when there is no such port, another process uses it, it cannot be set up, or the
    speed is not known.
    """
    descriptor = os.open(line.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        _set_up(descriptor, line)
    except (OSError, termios.error, AttributeError) as error:
        os.close(descriptor)
        raise OSError(f"{line.path} cannot be set up: {error}") from error
    return WireTransport(SerialPort(descriptor), protocol)


def _set_up(descriptor: int, line: SerialLine) -> None:
    try:  # two masters on one line would take each other's replies
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError("another process uses it") from None
    speed = getattr(termios, f"B{line.baud}")
    control = termios.CS8 | termios.CREAD | termios.CLOCAL
    if line.parity is not Parity.NONE:
        control |= termios.PARENB
    if line.parity is Parity.ODD:
        control |= termios.PARODD
    if line.stop_bits == 2:
        control |= termios.CSTOPB
    characters = termios.tcgetattr(descriptor)[6]
    # each octet at once, whatever the program before us asked for
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    attributes = [0, 0, control, 0, speed, speed, characters]
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    except termios.error:
        # A pseudo-terminal has no parity, and says so only where it has all the rest already: where
        # it was opened before.
        if termios.tcgetattr(descriptor)[4:6] != [speed, speed]:
            raise
    termios.tcflush(descriptor, termios.TCIOFLUSH)


class SerialPort:
    """The descriptor of a serial port (``drivers.fieldbus.wire.Port``)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def recv(self, size: int) -> bytes:
        return os.read(self._descriptor, size)

    def send(self, data: bytes | bytearray | memoryview) -> int:
        return os.write(self._descriptor, data)

    def close(self) -> None:
        os.close(self._descriptor)
