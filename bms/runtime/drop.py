"""The drop folder of a city: what reads its files, and its tick."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.services.city import City
from bms.services.collect.drop_folder import DropFolder
from bms.services.collect.file_ingest import Read
from bms.services.collect.supplier_points import SupplierBook


def reader_of(name: str, mapping: str | None) -> Read:
    """How files of a format are read. Raises ``ConfigError`` for one that is not known."""
    return reader(name, None if mapping is None else CsvMapping.from_yaml(mapping))


def drop_tick(city: City, root: Path) -> Callable[[datetime], Awaitable[None]]:
    """A tick that takes the finished files of ``root``."""
    folder = DropFolder(root, reader_of, SupplierBook.of(city.sites.values()), city.store)

    async def tick(now: datetime) -> None:
        await asyncio.to_thread(folder.tick, now)

    return tick
