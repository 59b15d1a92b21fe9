"""A city with a past for all tests of the API that only read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.rigs.fakes.api import World, a_world, live_in


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, dict[str, str]]:
    """A world with a past, and the header of a key that reads it."""
    made = a_world(tmp_path_factory.mktemp("lived"))
    live_in(made)
    return made, made.key("read")


@pytest.fixture
async def browser(lived: tuple[World, dict[str, str]]) -> AsyncIterator[httpx.AsyncClient]:
    world, key = lived
    async with world.browser(**key) as made:
        yield made
