"""Sites by their id, and whose word decides the mode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.errors import NotFound
from bms.model.assets.site import Mode
from bms.services.site_lookup import mode_in_force, site_named
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge, utc

SITE = replace(lodge(), mode=Mode.ADVISE)


def test_a_site_is_found_by_its_id() -> None:
    assert site_named({"lodge": SITE}, "lodge") is SITE


def test_an_unknown_id_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="no site 'barn'; there are: lodge"):
        site_named({"lodge": SITE}, "barn")
    with pytest.raises(NotFound, match="there are: none"):
        site_named({}, "barn")


def test_plans_are_written_where_a_person_said_so_alone() -> None:
    store, site = MemoryStore(), replace(SITE, mode=Mode.AUTO)
    assert mode_in_force(site, store) is Mode.ADVISE
    store.set_mode("lodge", Mode.AUTO, actor="bo", at=utc(2019, 1, 14), reason="approved")
    assert mode_in_force(site, store) is Mode.AUTO
    assert mode_in_force(SITE, store) is Mode.ADVISE
    assert mode_in_force(replace(SITE, mode=Mode.OBSERVE), store) is Mode.OBSERVE


def test_the_site_file_decides_until_a_person_does() -> None:
    store = MemoryStore()
    assert mode_in_force(SITE, store) is Mode.ADVISE
    store.set_mode("lodge", Mode.OBSERVE, actor="bo", at=utc(2019, 1, 14), reason="noise")
    assert mode_in_force(SITE, store) is Mode.OBSERVE
