"""No lock and no file is waited for on the event loop: a disk that hangs holds up one answer, not
every building (law 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, cast

import pytest

from bms.model.assets.site import Mode
from bms.services import operator
from bms.services.control.dispatch import dispatch_site, release_marked
from bms.services.control.inspection import verify_site
from bms.services.hands_off.record import keep_words
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import LEASE, NULL, TICK

T = TypeVar("T")


class OffLoopOnly:
    """Something whose methods must not be called on an event loop."""

    def __init__(self, inner: object) -> None:
        self.inner = inner
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., object]:
        found = getattr(self.inner, name)

        def call(*args: object, **kwargs: object) -> object:
            self.called.add(name)
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return found(*args, **kwargs)
            raise AssertionError(f"{name} is called on the event loop")

        return call


def off_loop_only(thing: T) -> T:
    return cast("T", OffLoopOnly(thing))


class SharedTick:
    """``SharedTick`` of one site."""

    def __init__(self, bench: ControlBench) -> None:
        self.bench = bench

    async def off_loop(self, look: Callable[[], T]) -> T:
        return await asyncio.to_thread(look)

    async def look_again(self) -> None:
        """Nobody has said anything."""

    async def announce(self, leases: object) -> frozenset[str]:
        return await asyncio.to_thread(self.bench.journal.intend, leases)  # type: ignore[arg-type]


async def ticks(bench: ControlBench) -> None:
    """Write, renew, and give back what people keep us from."""
    await bench.tick()
    await bench.tick(TICK)
    await asyncio.to_thread(bench.override, NULL)
    await bench.tick(TICK)


async def shared_ticks(bench: ControlBench) -> None:
    """The same where the sites of a tick ask together."""
    for _ in range(2):
        bench.now += TICK
        ports = replace(bench.ports, tick=SharedTick(bench))
        await dispatch_site(bench.site, now=bench.now, lease=LEASE, ports=ports)


async def persons_write(bench: ControlBench) -> None:
    await bench.write(NULL, 21.0)


async def failing_write(bench: ControlBench) -> None:
    bench.device(NULL).swallows_writes = True
    await bench.write(NULL, 21.0)


async def look(bench: ControlBench) -> None:
    await bench.tick()
    await verify_site(bench.site, now=bench.now, ports=bench.ports)


async def words(bench: ControlBench) -> None:
    """Everything that a person may say."""
    await bench.tick()
    said = {"now": bench.now, "ports": bench.ports, "actor": "bo"}
    why, site = {"reason": "smoke"}, bench.site
    until = bench.now + timedelta(hours=1)
    made, _ = await operator.override(site, point=NULL, until=until, **said, **why)  # type: ignore[arg-type]
    await operator.end_override(site, made.id, **said)  # type: ignore[arg-type]
    await operator.change_mode(site, Mode.OBSERVE, **said, **why)  # type: ignore[arg-type]
    await operator.change_mode(site, Mode.AUTO, **said, **why)  # type: ignore[arg-type]
    await operator.release(site, **said, **why)  # type: ignore[arg-type]
    await operator.release_city([site], **said, **why)  # type: ignore[arg-type]
    await release_marked(site, bench.now, bench.ports)
    await operator.take_back_release(site=site, **said, **why)  # type: ignore[arg-type]
    await keep_words(bench.ports, bench.now)


@pytest.mark.parametrize("act", [ticks, shared_ticks, persons_write, failing_write, look, words])
async def test_journal_and_marks_are_asked_off_the_loop(
    act: Callable[[ControlBench], Awaitable[None]],
) -> None:
    bench = ControlBench()
    bench.plan(hours=72)
    bench.journal = off_loop_only(bench.journal)
    bench.hands_off = off_loop_only(bench.hands_off)
    bench.store = off_loop_only(bench.store)
    await act(bench)
    assert cast("OffLoopOnly", bench.journal).called
