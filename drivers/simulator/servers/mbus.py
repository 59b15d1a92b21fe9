"""A transparent gateway with a line of M-Bus meters behind it (EN 13757-2).

Each meter answers its primary address, and as long as it is selected the address 253; all answer
254. Answers of several at once follow each other, and their data are garbled, as on a line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.mbus.frames import ACK, NETWORK_LAYER, TEST_ALL, response
from drivers.simulator.servers.loopback_ports import HOST, probe_tcp

_SHORT, _LONG, _SELECT = 0x10, 0x68, 0x52
_RESET, _REQUEST, _REQUEST_MASK, _FCB = 0x40, 0x5B, 0xDF, 0x20
_SHORT_SIZE, _LONG_EXTRA = 5, 6
BITS = 11
"""Bits of an octet on the line [1]: start, eight data, parity, stop."""


@dataclass(slots=True)
class LineMeter:
    """A meter on the line. ``telegrams`` gives CI field and data of each; ``delay_s`` [s] is how
    long it takes to begin with an answer."""

    primary: int
    secondary: bytes
    telegrams: Callable[[], Sequence[bytes]]
    delay_s: float = 0.0
    selected: bool = False
    place: int = 0
    fcb: dict[int, bool] = field(default_factory=dict)
    reads: int = 0

    def hears(self, address: int) -> bool:
        """Whether it answers to a primary address."""
        return address in (self.primary, TEST_ALL) or (address == NETWORK_LAYER and self.selected)

    def select(self, wanted: bytes) -> bool:
        """Take a selection in; whether it is selected now."""
        self.selected = _matches(wanted, self.secondary)
        if self.selected:
            self.place = 0
            self.fcb.pop(NETWORK_LAYER, None)
        return self.selected

    def reset(self, address: int) -> None:
        """Begin anew at the first telegram; through the network layer it is selected no more."""
        if address == NETWORK_LAYER:
            self.selected = False
        self.place = 0
        self.fcb.pop(address, None)

    def answer(self, address: int, fcb: bool) -> bytes:
        """The next telegram, or with an unchanged frame count bit the last one again."""
        last = self.fcb.get(address)
        self.fcb[address] = fcb
        current = self.telegrams()
        if last is not None and last != fcb:
            self.place = (self.place + 1) % len(current)
        self.reads += 1
        return response(self.primary, current[self.place][0], current[self.place][1:])


def _matches(wanted: bytes, own: bytes) -> bool:
    digits = zip(wanted[:4].hex(), own[:4].hex(), strict=True)
    rest = zip(wanted[4:], own[4:], strict=True)
    return all(w in ("f", o) for w, o in digits) and all(w in (0xFF, o) for w, o in rest)


class MeterLine:
    """The gateway's TCP server. With ``baud`` [1/s] octets take their time on the line.

    ``busy_s`` [s] adds up how long octets and the meters' delays held the line.
    """

    def __init__(
        self, meters: Sequence[LineMeter], *, baud: int | None = None, echo: bool = False
    ) -> None:
        self.meters = list(meters)
        self.busy_s = 0.0
        self._baud = baud
        self._echo = echo
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on loopback. Returns the port; raises ``ConfigError`` where it is in use."""
        port = probe_tcp(port)
        self._server = await asyncio.start_server(self._serve, HOST, port)
        return port

    async def close(self) -> None:
        """Close the server and every connection."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                frame = await _frame(reader)
                if self._echo:
                    writer.write(frame)
                answer, delay_s = self._answer(frame)
                await self._take(len(frame) + len(answer), delay_s)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _take(self, octets: int, delay_s: float) -> None:
        if self._baud is None:
            return
        wire_s = octets * BITS / self._baud + delay_s
        self.busy_s += wire_s
        await asyncio.sleep(wire_s)

    def _answer(self, frame: bytes) -> tuple[bytes, float]:
        """What comes back on the line, and the longest delay before it [s]."""
        if frame[0] == _LONG:
            selected = [each for each in self.meters if each.select(frame[7:15])]
            return bytes((ACK,)) * bool(selected), _delay(selected)
        control, address = frame[1], frame[2]
        heard = [each for each in self.meters if each.hears(address)]
        if control == _RESET:
            for meter in heard:
                meter.reset(address)
            return bytes((ACK,)) * bool(heard), _delay(heard)
        if control & _REQUEST_MASK != _REQUEST or not heard:
            return b"", 0.0
        answers = [meter.answer(address, bool(control & _FCB)) for meter in heard]
        return _overlaid(answers), _delay(heard)


def _delay(meters: Sequence[LineMeter]) -> float:
    return max((meter.delay_s for meter in meters), default=0.0)


def _overlaid(answers: Sequence[bytes]) -> bytes:
    """What several answers at once become: a zero on the line wins."""
    longest = max(len(answer) for answer in answers)
    padded = [answer.ljust(longest, b"\xff") for answer in answers]
    found = bytearray(padded[0])
    for other in padded[1:]:
        found = bytearray(a & b for a, b in zip(found, other, strict=True))
    return bytes(found)


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame of the master. Raises asyncio.IncompleteReadError at its end."""
    first = await reader.readexactly(1)
    if first[0] == _SHORT:
        return first + await reader.readexactly(_SHORT_SIZE - 1)
    if first[0] != _LONG:
        return await _frame(reader)
    size = await reader.readexactly(1)
    return first + size + await reader.readexactly(size[0] + _LONG_EXTRA - 2)
