"""The guard: a small process that gives back every point whose lease has ended (law 1).

It needs the release journal only: no site files, no database. It holds a lock with a heartbeat as
proof of life (``bms.services.guard.heartbeat``). A second guard of the same journal stands by and
replaces the first one when that is gone or silent; a third one ends at once. The active guard
starts the one that stands by where there is none.

SIGTERM and SIGINT end it after the step in hand. Leases that are still running stay in the journal
and nothing is given back early: whoever writes next starts a new guard first, and that one goes on
where this one stopped. With ``--parent`` it ends by itself once that process is gone and no lease
is open, or the folder of the journal is gone with it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bms.clock import FileClock, SystemClock
from bms.errors import BmsError, GuardError
from bms.journal import FileHandsOff, FileJournal, MemoryHandsOff
from bms.logs import log_to_stderr
from bms.model.control.command import Released
from bms.model.control.hands_off import HandsOff
from bms.model.control.lease import Lease
from bms.model.private_umask import PRIVATE
from bms.ports.clock import Clock
from bms.ports.drivers import Drivers
from bms.ports.safety import HandsOffMarks, Journal
from bms.services.control.authority import ended_by_mark
from bms.services.evidence.receipts import unrecorded
from bms.services.giving_back.one_point import give_back, return_of, settle_returned
from bms.services.guard.heartbeat import GuardPlace, Presence
from bms.services.guard.systemd import notify
from bms.services.guard.takeover import Companion, stand_by
from bms.services.journal_batches import keep_notes
from bms.services.off_loop import off_loop

log = logging.getLogger("bms.guard")

MakeDrivers = Callable[[Clock, str, Path], Drivers]

RETRY_SECONDS = 1.0
RETRY_SECONDS_MAX = 15.0
FINISH_SECONDS = 10.0
"""How long a give-back that somebody has begun may take [s]; then the guard finishes it (W12)."""


@dataclass(slots=True)
class Trouble:
    """A point that could not be given back: how often [1], and when to try again [s]."""

    times: int = 0
    next_try: float = 0.0

    def again(self, now: float) -> None:
        self.next_try = now + min(RETRY_SECONDS * 2.0**self.times, RETRY_SECONDS_MAX)
        self.times += 1


class Guard:
    """Gives back what is due, each device in a task of its own: a dead one delays no other."""

    def __init__(
        self,
        journal: Journal,
        drivers: Drivers,
        clock: Clock,
        hands_off: HandsOffMarks | None = None,
    ) -> None:
        self._journal = journal
        self._hands_off = hands_off or MemoryHandsOff()
        self._drivers = drivers
        self._clock = clock
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._trouble: dict[str, Trouble] = {}
        """What does not come back, by command."""
        self._begun: dict[str, float] = {}
        """When a command was first seen to be given back by somebody [s]."""
        self._gone: dict[str, float] = {}
        """When the writer of a command was found to have ended [s], by command."""

    async def step(self, patience: float = 1.0) -> None:
        """Start what is due and wait for it, at most ``patience`` [s].

        Raises ``GuardError`` when the journal cannot be read.
        """
        with suppress(GuardError):  # said where it was owed; what we know we go on serving
            await off_loop(self._journal.keep)
        leases = await off_loop(self._journal.leases)
        marks = await off_loop(self._marks)
        await off_loop(self._look_at_writers)
        self._trouble = {
            lease.command_id: self._trouble[lease.command_id]
            for lease in leases.values()
            if lease.command_id in self._trouble
        }
        for device, due in self._due(leases.values(), marks).items():
            self._busy[device] = asyncio.create_task(self._give_back(due))
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=patience)
        self._busy = {device: task for device, task in self._busy.items() if not task.done()}

    async def finish(self) -> None:
        """Wait for the releases that are under way. Each ends within its device's time-outs."""
        await asyncio.gather(*self._busy.values())

    def _marks(self) -> Collection[HandsOff]:
        """What people have said that we keep our hands off, put back where its file is lost."""
        try:
            self._hands_off.keep()
            return self._hands_off.marks().values()
        except GuardError as error:  # leases end without them
            log.error("%s", error)
            return ()

    def _look_at_writers(self) -> None:
        """As ``_note_arrived``; a disk that refuses to tell holds up no give-back (W13)."""
        try:
            under_way = self._journal.under_way()
            commands = {lease.command_id for lease in under_way}
            self._gone = {id_: at for id_, at in self._gone.items() if id_ in commands}
            self._note_arrived(under_way)
        except GuardError as error:
            log.error("%s", error)

    def _lives(self, writer: str) -> bool:
        """Whether a writer may still send; one that nothing can be learned of may."""
        try:
            return self._journal.is_alive(writer)
        except GuardError:
            return True

    def _note_arrived(self, leases: Iterable[Lease]) -> None:
        """What a process has announced that has ended since is not on the way any more once its
        device has had a time-out (W11), what was announced anew since like what is open."""
        tick, ended = self._clock.monotonic(), False
        for lease in leases:
            if lease.writer is None or self._lives(lease.writer):
                continue
            if tick - self._gone.setdefault(lease.command_id, tick) >= lease.device.timeout_s:
                del self._gone[lease.command_id]
                self._journal.arrived({lease.point.id: lease.command_id})
                ended = True
        if ended:
            self._journal.settle({})

    def _due(
        self, leases: Collection[Lease], marks: Collection[HandsOff]
    ) -> dict[str, list[Lease]]:
        """The leases that have ended, that people have ended, or whose give-back somebody has begun
        and not finished, by device; without devices that are busy and points that are backing off.
        What was given back while its write was on the way waits until the write has arrived."""
        at, tick = self._clock.reading(), self._clock.monotonic()
        begun = {each.command_id for each in leases if each.returning and not each.offered}
        self._begun = {id_: self._begun.get(id_, tick) for id_ in begun}
        due: dict[str, list[Lease]] = defaultdict(list)
        for lease in leases:
            device, trouble = lease.device.id, self._trouble.get(lease.command_id)
            waiting = trouble is not None and tick < trouble.next_try
            left = tick - self._begun.get(lease.command_id, tick) >= FINISH_SECONDS
            ended = left or lease.ended(at) or ended_by_mark(marks, lease, at)
            landing = lease.withdrawn and lease.writer is not None
            if ended and not landing and not waiting and device not in self._busy:
                due[device].append(lease)
        return due

    async def _give_back(self, due: Sequence[Lease]) -> None:
        """Point after point, those that were never in trouble first."""
        for lease in sorted(due, key=lambda each: each.command_id in self._trouble):
            if await self._give_back_one(lease):
                self._trouble.pop(lease.command_id, None)
            else:
                trouble = self._trouble.setdefault(lease.command_id, Trouble())
                trouble.again(self._clock.monotonic())

    async def _give_back_one(self, lease: Lease) -> bool:
        """Release a point unless its lease was renewed while others were released."""
        point = lease.point.id
        try:
            newest = (await off_loop(self._journal.leases)).get(point)
        except GuardError:
            newest = lease  # what we know is that it has ended
        if newest is None or newest.command_id != lease.command_id:
            return True
        item, now = return_of(lease), self._clock.now()
        receipt = await give_back(item, now=now, drivers=self._drivers, journal=self._journal)
        if isinstance(receipt, Released) or lease.command_id not in self._trouble:
            told = unrecorded(receipt, now, lease.command)
            await keep_notes([told], self._journal)  # before the lease is closed: nobody misses it
        await settle_returned(receipt, item, self._journal)
        if isinstance(receipt, Released):
            log.info("%s is back at its own control (%s)", point, receipt.effective)
            return True
        if lease.command_id not in self._trouble:
            log.warning("%s is still held, trying on: %s", point, receipt.error)
        return False


