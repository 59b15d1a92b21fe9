"""What people say in another process is heard by the owner of the site."""

from __future__ import annotations

from bms.model.assets.site import Mode
from bms.model.control.command import Override
from bms.model.control.local_override import LOCAL
from bms.services.hands_off.words_elsewhere import WordsElsewhere
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.store import MONDAY


def override(id_: str, site: str, actor: str) -> Override:
    return Override(
        id=id_, site=site, point=None, since=MONDAY, until=None, reason="exam", actor=actor
    )


def test_w10_a_word_of_another_process_is_heard_once() -> None:
    store = MemoryStore()
    store.set_mode("lodge", Mode.OBSERVE, actor="bo", at=MONDAY, reason="before")
    words = WordsElsewhere(store)
    assert words.sites() == frozenset()
    store.set_mode("school", Mode.OBSERVE, actor="bo", at=MONDAY, reason="smell of gas")
    store.add_override(override("o1", "hall", "bo"))
    store.add_override(override("o2", "gym", LOCAL))
    store.remove_override("o1", actor="bo", at=MONDAY)
    assert words.sites() == {"school", "hall"}
    assert words.sites() == frozenset()
