"""Questions of tasks that run side by side are asked as one, and no slow task holds up another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping

import pytest

from bms.services.batched_lookups import Crowd, InBatches, Together


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


class Clerk:
    """Answers a key with its length, one question after the other; cannot read the key "bad"."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.go = threading.Event()

    def ask(self, keys: Collection[str]) -> Mapping[str, int]:
        self.asked.append(sorted(keys))
        assert self.go.wait(10)
        if "bad" in keys:
            raise OSError("unreadable")
        return {key: len(key) for key in keys if key != "nobody"}


async def test_who_comes_while_others_are_answered_shares_the_next_question() -> None:
    clerk = Clerk()
    batches = InBatches(clerk.ask)
    first = asyncio.create_task(batches.get("a"))
    while not clerk.asked:
        await asyncio.sleep(0.001)
    late = [asyncio.create_task(batches.get(key)) for key in ("a", "bb", "bb", "ccc")]
    await asyncio.sleep(0)
    clerk.go.set()
    assert await asyncio.gather(first, *late) == [1, 1, 2, 2, 3]
    assert clerk.asked == [["a"], ["a", "bb", "ccc"]], "nobody gets what was read before they came"


async def test_one_that_cannot_be_answered_fails_alone() -> None:
    clerk = Clerk()
    clerk.go.set()
    batches = InBatches(clerk.ask)
    asked = (batches.get(key) for key in ("a", "bad", "bb"))
    one, bad, two = await asyncio.gather(*asked, return_exceptions=True)
    assert (one, two) == (1, 2)
    assert isinstance(bad, OSError)
    with pytest.raises(KeyError):
        await batches.get("nobody")


async def test_who_goes_away_takes_nobody_along() -> None:
    clerk = Clerk()
    batches = InBatches(clerk.ask)
    gone, stays = (asyncio.create_task(batches.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    clerk.go.set()
    assert await stays == 1


def test_each_event_loop_has_its_own_queue() -> None:
    clerk = Clerk()
    clerk.go.set()
    batches = InBatches(clerk.ask)
    assert [asyncio.run(batches.get(key)) for key in ("a", "bb")] == [1, 2]
