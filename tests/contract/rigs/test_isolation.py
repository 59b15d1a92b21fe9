"""A test that has to stay inside its process is stopped where it reaches out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.rigs.isolation import LeftTheProcess, Watch


@pytest.fixture(scope="module")
def whole_watch() -> Watch:
    return Watch()


@pytest.fixture
def watch(whole_watch: Watch) -> Iterator[Watch]:
    whole_watch.begin()
    yield whole_watch
    whole_watch.end()


def connect() -> None:
    with socket.socket() as plug:
        plug.connect(("127.0.0.1", 9))


def bind() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.bind(("127.0.0.1", 0))


def look_up() -> None:
    socket.getaddrinfo("localhost", 80)


def start() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def shell() -> None:
    os.system("true")


@pytest.mark.parametrize("reach_out", [connect, bind, look_up, start, shell])
def test_what_reaches_out_is_stopped_and_kept(watch: Watch, reach_out: Callable[[], None]) -> None:
    with pytest.raises(LeftTheProcess):
        reach_out()
    assert len(watch.end()) == 1


def test_what_was_swallowed_is_kept_as_well(watch: Watch) -> None:
    with contextlib.suppress(Exception):
        bind()
    assert watch.end()[0].startswith("socket.bind")


def test_a_loop_of_its_own_and_threads_are_inside(watch: Watch) -> None:
    async def work() -> int:
        return await asyncio.to_thread(sum, (1, 2))

    assert asyncio.run(work()) == 3
    assert watch.end() == ()


def test_nobody_is_stopped_who_is_not_watched(watch: Watch) -> None:
    watch.end()
    bind()
    assert watch.end() == ()
