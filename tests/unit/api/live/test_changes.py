"""What changes at buildings, told to whoever listens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.live.changes import MOST_LISTENERS, MOST_WAITING, Listener, LiveChange, LiveChanges
from bms.model.control.command import Accepted, Override
from tests.rigs.fakes.api import NOW, World, a_command, a_world
from tests.rigs.fakes.city import HOUR, QUARTER, another_lodge, lodge

PATIENCE_S = 5.0


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path, sites=(lodge(), another_lodge("other")))


@pytest.fixture
async def changes(world: World) -> LiveChanges:
    return LiveChanges(world.city.api, "e", every_s=0.01)


def write(world: World, value: float, command: str = "c1") -> None:
    world.store.add_receipts([Accepted(a_command(command, NOW, value), value)], NOW)


def override(world: World) -> None:
    made = Override(
        id="o1",
        site="lodge",
        point=None,
        since=NOW - HOUR,
        until=None,
        reason="secret",
        actor="Ane",
    )
    world.store.add_override(made)


async def told(listener: Listener) -> LiveChange | None:
    return await asyncio.wait_for(listener.waiting.get(), PATIENCE_S)


async def looked(changes: LiveChanges) -> None:
    """The first look is over: it only learns what stands."""
    while changes._last_audit is None:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


async def test_a_write_and_a_word_are_told_without_reason_and_name(
    world: World, changes: LiveChanges
) -> None:
    write(world, 18.0)
    async with changes.listening("lodge") as listener:
        await looked(changes)
        write(world, 20.5, "c2")
        change = await told(listener)
        assert change is not None
        assert (change.kind, change.site) == ("receipt", "lodge")
        assert change.data["value"] == 20.5
        override(world)
        change = await told(listener)
        assert change is not None
        assert (change.kind, change.data["action"]) == ("decision", "add_override")
        assert "secret" not in change.text()
        assert "Ane" not in change.text()
        assert listener.waiting.empty(), "what stood before is told to nobody"


async def test_a_renewal_is_no_change(world: World, changes: LiveChanges) -> None:
    async with changes.listening(None) as listener:
        await looked(changes)
        write(world, 18.0)
        assert await told(listener) is not None
        world.store.add_receipts([Accepted(a_command("c3", NOW + QUARTER, 18.0), 18.0)], NOW)
        await asyncio.sleep(0.1)
        assert listener.waiting.empty()


async def test_who_listens_to_another_site_hears_nothing(
    world: World, changes: LiveChanges
) -> None:
    async with changes.listening("other") as other, changes.listening("lodge") as lodge:
        await looked(changes)
        override(world)
        assert await told(lodge) is not None
        assert other.waiting.empty()


async def test_who_comes_back_is_told_what_was_missed(world: World, changes: LiveChanges) -> None:
    async with changes.listening("lodge") as listener:
        await looked(changes)
        write(world, 18.0)
        first = await told(listener)
        assert first is not None
        write(world, 19.0, "c2")
        second = await told(listener)
        assert changes.missed(first.id, "lodge") == [second]
        assert changes.missed(first.id, "other") == []
        assert changes.missed("another-7", "lodge") is None


async def test_a_slow_listener_is_let_go(changes: LiveChanges) -> None:
    async with changes.listening(None) as listener:
        for n in range(MOST_WAITING + 2):
            changes._tell("receipt", "lodge", {"n": n})
        last: Any = object()
        while not listener.waiting.empty():
            last = listener.waiting.get_nowait()
        assert last is None, "its stream ends, and it comes back"


async def test_a_process_bears_so_many(changes: LiveChanges) -> None:
    changes._listeners += [Listener(None, str(i)) for i in range(MOST_LISTENERS)]
    assert not changes.has_room("another")


async def test_nobody_listens_nothing_is_looked_for(changes: LiveChanges) -> None:
    async with changes.listening(None):
        assert changes._task is not None
    assert changes._task is None


def test_the_text_is_an_event() -> None:
    text = LiveChange("e-1", "receipt", "lodge", {"value": 1.0}).text()
    assert text == 'id: e-1\nevent: receipt\ndata: {"site":"lodge","value":1.0}\n\n'
