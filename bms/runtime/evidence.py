"""When the ends of the evidence are kept: every minute, and when a process ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from bms.errors import StoreError
from bms.ports.storage.evidence import EvidenceStore, KnownHeads
from bms.runtime.city import City
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)


def keep_continued_heads(evidence: EvidenceStore, known: KnownHeads) -> frozenset[str]:
    """Keep where the chains end now.

    Returns the chains that do not continue what is known, because somebody cut or rewrote them:
    what is known of those stays. Raises ``StoreError``.
    """
    before, now = known.heads(), evidence.chain_heads()
    moved = {chain: head for chain, head in before.items() if now.get(chain) != head}
    broken = frozenset(moved) - evidence.heads_that_stand(moved)
    for chain in sorted(broken):
        log.error(
            "the evidence of %s was cut or rewritten: entry %d is not the one that was known; run"
            " bms audit verify",
            chain or "the city",
            before[chain].number,
        )
    known.keep({chain: head for chain, head in now.items() if chain not in broken})
    return broken


log = logging.getLogger(__name__)

EVERY_S = 60.0


def keep_heads(city: City) -> None:
    """Keep the ends of the chains as far as the database and the disk answer."""
    if city.known_heads is None:
        return
    try:
        keep_continued_heads(city.stores.evidence, city.known_heads)
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
