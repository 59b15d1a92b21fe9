"""A serial port as an asyncio transport, by ``termios``."""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios

from bms.model.assets.device import Parity, SerialLine

_BITS_PER_CHARACTER = 11  # start, eight data, parity or a second stop, stop (V1.02, 2.5.1)
_SILENT_CHARACTERS = 3.5
_SHORTEST_SILENCE_S = 0.00175  # above 19200 Bd the standard fixes it (V1.02, 2.5.1.1)
_READ = 4096


def silent_interval_s(line: SerialLine) -> float:
    """The silent interval of 3.5 characters that ends a frame [s] (V1.02, 2.5.1.1)."""
    return max(_SILENT_CHARACTERS * _BITS_PER_CHARACTER / line.baud, _SHORTEST_SILENCE_S)


def transmission_s(line: SerialLine, size: int) -> float:
    """The transmission time of ``size`` bytes on this line [s]."""
    return size * _BITS_PER_CHARACTER / line.baud


def open_serial(line: SerialLine, protocol: asyncio.Protocol) -> SerialTransport:
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
    transport = SerialTransport(descriptor, protocol)
    protocol.connection_made(transport)
    return transport


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
    attributes = [0, 0, control, 0, speed, speed, characters]
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    termios.tcflush(descriptor, termios.TCIOFLUSH)


class SerialTransport(asyncio.Transport):
    """Reads and writes a non-blocking descriptor of a serial port."""

    def __init__(self, descriptor: int, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._protocol = protocol
        self._waiting = b""
        self._closing = False
        self._loop.add_reader(descriptor, self._readable)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        if not self._waiting:
            self._loop.add_writer(self._descriptor, self._writable)
        self._waiting += bytes(data)
        self._writable()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self._end(None)

    def _writable(self) -> None:
        try:
            sent = os.write(self._descriptor, self._waiting)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        self._waiting = self._waiting[sent:]
        if not self._waiting:
            self._loop.remove_writer(self._descriptor)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        if self._closing:
            return
        self._closing = True
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        os.close(self._descriptor)
        self._loop.call_soon(self._protocol.connection_lost, error)
