"""Questions of tasks that run side by side are asked as one, and no slow task holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from bms.services.batched_lookups import Crowd, Together


class Library:
    """Answers a key with its length, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.broken = False

    async def ask(self, keys: list[str]) -> Mapping[str, int]:
        self.asked.append(sorted(keys))
        if self.broken:
            raise OSError("closed")
        return {key: len(key) for key in keys}


@pytest.fixture
def library() -> Library:
    return Library()


async def member(crowd: Crowd, together: Together[str, int], *keys: str) -> list[int]:
    with crowd.member():
        return [await together.get(key) for key in keys]


async def test_what_all_wait_for_is_asked_once_and_at_once(library: Library) -> None:
    crowd = Crowd(linger_s=60.0)
    together = Together(crowd, library.ask)
    tasks = (member(crowd, together, key, key + "!") for key in ("a", "bb", "ccc"))
    assert await asyncio.gather(*tasks) == [[1, 2], [2, 3], [3, 4]]
    assert library.asked == [["a", "bb", "ccc"], ["a!", "bb!", "ccc!"]]


async def test_one_alone_waits_for_nobody(library: Library) -> None:
    crowd = Crowd(linger_s=60.0)
    assert await member(crowd, Together(crowd, library.ask), "a", "b") == [1, 1]
    assert library.asked == [["a"], ["b"]]


async def test_a_slow_one_is_not_waited_for_longer_than_that(library: Library) -> None:
    crowd = Crowd(linger_s=0.02)
    together = Together(crowd, library.ask)

    async def slow() -> None:
        with crowd.member():
            await asyncio.sleep(0.2)

    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    assert await member(crowd, together, "a") == [1]
    assert not task.done()
    await task


async def test_one_that_leaves_lets_the_others_ask(library: Library) -> None:
    crowd = Crowd(linger_s=60.0)
    together = Together(crowd, library.ask)

    async def gone() -> None:
        with crowd.member():
            await asyncio.sleep(0.01)

    assert await asyncio.gather(gone(), member(crowd, together, "a")) == [None, [1]]


async def test_what_asking_raises_reaches_everybody(library: Library) -> None:
    crowd = Crowd()
    together = Together(crowd, library.ask)
    library.broken = True
    tasks = (member(crowd, together, key) for key in ("a", "b"))
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(error) for error in found] == ["closed", "closed"]
    library.broken = False
    assert await member(crowd, together, "a") == [1]


async def test_one_that_is_cut_off_spoils_nothing(library: Library) -> None:
    crowd = Crowd(linger_s=0.02)
    together = Together(crowd, library.ask)
    cut = asyncio.create_task(member(crowd, together, "a"))
    other = asyncio.create_task(member(crowd, together, "b"))
    await asyncio.sleep(0)
    cut.cancel()
    assert await other == [1]
    assert await member(crowd, together, "c") == [1]


async def test_a_key_without_an_answer_fails_alone() -> None:
    async def forgets(keys: list[str]) -> Mapping[str, int]:
        return {key: len(key) for key in keys if key != "a"}

    crowd = Crowd(linger_s=0.02)
    together = Together(crowd, forgets)
    async with asyncio.timeout(5):
        tasks = (member(crowd, together, key) for key in ("a", "bb", "ccc"))
        first, *others = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, KeyError)
    assert others == [[2], [3]]


async def test_asking_that_is_cut_off_leaves_nobody_waiting() -> None:
    async def hangs(keys: list[str]) -> Mapping[str, int]:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    asked = asyncio.Event()
    crowd = Crowd(linger_s=0.02)
    task = asyncio.create_task(member(crowd, Together(crowd, hangs), "a"))
    await asked.wait()
    for other in asyncio.all_tasks() - {asyncio.current_task(), task}:
        other.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_slow_one_holds_up_the_others_once_and_not_at_each_question(
    library: Library,
) -> None:
    crowd = Crowd(linger_s=0.2)
    together = Together(crowd, library.ask)
    free = asyncio.Event()

    async def slow() -> int:
        with crowd.member():
            await free.wait()
            return await together.get("late")

    task = asyncio.create_task(slow())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    keys = [str(n) for n in range(20)]
    both = (member(crowd, together, *keys), member(crowd, together, *(key + "!" for key in keys)))
    await asyncio.gather(*both)
    assert loop.time() - begun < 1.0
    assert library.asked == [[key, key + "!"] for key in keys]
    free.set()
    assert await task == 4
