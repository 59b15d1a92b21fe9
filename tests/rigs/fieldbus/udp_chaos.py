"""A UDP proxy that loses, delays, doubles and reorders datagrams both ways, by a fixed seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Weather:
    """Shares 0..1 of the datagrams of each way; ``late_s`` [s] is the longest delay."""

    lost: float = 0.2
    doubled: float = 0.1
    delayed: float = 0.2
    late_s: float = 0.2
    seed: int = 1


class _Side(asyncio.DatagramProtocol):
    def __init__(self, proxy: _Proxy, client: tuple[str, int] | None) -> None:
        self.proxy = proxy
        self.client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.client is None:
            self.proxy.from_client(data, addr)
        else:
            self.proxy.pass_on(self.proxy.front, data, self.client)


class _Proxy:
    def __init__(self, server: tuple[str, int], weather: Weather) -> None:
        self.server = server
        self.weather = weather
        self.random = random.Random(weather.seed)
        self.front: _Side
        self.backs: dict[tuple[str, int], asyncio.Task[_Side]] = {}
        self.counts = {"passed": 0, "lost": 0, "doubled": 0, "delayed": 0}
        self.timers: set[asyncio.TimerHandle] = set()

    def from_client(self, data: bytes, client: tuple[str, int]) -> None:
        if client not in self.backs:
            self.backs[client] = asyncio.create_task(self._back(client))
        self.backs[client].add_done_callback(
            lambda task: self.pass_on(task.result(), data, self.server)
        )

    async def _back(self, client: tuple[str, int]) -> _Side:
        _, side = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Side(self, client), local_addr=("127.0.0.1", 0)
        )
        return side

    def pass_on(self, side: _Side, data: bytes, to: tuple[str, int]) -> None:
        chance, weather = self.random.random, self.weather
        if chance() < weather.lost:
            self.counts["lost"] += 1
            return
        copies = 2 if chance() < weather.doubled else 1
        self.counts["doubled"] += copies - 1
        for _ in range(copies):
            late_s = chance() * weather.late_s if chance() < weather.delayed else 0.0
            self.counts["delayed" if late_s else "passed"] += 1
            loop = asyncio.get_running_loop()
            self.timers.add(loop.call_later(late_s, self._send, side, data, to))

    def _send(self, side: _Side, data: bytes, to: tuple[str, int]) -> None:
        if not side.transport.is_closing():
            side.transport.sendto(data, to)

    async def close(self) -> None:
        for timer in self.timers:
            timer.cancel()
        for back in self.backs.values():
            (await back).transport.close()
        self.front.transport.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def bad_weather(
    server_port: int, weather: Weather
) -> AsyncIterator[tuple[int, dict[str, int]]]:
    """The port of the proxy before ``server_port``, and what became of the datagrams."""
    proxy = _Proxy(("127.0.0.1", server_port), weather)
    transport, proxy.front = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Side(proxy, None), local_addr=("127.0.0.1", 0)
    )
    try:
        yield int(transport.get_extra_info("sockname")[1]), proxy.counts
    finally:
        await proxy.close()
