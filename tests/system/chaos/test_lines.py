"""What is sent to an address before anybody could know that another controller has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bms.bench.chaos.network import HOST, DatagramLine, StreamLine

QUESTION = bytes((0, 1, 0, 0, 0, 2, 1, 3))
"""A Modbus frame, which a datagram line carries as well as any other octets."""


class Heard:
    """A controller that keeps what it is asked."""

    def __init__(self) -> None:
        self.under_way: list[bool] = []

    async def answer(self, frame: bytes, *, under_way: bool) -> bytes | None:
        self.under_way.append(under_way)
        return frame


class Client(asyncio.DatagramProtocol):
    """Asks over UDP."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.put_nowait(data)


@pytest.fixture
async def line() -> AsyncIterator[DatagramLine]:
    made = DatagramLine(Heard())
    await made.start()
    yield made
    await made.close()


async def test_a_frame_after_a_move_that_follows_no_question_who_is_there_is_not_excused(
    line: DatagramLine,
) -> None:
    client, other = Client(), Heard()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: client, remote_addr=(HOST, line.port)
    )
    transport.sendto(QUESTION)
    assert await client.answers.get() == QUESTION
    line.move(other)
    for _ in range(2):
        transport.sendto(QUESTION)
        await client.answers.get()
    transport.close()
    assert other.under_way == [False, False]


async def test_who_asks_for_the_first_time_asks_whoever_is_there(line: DatagramLine) -> None:
    other, client = Heard(), Client()
    line.move(other)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: client, remote_addr=(HOST, line.port)
    )
    transport.sendto(QUESTION)
    await client.answers.get()
    transport.close()
    assert other.under_way == [False]


async def test_a_connection_ends_when_its_controller_moves() -> None:
    line, other = StreamLine(Heard()), Heard()
    await line.start()
    reader, writer = await asyncio.open_connection(HOST, line.port)
    writer.write(QUESTION)
    assert await reader.readexactly(len(QUESTION)) == QUESTION
    line.move(other)
    assert await reader.read() == b""
    writer.close()
    await line.close()
    assert other.under_way == []
