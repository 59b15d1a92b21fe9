"""Hand readings that waited on disk to the database."""

from __future__ import annotations

import asyncio
import logging

from bms.errors import StoreError
from bms.model.readings.reading import Ingested
from bms.ports.store import Forwarding

log = logging.getLogger(__name__)


async def forward(forwarding: Forwarding) -> Ingested:
    """What became of those that waited; a database that refuses is logged, and they wait on."""
    try:
        return await asyncio.to_thread(forwarding.forward)
    except StoreError as error:
        log.error("readings that wait on disk cannot be handed on: %s", error)
        return Ingested(waiting=sum(forwarding.state().waiting.values()))