async def run_guard(
    journal: Journal,
    drivers: Drivers,
    clock: Clock,
    stop: asyncio.Event,
    *,
    check_seconds: float = 1.0,
    beat: Callable[[], None] = lambda: None,
    done: Callable[[], bool] = lambda: False,
    hands_off: HandsOffMarks | None = None,
) -> None:
    """Guard until ``stop`` is set or ``done`` says so.

    Every ``check_seconds`` [s, real] the journal is read and what has ended is given back;
    ``beat`` shows that we are alive. A journal that cannot be read is tried again.
    """
    guard = Guard(journal, drivers, clock, hands_off)
    complaint = ""
    while not stop.is_set():
        said = ""
        try:
            said = _said(beat)
            await guard.step(patience=check_seconds)
            if done():
                break
        except GuardError as error:
            said = str(error)
        if said not in ("", complaint):
            log.error("%s", said)
        complaint = said
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), check_seconds)
    await guard.finish()


def _said(beat: Callable[[], None]) -> str:
    """What a heartbeat complains of; a guard that cannot show itself gives back all the same."""
    try:
        beat()
    except (GuardError, OSError) as error:
        return str(error)
    return ""


def main(argv: Sequence[str] | None = None, make_drivers: MakeDrivers | None = None) -> int:
    """``bms guard``: 0 when it ended well or two guards are there, 1 when it cannot guard."""
    options = _arguments(argv)
    os.umask(PRIVATE)
    log_to_stderr(logging.WARNING, times=True)
    log.setLevel(logging.INFO)
    places = {place: Presence(options.journal, place) for place in GuardPlace}
    try:
        clock = FileClock(options.clock_file) if options.clock_file else SystemClock()
        if not any(presence.claim() for presence in places.values()):
            log.info("two guards are at work here")
            return 0
        made = partial(make_drivers or _network_drivers, clock, options.timezone, options.journal)
        words = sys.argv[1:] if argv is None else argv
        companion = Companion(
            (sys.executable, "-m", "bms.guard", *words), places[GuardPlace.STANDBY]
        )
        asyncio.run(_serve(options, places, companion, clock, made))
    except (BmsError, OSError) as error:
        log.error("no guard for %s: %s", options.journal, error)
        return 1
    finally:
        for presence in places.values():
            presence.drop()
    return 0


