"""The lines of the chaos bench: what was under way when an address was moved."""

from __future__ import annotations

import asyncio

from bms.bench.chaos.network import HOST, DatagramLine

HEAD = bytes((0x81, 0x0A, 0, 0, 1, 4, 0, 5, 1))
WHO = HEAD + bytes((12, 0x0C, 0x02, 0, 0, 1, 0x19, 75))
WRITE = HEAD + bytes((15, 0x0C, 0, 0x80, 0, 1, 0x19, 85))


class Heard:
    """A controller that keeps what it heard, and which of that was under way."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bool]] = []

    async def answer(self, frame: bytes, *, under_way: bool) -> bytes | None:
        self.frames.append((frame, under_way))
        return None


async def heard(*, moved_before: int, frames: list[bytes]) -> list[bool]:
    """Which of the frames of one client were under way, where the address was moved."""
    first, second = Heard(), Heard()
    line = DatagramLine(first)
    for number, frame in enumerate(frames):
        if number == moved_before:
            line.move(second)
        line.datagram_received(frame, (HOST, 1))
        await asyncio.sleep(0)
    await line.end_serving()
    return [under_way for _, under_way in second.frames]


async def test_w01_a_write_after_the_answer_of_another_was_under_way() -> None:
    assert await heard(moved_before=1, frames=[WHO, WRITE]) == [True]


async def test_w01_who_asks_again_can_know_who_is_there() -> None:
    assert await heard(moved_before=1, frames=[WHO, WHO, WRITE]) == [False, False]


async def test_w01_who_has_never_asked_has_no_excuse() -> None:
    assert await heard(moved_before=1, frames=[WRITE, WRITE]) == [False]
