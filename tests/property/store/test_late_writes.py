"""Every interleaving of a writer that stalls anywhere, dies anywhere, and of those who give back.

At no moment is a value of ours at the device that the journal does not list, and in the end nothing
is held and nothing is listed (W11; docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.guard import Guard
from bms.journal import MemoryJournal
from bms.model.control.command import Released
from bms.services.giving_back.many_points import release_leases
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers
from tests.rigs.fakes.safety import LEASE, NOW, NULL, command, hut, lease_on

SITE = hut()
MARGIN = timedelta(seconds=2)


class HandClock(VirtualClock):
    """Building time and the wire's time, both moved by hand."""

    wire = 0.0

    def monotonic(self) -> float:
        return self.wire


class SharedJournal(MemoryJournal):
    """The journal that outlives the process that writes."""

    alive = True

    def is_alive(self, writer: str) -> bool:
        return self.alive


class Interrupted(FakeDevice):
    """Between a give-back and its note in the journal something else may happen."""

    between: Callable[[], None] = staticmethod(lambda: None)

    async def release(self, point, at):
        released = await super().release(point, at)
        between, self.between = self.between, lambda: None  # type: ignore[method-assign]
        between()
        return released


class Scene:
    """A writer of one value, as steps between which it may stall; a guard; somebody who releases.

    ``late`` is a writer that is stopped between its last look at the clock and the socket.
    """

    def __init__(self) -> None:
        self.clock, self.journal = HandClock(NOW), SharedJournal()
        self.device = Interrupted()
        self.drivers = FakeDrivers({"hut/bacnet": self.device})
        self.guard = Guard(self.journal, self.drivers, self.clock)
        self.writer = self.writes()
        self.finished = False

    def writes(self) -> Iterator[None]:
        lease = lease_on(SITE, command(NULL, 21.0))
        self.journal.intend([_sent_by_writer(lease)])
        yield
        if lease.may_leave(self.clock.reading(), MARGIN):
            yield
            self.device.held[NULL] = 21.0
            yield
        self.journal.arrived({NULL: lease.command_id})
        yield
        held = self.journal.leases().get(NULL)
        if held is None or held.ended(self.clock.reading()):
            self.device.held.pop(NULL, None)
            yield
            self.journal.settle({NULL: lease.command_id})

    def write(self) -> None:
        """The next step of the writer, if it still can."""
        if self.journal.alive and not self.finished:
            self.finished = next(self.writer, "end") == "end"

    async def happens(self, event: str) -> None:
        match event:
            case "writes":
                self.write()
            case "lease ends":
                self.clock.advance(LEASE)
            case "dies":
                self.journal.alive = False
            case "guard" | "guard, and a step of the writer before its note":
                self.clock.wire += 3.0
                if event != "guard":
                    self.device.between = self.write  # type: ignore[method-assign]
                await self.guard.step()
            case "release" | "release, and a step of the writer before its note":
                if event != "release":
                    self.device.between = self.write  # type: ignore[method-assign]
                await release_leases(
                    self.journal.leases().values(),
                    now=self.clock.now(),
                    drivers=self.drivers,
                    journal=self.journal,
                )

    async def ends(self) -> None:
        """The writer goes on, if it lives; the guard has its time."""
        for _ in range(8):
            self.write()
        self.clock.advance(LEASE)
        for _ in range(4):
            await self.happens("guard")


def _sent_by_writer(lease):
    return replace(lease, writer="the writer")


RELEASES = ("release", "release, and a step of the writer before its note")
ONCE = ("lease ends", "dies", *RELEASES)
GUARDS = ("guard", "guard, and a step of the writer before its note")


def interleavings(length: int, done: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Sequences of at most five steps of the writer, two of the guard, and each fault once."""
    left = [event for event in ONCE if event not in done]
    if any(event in RELEASES for event in done):
        left = [event for event in left if event not in RELEASES]
    if sum(event in GUARDS for event in done) < 2 and "lease ends" in done:
        left += GUARDS
    if done.count("writes") < 5 and "dies" not in done:
        left.append("writes")
    if len(done) == length or not left:
        yield done
        return
    for event in left:
        yield from interleavings(length, (*done, event))


class Inline(ThreadPoolExecutor):
    """Work is done where it is asked for: thousands of short lives need no threads."""

    def submit(self, fn, /, *args, **kwargs):
        done: Future[object] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


async def plays(events: tuple[str, ...]) -> Scene:
    scene = Scene()
    scene.write()  # it is announced
    for event in events:
        await scene.happens(event)
        ours = NULL in scene.device.held
        assert not ours or NULL in scene.journal.leases(), events
    await scene.ends()
    assert scene.device.held == {}, events
    assert scene.journal.leases() == {}, events
    return scene


@pytest.mark.parametrize(
    ("length", "least"),
    [
        (4, 100),
        pytest.param(5, 300, marks=pytest.mark.slow),
        pytest.param(6, 1_000, marks=pytest.mark.slow),
    ],
)
def test_w11_no_interleaving_leaves_a_value_of_ours_that_nobody_knows_of(
    length: int, least: int
) -> None:
    async def all_of_them() -> int:
        count = 0
        asyncio.get_running_loop().set_default_executor(Inline())
        for events in interleavings(length):
            await plays(events)
            count += 1
        return count

    assert asyncio.run(all_of_them()) > least


async def test_w11_a_write_that_lands_after_the_guard_has_given_back_and_then_a_crash() -> None:
    """The report: stalled for 6 minutes, the guard had settled, the write landed, the process
    died."""
    scene = await plays(("writes", "lease ends", "guard", "writes", "dies"))
    assert isinstance(await scene.device.release(hut().points[0], NOW), Released)
