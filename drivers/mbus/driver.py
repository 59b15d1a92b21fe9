"""The Driver of one M-Bus meter. It reads; nothing is ever written to a meter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.errors import ConfigError, DeviceError
from bms.model.assets.device import Device, Fingerprint
from bms.model.assets.point import Point
from bms.model.control.command import Command, Receipt, Refused, ReleaseReceipt, StillHeld
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact, fact
from bms.model.readings.measurement import Quality, Reading
from bms.ports.clock import Clock
from drivers.fieldbus.availability import CircuitBreaker, HealthCounters
from drivers.fieldbus.errors import DeviceRefusal, NoReply, quality_of
from drivers.fieldbus.fingerprint import check_fingerprint
from drivers.fieldbus.reading import Decoded, reading
from drivers.fieldbus.write_budget import WriteBudget, WriteBudgetExhausted
from drivers.fieldbus.write_budget_log import MemoryWriteCounter, WriteCounter
from drivers.mbus.kept_telegrams import KeptTelegrams, MemoryTelegrams, TelegramKeeper
from drivers.mbus.link import LineBusy, LineDown, MbusLink
from drivers.mbus.meter import MbusAnswer, MeterDialog, answer_of, name_of
from drivers.mbus.point_values import value_of
from drivers.mbus.trace import MbusExchange

DAY_S = 86_400
_SLACK_S = 60
"""How much before its turn a meter with a budget may be asked [s]: polls vary by seconds."""
_SUSPENDED = Decoded(None, Quality.NO_REPLY, "left alone for a while: it did not answer")


@dataclass(frozen=True, slots=True)
class _LastAnswer:
    """The last answer, and the building time at which it was asked for."""

    answer: MbusAnswer
    at: datetime


class MbusDriver:
    """Reads the points of one meter (``bms.ports.drivers.Driver``).

    Callers that come while it is being asked share that answer. A meter with ``reads_per_day`` is
    asked that often at most; in between its last answer stands, with the time that it was given at,
    and where its reads are spent for a day longer. Count and answer survive a restart where
    ``counter`` and ``keeper`` do.
    """

    def __init__(
        self,
        device: Device,
        link: MbusLink,
        clock: Clock,
        timezone: str,
        counter: WriteCounter | None = None,
        keeper: TelegramKeeper | None = None,
    ) -> None:
        link.meters += 1
        self.device = device
        self._link = link
        self._clock = clock
        self._counter = counter or MemoryWriteCounter()
        self._keeper = keeper or MemoryTelegrams()
        self._zone = ZoneInfo(timezone)
        self._dialog = MeterDialog(link, name_of(device), device.timeout_s, self._zone)
        self._breaker = CircuitBreaker(device.id, clock, first_s=max(10.0, 40 * device.timeout_s))
        self._health = HealthCounters()
        self._asking: asyncio.Task[MbusAnswer] | None = None
        self._kept: _LastAnswer | None = None
        self._recalled = device.reads_per_day is None
        self._recalling = asyncio.Lock()

    @property
    def patience_s(self) -> float:
        """How long a call may take while the others of the line are served [s]."""
        return self._link.patience_s

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One reading per point, in their order. Points of another protocol get an error."""
        received = self._clock.now()
        try:
            kept = await self._answer(at)
        except DeviceError as error:
            failed = Decoded(None, quality_of(error), str(error))
            return [reading(point, failed, at, received) for point in points]
        except WriteBudgetExhausted:
            most = f"it is asked {self.device.reads_per_day} times a day at most"
            waits = Decoded(None, Quality.ABSENT, most)
            return [reading(point, waits, at, received) for point in points]
        received = self._clock.now()
        return [reading(p, value_of(p, kept.answer), kept.at, received) for p in points]

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        """A meter has nothing to command."""
        return [NoCommandState(point.id, _not_writable(point), retryable=False) for point in points]

    async def write(self, point: Point, command: Command) -> Receipt:
        """Refuse it: nothing is written to a meter."""
        return Refused(command, _not_writable(point))

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """There is nothing to give back."""
        return StillHeld(point.id, _not_writable(point), retryable=False)

    async def fingerprint(self) -> Fingerprint | None:
        """What the header of its answer says; None where it does not answer."""
        try:
            header = (await self._answer(self._clock.now())).answer.header
        except (DeviceError, WriteBudgetExhausted):
            return None
        return None if header is None else header.fingerprint

    @property
    def health(self) -> HealthCounters:
        """Counters of the meter's answers and errors."""
        self._health.left_alone = self._breaker.open or self._link.down
        return self._health

    def trace(self) -> tuple[MbusExchange, ...]:
        """The last exchanges with the meter, oldest first."""
        return self._link.trace.of(name_of(self.device))

    async def close(self) -> None:
        """Do nothing: the link belongs to all meters of the line."""

    # Asking

    async def _answer(self, at: datetime) -> _LastAnswer:
        """The answer that stands, or a new one. Raises ``DeviceError`` and
        ``WriteBudgetExhausted``."""
        if not self._recalled:
            await self._recall()
        if self._kept is not None and not self._due(self._kept.at, at):
            return self._kept
        if self._asking is None or self._asking.done():
            if self._breaker.open:
                raise NoReply(str(_SUSPENDED.detail))
            self._asking = asyncio.create_task(self._asked(at))
            self._asking.add_done_callback(_retrieved)
        try:
            answer = await asyncio.shield(self._asking)
        except WriteBudgetExhausted:
            if self._kept is None or not timedelta() <= at - self._kept.at < self._stands:
                raise
            return self._kept
        return _LastAnswer(answer, at)

    async def _asked(self, at: datetime) -> MbusAnswer:
        """A new answer, counted before and kept afterwards where the meter has a budget."""
        await self._spend(at)
        answer = await self._ask()
        self._kept = _LastAnswer(answer, at)
        if self.device.reads_per_day is not None:
            kept = KeptTelegrams(self._called, at, answer.raw)
            await asyncio.to_thread(self._keeper.keep, self.device.id, kept)
        return answer

    async def _recall(self) -> None:
        """Take the answer up that was kept before a restart, where it is that of this meter."""
        async with self._recalling:
            if self._recalled:
                return
            kept = await asyncio.to_thread(self._keeper.last, self.device.id)
            self._recalled = True
        if kept is None or kept.meter != self._called:
            return
        with suppress(DeviceError):
            answer = answer_of(kept.telegrams, self._zone)
            check_fingerprint(self.device, name_of(self.device), fingerprint_in(answer))
            self._kept = _LastAnswer(answer, kept.at)

    @property
    def _called(self) -> str:
        return f"{self._link.endpoint.name} {name_of(self.device)}"

    def _due(self, last: datetime, at: datetime) -> bool:
        return self.device.reads_per_day is None or not timedelta() <= at - last < self._interval

    @property
    def _interval(self) -> timedelta:
        """How far apart the reads of a meter with a budget are."""
        return timedelta(seconds=DAY_S / (self.device.reads_per_day or DAY_S) - _SLACK_S)

    @property
    def _stands(self) -> timedelta:
        """For how long an answer stands where the reads are spent: by then a new day has some."""
        return timedelta(seconds=DAY_S) + self._interval

    async def _spend(self, at: datetime) -> None:
        """Count a read. Where the count cannot be kept, the meter is not asked: its battery is
        worth more than a value."""
        most = self.device.reads_per_day
        if most is None:
            return
        budget, name = WriteBudget(per_day=most), f"{self.device.id} reads"
        try:
            await asyncio.to_thread(self._counter.spend, name, at.date(), budget)
        except ConfigError as error:
            raise NoReply(str(error)) from error

    async def _ask(self) -> MbusAnswer:
        started = self._clock.monotonic()
        try:
            async with self._link.dialog():
                answer = await self._ask_once()
        except (LineBusy, LineDown):
            self._health.silent(self._clock.now())
            raise
        except NoReply as error:
            self._health.silent(self._clock.now())
            self._breaker.failed(str(error))
            raise
        except DeviceError as error:
            self._breaker.succeeded()
            self._health.failed(str(error.code) if isinstance(error, DeviceRefusal) else "garbled")
            raise
        self._breaker.succeeded()
        self._health.answered(self._clock.monotonic() - started, self._clock.now())
        return answer

    async def _ask_once(self) -> MbusAnswer:
        device = self.device
        if device.secondary is not None:
            answer = await self._dialog.read_secondary(device.secondary)
        else:
            assert device.primary is not None, "the rules ask for an address"
            answer = await self._dialog.read_primary(device.primary)
        self._health.fingerprint = seen = fingerprint_in(answer)
        self._health.wrong_device = None
        try:
            check_fingerprint(device, name_of(device), seen)
        except DeviceError as error:
            self._health.wrong_device = str(error)
            raise
        return answer


def fingerprint_in(answer: MbusAnswer) -> Fingerprint:
    """What the header of an answer says; nothing where it has none."""
    return Fingerprint() if answer.header is None else answer.header.fingerprint


def _retrieved(asking: asyncio.Task[MbusAnswer]) -> None:
    """Look at an error that nobody waits for any more: every caller was cancelled."""
    if not asking.cancelled():
        asking.exception()


def _not_writable(point: Point) -> Fact:
    return fact(RefusalReason.NOT_WRITABLE, point=point.id)
