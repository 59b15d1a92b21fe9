"""The ends of the evidence are kept while a process runs and when it ends (W16)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from bms.errors import StoreUnavailable
from bms.journal.evidence_heads import FileHeads
from bms.model.assets.site import Mode
from bms.model.control.evidence import ChainHead
from bms.runtime.city import City
from bms.runtime.evidence import heads_kept, keep_heads
from bms.services.off_loop import off_loop
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import a_world
from tests.rigs.fakes.store import MONDAY


class NoticedHeads(FileHeads):
    """Tells when an end was kept."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._turn = threading.Condition()

    def keep(self, heads: Mapping[str, ChainHead]) -> None:
        with self._turn:
            super().keep(heads)
            self._turn.notify_all()

    def has_kept(self, head: ChainHead) -> bool:
        """Whether the end of the school is this one within 5 s."""
        with self._turn:
            return self._turn.wait_for(lambda: self.heads().get("school") == head, 5)


def a_city(folder: Path) -> tuple[City, MemoryStore, NoticedHeads]:
    world, known = a_world(folder), NoticedHeads(folder / "evidence.heads")
    store = world.store
    return replace(world.city, known_heads=known), store, known


async def test_w16_the_end_is_kept_in_between_and_at_the_end(tmp_path: Path) -> None:
    city, store, known = a_city(tmp_path)
    async with heads_kept(city, every_s=0.01):
        store.set_mode("school", Mode.ADVISE, actor="bo", at=MONDAY, reason="")
        advised = store.chain_heads()["school"]
        assert await off_loop(known.has_kept, advised)
        store.set_mode("school", Mode.OBSERVE, actor="bo", at=MONDAY, reason="")
    assert known.heads() == store.chain_heads()


def test_w16_a_database_that_is_away_stops_nobody(tmp_path: Path) -> None:
    class Away(MemoryStore):
        def chain_heads(self, chains: Collection[str] | None = None) -> dict[str, ChainHead]:
            raise StoreUnavailable("away")

    city, _, known = a_city(tmp_path)
    keep_heads(replace(city, stores=replace(city.stores, evidence=Away())))
    assert known.heads() == {}
    keep_heads(replace(city, known_heads=None))
