"""Real processes, a real Modbus server and SIGKILL: the building always gets its points back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from bms.clock import FileClock
from bms.errors import GuardError
from bms.journal import FileJournal, open_leases
from bms.model.control.command import Accepted, Command
from bms.services.guard.heartbeat import GuardPlace, Presence
from bms.services.guard.launcher import GuardLauncher
from bms.services.guard.takeover import is_guard
from drivers.fieldbus.write_budget_log import FileWriteCounter
from drivers.registry import NetworkDrivers
from tests.rigs.fakes.safety import NULL, command, hut, lease_of, lease_on
from tests.rigs.processes import guard_writer

START = datetime(2019, 1, 14, 7, 0, tzinfo=UTC)
WRITER = Path(guard_writer.__file__)


class Controller:
    """A Modbus controller that remembers what was last written to each register."""

    def __init__(self) -> None:
        self.registers: dict[int, int] = {}
        device = SimDevice(
            id=1,
            simdata=[SimData(0, count=200, values=0, datatype=DataType.REGISTERS)],
            action=self._note,
        )
        self._server = ModbusTcpServer([device], address=("127.0.0.1", 0))

    async def _note(self, function, start, address, count, registers, values) -> None:
        for offset, value in enumerate(values or ()):
            self.registers[address + offset] = value

    async def start(self) -> int:
        await self._server.serve_forever(background=True)
        return self._server.transport.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self._server.shutdown()


@pytest.fixture
async def controller() -> AsyncIterator[tuple[Controller, int]]:
    made = Controller()
    port = await made.start()
    yield made, port
    await made.stop()


@pytest.fixture
def clock_file(tmp_path: Path) -> Path:
    path = tmp_path / "clock.json"
    set_clock(path, START)
    return path


@pytest.fixture
def journal(tmp_path: Path):
    """The path of a journal whose guard is ended after the test, whoever started it."""
    path = tmp_path / "release.journal"
    yield path
    for place in (GuardPlace.STANDBY, GuardPlace.ACTIVE):
        seen = Presence(path, place).look()
        if seen is not None and seen.pid != os.getpid():
            os.kill(seen.pid, signal.SIGKILL)


def set_clock(path: Path, moment: datetime) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"time": moment.isoformat()}))
    fresh.replace(path)


async def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def guard_command(journal: Path, *more: str) -> list[str]:
    return [*guard_writer.GUARD, "--journal", str(journal), *more]


async def written(lease: Command, clock_file: Path, port: int) -> None:
    """The value of this command stands at the device."""
    drivers = NetworkDrivers(FileClock(clock_file))
    receipt = await drivers.driver(guard_writer.device(port)).write(guard_writer.point(), lease)
    await drivers.close()
    assert isinstance(receipt, Accepted)


async def test_a_killed_writer_and_a_torn_journal_leave_the_register_released(
    controller, journal: Path, clock_file: Path
) -> None:
    device, port = controller
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        str(WRITER),
        str(journal),
        str(clock_file),
        str(port),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None
        said = await asyncio.wait_for(writer.stdout.readline(), 20)
        assert said == b"written\n"
    finally:
        writer.send_signal(signal.SIGKILL)
        await writer.communicate()
    with journal.open("ab") as file:
        file.write(b'{"op":"intend","lease":{"comm')
    set_clock(clock_file, START + guard_writer.LEASE - timedelta(seconds=1))
    await asyncio.sleep(0.4)
    assert device.registers == {guard_writer.SETPOINT: 185, guard_writer.ENABLE: 1}
    set_clock(clock_file, START + guard_writer.LEASE)
    await until(lambda: device.registers[guard_writer.ENABLE] == 0)
    await until(lambda: open_leases(journal) == [])
    await until(lambda: Presence(journal).look() is None)  # nothing left to guard, nobody to serve
    register = f"{guard_writer.device(port).id} holding {guard_writer.ENABLE}"
    assert FileWriteCounter.beside(journal).written(register, START.date()).lifetime == 1


@asynccontextmanager
async def stopped_writer(
    journal: Path, clock_file: Path, port: int, where: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A writer that has announced its write and is stopped before it leaves."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        str(WRITER),
        str(journal),
        str(clock_file),
        str(port),
        where,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await until(lambda: journal.exists() and open_leases(journal) != [])
        await until(lambda: _state(writer.pid) == "T")
        yield writer
    finally:
        writer.send_signal(signal.SIGKILL)
        await writer.communicate()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_w11_a_stopped_process_that_goes_on_after_its_lease_writes_nothing(
    controller, journal: Path, clock_file: Path
) -> None:
    device, port = controller
    async with stopped_writer(journal, clock_file, port, "before") as writer:
        set_clock(clock_file, START + guard_writer.LEASE + timedelta(minutes=6))
        await until(lambda: [held.withdrawn for held in open_leases(journal)] == [True])
        assert device.registers == {}  # the guard saw that nothing of ours stands
        writer.send_signal(signal.SIGCONT)
        assert writer.stdout is not None
        assert await asyncio.wait_for(writer.stdout.readline(), 20) == b"Failed\n"
        await until(lambda: open_leases(journal) == [])
        assert device.registers.get(guard_writer.ENABLE, 0) == 0


async def test_w11_what_lands_after_the_guard_and_a_crash_is_given_back_all_the_same(
    controller, journal: Path, clock_file: Path
) -> None:
    """Stopped between its last look at the clock and the socket, for 6 minutes after its lease."""
    device, port = controller
    async with stopped_writer(journal, clock_file, port, "after") as writer:
        set_clock(clock_file, START + guard_writer.LEASE + timedelta(minutes=6))
        await until(lambda: [held.withdrawn for held in open_leases(journal)] == [True])
        assert device.registers == {}  # the guard saw that nothing of ours stands
        writer.send_signal(signal.SIGCONT)
        await until(lambda: device.registers.get(guard_writer.ENABLE) == 1)
        assert [held.command_id for held in open_leases(journal)] == ["c1"]
    await until(lambda: device.registers[guard_writer.ENABLE] == 0)
    await until(lambda: open_leases(journal) == [])


async def test_a_killed_guard_is_replaced_before_the_next_write(
    journal: Path, clock_file: Path
) -> None:
    keeper = GuardLauncher(journal, clock_file, guard_writer.GUARD, deadline_s=20)
    await keeper.ensure()
    first = keeper.guard
    assert first is not None
    await keeper.ensure()
    assert keeper.guard is not None
    assert keeper.guard.pid == first.pid
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: keeper.guard is None)
    await keeper.ensure()
    second = keeper.guard
    assert second is not None
    assert second.pid != first.pid
    await keeper.close()
    assert keeper.guard is None


async def test_looking_for_the_guard_is_cheap(journal: Path, clock_file: Path) -> None:
    keeper = GuardLauncher(journal, clock_file, guard_writer.GUARD, deadline_s=20)
    await keeper.ensure()
    begin = time.perf_counter()
    for _ in range(200):
        await keeper.ensure()
    assert (time.perf_counter() - begin) / 200 < 0.005
    await keeper.close()


async def test_a_terminated_guard_gives_nothing_back_early_and_the_next_goes_on(
    controller, journal: Path, clock_file: Path
) -> None:
    device, port = controller
    lease = command(guard_writer.point().id, 18.5, at=START, lease=guard_writer.LEASE)
    FileJournal(journal).intend([lease_of(lease, guard_writer.point(), guard_writer.device(port))])
    await written(lease, clock_file, port)
    keeper = GuardLauncher(journal, clock_file, guard_writer.GUARD, deadline_s=20)
    await keeper.ensure()
    assert keeper.guard is not None
    os.kill(keeper.guard.pid, signal.SIGTERM)
    await until(lambda: keeper.guard is None)
    assert len(open_leases(journal)) == 1
    set_clock(clock_file, START + guard_writer.LEASE)
    await keeper.ensure()
    await until(lambda: device.registers[guard_writer.ENABLE] == 0)
    await until(lambda: open_leases(journal) == [])
    await keeper.close()


async def test_a_clean_exit_leaves_a_guard_behind_while_something_is_held(
    journal: Path, clock_file: Path
) -> None:
    FileJournal(journal).intend([lease_on(hut(), command(NULL, 20.0, at=START))])
    keeper = GuardLauncher(journal, clock_file, guard_writer.GUARD, deadline_s=20)
    await keeper.ensure()
    await keeper.close()
    assert keeper.guard is not None


async def test_w13_a_second_guard_stands_by_and_a_third_ends_well(
    journal: Path, clock_file: Path
) -> None:
    keeper = GuardLauncher(journal, clock_file, guard_writer.GUARD, deadline_s=20)
    await keeper.ensure()
    standby = Presence(journal, GuardPlace.STANDBY)
    await until(lambda: standby.look() is not None)
    third = await asyncio.to_thread(
        subprocess.run,
        guard_command(journal),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert third.returncode == 0
    assert "two guards are at work" in third.stderr
    await keeper.close()
    await until(lambda: standby.look() is None)
    assert keeper.guard is None


async def test_w13_the_one_that_stands_by_takes_over_from_a_killed_one(
    controller, journal: Path, clock_file: Path
) -> None:
    """Nobody writes any more and nobody looks for the guard: the second one goes on by itself."""
    device, port = controller
    lease = command(guard_writer.point().id, 18.5, at=START, lease=guard_writer.LEASE)
    FileJournal(journal).intend([lease_of(lease, guard_writer.point(), guard_writer.device(port))])
    await written(lease, clock_file, port)
    keeper = GuardLauncher(journal, clock_file, guard_writer.GUARD, deadline_s=20)
    await keeper.ensure()
    first, standby = keeper.guard, Presence(journal, GuardPlace.STANDBY)
    assert first is not None
    await until(lambda: standby.look() is not None)
    os.kill(first.pid, signal.SIGKILL)
    set_clock(clock_file, START + guard_writer.LEASE)
    await until(lambda: device.registers[guard_writer.ENABLE] == 0)
    await until(lambda: standby.look() is not None and keeper.guard is not None)
    assert keeper.guard is not None
    assert keeper.guard.pid != first.pid
    await keeper.close()


async def test_w13_a_stopped_guard_is_replaced_whether_the_backend_lives_or_not(
    controller, journal: Path, clock_file: Path
) -> None:
    device, port = controller
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, str(WRITER), str(journal), str(clock_file), str(port)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert await asyncio.wait_for(writer.stdout.readline(), 20) == b"written\n"
    active, standby = Presence(journal), Presence(journal, GuardPlace.STANDBY)
    await until(lambda: standby.look() is not None)
    stopped = active.look()
    assert stopped is not None
    os.kill(stopped.pid, signal.SIGSTOP)
    await asyncio.sleep(0.5)
    writer.send_signal(signal.SIGKILL)
    await writer.communicate()
    set_clock(clock_file, START + guard_writer.LEASE)
    await until(lambda: device.registers[guard_writer.ENABLE] == 0, 40)
    await until(lambda: open_leases(journal) == [])
    assert not is_guard(stopped.pid), "one that woke up later would act on what it knew then"


def test_a_guard_without_building_time_refuses_to_guard(journal: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        guard_command(journal, "--clock-file", str(tmp_path / "none.json")),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert "none.json" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ((sys.executable, "-c", "raise SystemExit('no driver today')"), "no driver today"),
        (("/nonexistent/guard",), "nonexistent"),
    ],
)
async def test_a_guard_that_cannot_start_forbids_writing(
    journal: Path, program: tuple[str, ...], said: str
) -> None:
    keeper = GuardLauncher(journal, None, program, deadline_s=5)
    with pytest.raises(GuardError, match=said):
        await keeper.ensure()


@pytest.mark.parametrize("tongue", ["", " 0123456789ab"])
async def test_a_guard_of_another_version_forbids_writing(journal: Path, tongue: str) -> None:
    """It could not read the lease of a role that is new, and would never give that point back."""
    presence = Presence(journal)
    assert presence.claim()
    keeper = GuardLauncher(journal, None, deadline_s=20)
    await keeper.ensure()
    beat = f"{os.getpid():>10} {time.monotonic():>16.3f}{tongue}"
    journal.with_name(f"{journal.name}.guard").write_text(beat)
    with pytest.raises(GuardError, match=r"is of another version.*nothing is written"):
        await asyncio.wait_for(keeper.ensure(), 5)
    presence.drop()


async def test_a_silent_guard_forbids_writing_until_it_is_replaced(journal: Path) -> None:
    presence = Presence(journal)
    assert presence.claim()
    journal.with_name(f"{journal.name}.guard").write_text(f"{os.getpid():>10} {-999.0:>16.3f}")
    keeper = GuardLauncher(journal, None, deadline_s=0.2)
    with pytest.raises(GuardError, match="silent"):
        await keeper.ensure()
    await keeper.close()
    presence.drop()


async def test_w13_guards_that_nobody_needs_end_and_start_no_others(
    journal: Path, clock_file: Path
) -> None:
    """Its backend is gone and nothing is held: the two do not go on succeeding each other."""
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    guard = await asyncio.create_subprocess_exec(
        *guard_command(journal, "--clock-file", str(clock_file), "--parent", str(gone.pid)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(guard.communicate(), 30)
    assert guard.returncode == 0
    assert b"nothing is held" in said
    await asyncio.sleep(2)
    assert Presence(journal).look() is None
    assert Presence(journal, GuardPlace.STANDBY).look() is None


def test_a_number_that_belongs_to_another_process_is_not_ended() -> None:
    assert not is_guard(os.getpid())
    assert not is_guard(0)