async def _serve(
    options: argparse.Namespace,
    places: Mapping[GuardPlace, Presence],
    companion: Companion,
    clock: Clock,
    make_drivers: Callable[[], Drivers],
) -> None:
    """Stand by until the first place is ours, then guard."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    journal = FileJournal(options.journal)
    active, standby = places[GuardPlace.ACTIVE], places[GuardPlace.STANDBY]
    if standby.claimed:
        log.info("standing by for %s", options.journal)
        waiting = orphaned(options.parent, journal, standby)
        seconds = options.check_seconds
        if not await stand_by(active, standby, stop, check_seconds=seconds, done=waiting):
            return
    log.info("guarding %s", options.journal)
    drivers = make_drivers()

    def beat() -> None:
        active.beat()
        notify("WATCHDOG=1")
        if not options.alone and is_needed(options.parent, journal):
            companion.ensure()

    notify("READY=1")
    try:
        await run_guard(
            journal,
            drivers,
            clock,
            stop,
            check_seconds=options.check_seconds,
            beat=beat,
            done=orphaned(options.parent, journal, active),
            hands_off=FileHandsOff.beside(options.journal),
        )
    finally:
        await drivers.close()
        if stop.is_set() and not journal.leases():
            companion.dismiss()


def is_needed(parent: int | None, journal: FileJournal) -> bool:
    """Whether there is somebody who may write, or something to give back."""
    return parent is None or _alive(parent) or bool(journal.leases())


def orphaned(parent: int | None, journal: FileJournal, presence: Presence) -> Callable[[], bool]:
    """Whether we may end: the parent is gone and nothing is held.

    The lock goes in the same standstill of the journal in which nothing was held, so that a writer
    that looks for us after announcing its write either finds us guarding it or finds nobody. Where
    the folder itself is gone nobody can announce anything, and there is nothing to stand still.
    """

    def ended() -> bool:
        if is_needed(parent, journal):
            return False
        if not journal.path.parent.exists():
            log.info("process %s and %s are gone: good night", parent, journal.path.parent)
            return True
        with journal.standstill():
            if journal.leases():
                return False
            presence.drop()
        log.info("process %s is gone and nothing is held: good night", parent)
        return True

    return ended


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _network_drivers(clock: Clock, timezone: str, journal: Path) -> Drivers:
    from drivers.fieldbus.write_budget_log import FileWriteCounter
    from drivers.registry import NetworkDrivers  # heavy, and needed in a real guard only

    return NetworkDrivers(
        clock=clock, timezone=timezone, write_counter=FileWriteCounter.beside(journal)
    )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bms guard",
        description="Gives back every point whose lease has ended.",
        epilog="Example: bms guard --journal var/release.journal",
    )
    parser.add_argument("--journal", type=Path, required=True, help="the release journal")
    parser.add_argument("--clock-file", type=Path, help="building time of a simulator")
    parser.add_argument("--parent", type=int, metavar="PID", help="end after this process")
    parser.add_argument("--check-seconds", type=float, default=1.0, help="how often to look [s]")
    parser.add_argument("--alone", action="store_true", help="start no second guard to stand by")
    parser.add_argument("--timezone", default="Europe/Copenhagen", help="zone of the timetables")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
