"""When the ends of the evidence are kept: every minute, and when a process ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from bms.errors import StoreError
from bms.runtime.city import City
from bms.services.evidence.heads import keep_heads as keep
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

EVERY_S = 60.0


def keep_heads(city: City) -> None:
    """Keep the ends of the chains as far as the database and the disk answer."""
    if city.known_heads is None:
        return
    try:
        keep(city.stores.evidence, city.known_heads)
    except StoreError as error:
        log.warning("where the evidence ends is not kept: %s", error)


@contextlib.asynccontextmanager
async def heads_kept(city: City, every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Keep the ends every ``every_s`` [s] while the block runs, and once at its end."""

    async def go_on() -> None:
        while True:
            await off_loop(keep_heads, city)
            await asyncio.sleep(every_s)

    going = asyncio.create_task(go_on())
    try:
        yield
    finally:
        going.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await going
        await off_loop(keep_heads, city)
