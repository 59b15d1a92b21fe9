"""A TCP proxy that spoils what it carries, the same way for the same seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """Probability of each fault per piece of data, in each direction.

    ``delay_s`` [s] is the longest delay. Reordering swaps a piece with the next one;
    truncating loses the tail of a piece; closing ends both connections in the middle of one.
    """

    drop: float = 0.0
    delay: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    split: float = 0.0
    truncate: float = 0.0
    close: float = 0.0
    delay_s: float = 0.05


class ChaosProxy:
    """Listens on ``port`` and carries data to and from ``127.0.0.1:target``, more or less."""

    def __init__(self, target: int, faults: Faults, seed: int) -> None:
        self.port = 0
        self.spoiled: dict[str, int] = {}
        self._target = target
        self._faults = faults
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)

        def hang_up() -> None:
            writer.close()
            back.close()

        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.ensure_future(self._carry(source, sink, hang_up))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        hang_up: Callable[[], None],
    ) -> None:
        held = b""
        try:
            while data := await source.read(4096):
                if self._happens("reorder") and not held:
                    held = data
                    continue
                await self._pass(data, sink, hang_up)
                if held:
                    await self._pass(held, sink, hang_up)
                    held = b""
        except ConnectionError:
            pass
        finally:
            hang_up()

    async def _pass(
        self, data: bytes, sink: asyncio.StreamWriter, hang_up: Callable[[], None]
    ) -> None:
        if self._happens("drop"):
            return
        if self._happens("delay"):
            await asyncio.sleep(self._random.uniform(0, self._faults.delay_s))
        if self._happens("truncate"):
            data = data[: self._random.randrange(len(data))]
        if self._happens("close"):
            sink.write(data[: len(data) // 2])
            hang_up()
            return
        if self._happens("duplicate"):
            data = data * 2
        for piece in self._pieces(data):
            sink.write(piece)
            await sink.drain()

    def _pieces(self, data: bytes) -> list[bytes]:
        if not self._happens("split"):
            return [data]
        cut = self._random.randrange(len(data) + 1)
        return [data[:cut], data[cut:]]

    def _happens(self, fault: str) -> bool:
        probability: float = getattr(self._faults, fault)
        if probability <= 0 or self._random.random() >= probability:
            return False
        self.spoiled[fault] = self.spoiled.get(fault, 0) + 1
        return True
