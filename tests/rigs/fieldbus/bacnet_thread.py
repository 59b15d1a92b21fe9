"""A BACnet device in an event loop of its own, for commands that have one, too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.rigs.fieldbus.bacnet_responder import Responder, free_udp_port, listening


@contextmanager
def in_a_thread(
    responder: Responder, port: int | None = None, host: str = "127.0.0.1"
) -> Iterator[int]:
    """The port on which the device answers."""
    port, loop, ready = port or free_udp_port(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        async with listening(responder, port, host):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(5)
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()
