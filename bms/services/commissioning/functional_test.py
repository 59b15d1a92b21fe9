"""The functional test of a writable point: who it is, what it does when it is written, and whether
it goes back. It passes the one gate (clause W5), and leaves nothing of ours behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.assets.write_rule import WriteRule
from bms.model.control.command import Accepted, Clamped, Failed, Receipt, Refused, Released
from bms.model.control.command_state import CommandState, NoCommandState, OccupiedSlot
from bms.model.control.reasons import CommandReason
from bms.model.fact import Fact, Parameter, fact
from bms.model.readings.units import Unit
from bms.model.trust.commissioning import (
    CommissioningFact,
    FunctionalTest,
    TestedFunction,
    TestOutcome,
)
from bms.ports.drivers import IdentifyingDriver
from bms.services.control.authority import PLAN, Writer
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.control.ports import ControlPorts
from bms.services.evidence.receipts import keep_receipts
from bms.services.giving_back.many_points import release_points
from bms.services.local_overrides.detection import IN_SLOT, agrees
from bms.services.local_overrides.look import look
from bms.services.off_loop import off_loop

LEASE = timedelta(minutes=30)
"""Should this process die, the guard gives the point back then."""
LOOKS, BETWEEN_LOOKS = 10, timedelta(seconds=3)
"""How often and how far apart a point is looked at until a write, or own control, is in effect."""
SILENCE_MARGIN = 1.25
"""Of its declared watchdog [1] that a device may take to let go."""
FIRST_SLOT = 8
EXACT = 0.1
"""Of the resolution [1]: what is read back so near is the value that was written."""
COARSER = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Steps that devices take in place of a finer one, as multiples of that [1]."""

Pause = Callable[[timedelta], Awaitable[None]]
"""Lets building time pass."""


class Attendant(Protocol):
    """Whoever stands by while a point is tried."""

    def agrees(self, point: Point, value: float) -> bool:
        """Whether the value may be written to the point now."""
        ...

    def saw(self, point: Point, value: float) -> bool | None:
        """Whether it was seen at the equipment; None where nobody looked."""
        ...

    def told(self, point: Point, line: TestedFunction) -> None:
        """A line of the protocol."""
        ...

    def waits(self, point: Point, left: timedelta) -> None:
        """The device is left alone for so long still, to see what it does by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a test is carried out with; ``by`` is who signs."""

    ports: ControlPorts
    pause: Pause
    attendant: Attendant
    by: str


@dataclass(slots=True)
class PointTest:
    """The test of one point. ``run`` it once; then ``lines``, ``resolution`` [unit of the point]
    and ``settling_s`` [s] have what was found. ``declined``: the attendant wanted no write, or the
    plan has it."""

    site: Site
    point: Point
    rule: WriteRule
    around: Surroundings
    lines: list[TestedFunction] = field(default_factory=list)
    resolution: float | None = None
    settling_s: float | None = None
    declined: bool = False

    @property
    def device(self) -> Device:
        return self.site.device(self.point.device)

    async def run(self) -> None:
        """Every test in its order; what fails ends it, and the point is given back in any case."""
        if not (await self._identity() and await self._read()):
            return
        state = await self._look()
        if isinstance(state, NoCommandState):
            self._failed(FunctionalTest.SLOTS, CommissioningFact.UNREADABLE, why=state.error)
            return
        self._slots(state)
        if await self._held_by_plan():
            return
        value = trial_value(self.point, self.rule, state.effective)
        if not self.around.attendant.agrees(self.point, value):
            self.declined = True
            return
        try:
            tried = await self._tried(value)
        finally:
            back = await self._give_back()
        if back and await self._own_control() and tried:
            await self._silence(value)

    async def _identity(self) -> bool:
        driver = self.around.ports.drivers.driver(self.device)
        says = await driver.fingerprint() if isinstance(driver, IdentifyingDriver) else None
        asked, test = self.device.fingerprint, FunctionalTest.IDENTITY
        if says is None or not says.known:
            line = self._skipped if asked is None else self._failed
            line(test, CommissioningFact.SAYS_NOTHING)
            return asked is None
        if asked is None:
            self._passed(test, CommissioningFact.SAYS_UNDECLARED, text=str(says))
        elif asked.known.items() <= says.known.items():
            self._passed(test, CommissioningFact.SAYS, text=str(says))
        else:
            self._failed(test, CommissioningFact.SAYS_OTHERWISE, why=str(says))
            return False
        return True

    async def _read(self) -> bool:
        driver = self.around.ports.drivers.driver(self.device)
        [reading] = await driver.read([self.point], self.around.ports.clock.now())
        value = reading.good_value
        if value is None:
            why = reading.detail or reading.quality.value
            self._failed(FunctionalTest.READ, CommissioningFact.UNREADABLE, why=why)
            return False
        unit = self.point.unit.value
        self._passed(FunctionalTest.READ, CommissioningFact.READS, value=value, unit=unit)
        return True

    async def _look(self) -> CommandState | NoCommandState:
        ports = self.around.ports
        found = await look([(self.point, self.device)], ports.drivers, ports.clock.now())
        return found[self.point.id]

    def _slots(self, state: CommandState) -> None:
        """What the maker's own program does with the priority array."""
        if self.rule.release.kind not in IN_SLOT:
            self._skipped(FunctionalTest.SLOTS, CommissioningFact.NO_SLOTS)
            return
        own = () if state.own is None else (OccupiedSlot(self.rule.priority, state.own),)
        slots = [s for s in (*state.above, *own, *state.below) if s.priority >= FIRST_SLOT]
        if not slots:
            self._passed(FunctionalTest.SLOTS, CommissioningFact.SLOTS_EMPTY)
            return
        each = tuple(
            fact(CommissioningFact.SLOT, slot=slot.priority, value=slot.value) for slot in slots
        )
        self._passed(FunctionalTest.SLOTS, CommissioningFact.SLOTS, slots=each)

    async def _held_by_plan(self) -> bool:
        leases = await off_loop(self.around.ports.journal.leases_of, self.site.id)
        held = leases.get(self.point.id)
        if held is None or held.command.actor != PLAN:
            return False
        why = fact(CommissioningFact.HELD_BY_PLAN, site=self.site.id)
        self._skipped(FunctionalTest.WRITE, CommissioningFact.NOT_WRITTEN, why=why)
        self.declined = True
        return True

    async def _tried(self, value: float) -> bool:
        """Whether a write arrived and took effect."""
        written = await self._write(value, LEASE)
        if written is None or not await self._effective(written):
            return False
        return self._seen(written)

    async def _write(self, value: float, lease: timedelta, *, told: bool = True) -> float | None:
        """The value that was written; None where none was."""
        ports = self.around.ports
        wanted = PersonWrite(
            point=self.point.id,
            value=value,
            lease=lease,
            actor=Writer.COMMISSIONING.value,
            reason=fact(CommandReason.COMMISSIONING),
            writer=Writer.COMMISSIONING,
        )
        receipt = await write_once(self.site, wanted, now=ports.clock.now(), ports=ports)
        match receipt:
            case Accepted(command=command, read_back=seen):
                written = command.value
            case Clamped(written=written, read_back=seen):
                pass
            case _:
                why = _reason(receipt)
                self._failed(FunctionalTest.WRITE, CommissioningFact.NOT_WRITTEN, why=why)
                return None
        if told:
            self._passed(FunctionalTest.WRITE, CommissioningFact.WROTE, value=written, seen=seen)
            self._steps(written, seen)
        return written

    async def _effective(self, written: float) -> bool:
        """Whether it acts, and how long that takes."""
        clock, between = self.around.ports.clock, BETWEEN_LOOKS
        since, seen = clock.now(), None
        for n in range(LOOKS):
            state = await self._look()
            seen = None if isinstance(state, NoCommandState) else state.effective
            if agrees(self.rule, seen, (written,)):
                self._passed(FunctionalTest.EFFECTIVE, CommissioningFact.ACTS, value=written)
                self._settled(0.0 if n == 0 else (clock.now() - since).total_seconds())
                return True
            await self.around.pause(between)
        code = CommissioningFact.ACTS_OTHERWISE
        self._failed(FunctionalTest.EFFECTIVE, code, value=written, seen=seen)
        return False

    def _settled(self, seconds: float) -> None:
        self.settling_s = seconds
        if seconds:
            self._passed(FunctionalTest.RAMP, CommissioningFact.SETTLED, seconds=seconds)
        else:
            self._passed(FunctionalTest.RAMP, CommissioningFact.AT_ONCE)

    def _seen(self, value: float) -> bool:
        saw = self.around.attendant.saw(self.point, value)
        if saw is None:
            self._skipped(FunctionalTest.SEEN, CommissioningFact.NOT_ASKED)
        elif saw:
            self._passed(FunctionalTest.SEEN, CommissioningFact.SEEN)
        else:
            self._failed(FunctionalTest.SEEN, CommissioningFact.NOT_SEEN)
        return saw is not False

    def _steps(self, written: float, seen: float) -> None:
        """What step the device takes: the value that was written is no multiple of a coarser one,
        so that a device that rounds shows it."""
        step = self.rule.resolution
        if self.point.unit is Unit.ON_OFF or step <= 0:
            self._skipped(FunctionalTest.RESOLUTION, CommissioningFact.SWITCHES)
            return
        if abs(seen - written) <= EXACT * step:
            self.resolution = step
            self._passed(FunctionalTest.RESOLUTION, CommissioningFact.STEPS, step=step)
            return
        self.resolution = coarser_step(seen, step)
        self._passed(
            FunctionalTest.RESOLUTION,
            CommissioningFact.COARSER,
            value=written,
            seen=seen,
            step=self.resolution,
        )

    async def _give_back(self, *, told: bool = True) -> bool:
        """Whether what is ours is gone."""
        ports, now = self.around.ports, self.around.ports.clock.now()
        receipts = await release_points(
            self.site, [self.point], now=now, drivers=ports.drivers, journal=ports.journal
        )
        await keep_receipts(ports.ledgers, ports.journal, receipts, now)
        [receipt] = receipts or [Released(self.point.id, None)]
        if not isinstance(receipt, Released):
            code = CommissioningFact.NOT_GIVEN_BACK
            self._failed(FunctionalTest.GIVE_BACK, code, why=receipt.error)
            return False
        if told:
            self._passed(FunctionalTest.GIVE_BACK, CommissioningFact.GIVEN_BACK)
        return True

    async def _own_control(self) -> bool:
        """Whether the building has the point again."""
        seen = None
        for _ in range(LOOKS):
            state = await self._look()
            if isinstance(state, CommandState):
                seen = state.effective
                if at_own_control(self.rule, state):
                    code = CommissioningFact.OWN_ACTS
                    self._passed(FunctionalTest.OWN_CONTROL, code, value=seen)
                    return True
            await self.around.pause(BETWEEN_LOOKS)
        self._failed(FunctionalTest.OWN_CONTROL, CommissioningFact.OURS_LEFT, value=seen)
        return False

    async def _silence(self, value: float) -> None:
        """Write once more, say nothing further, and see whether the device lets go."""
        declared = self.rule.watchdog_s
        if declared is None:
            self._skipped(FunctionalTest.SILENCE, CommissioningFact.NO_WATCHDOG)
            return
        longest = timedelta(seconds=declared * SILENCE_MARGIN) + BETWEEN_LOOKS
        try:
            if await self._write(value, longest + LEASE, told=False) is None:
                return
            await self._until_let_go(declared, longest)
        finally:
            await self._give_back(told=False)

    async def _until_let_go(self, declared: float, longest: timedelta) -> None:
        clock = self.around.ports.clock
        since = clock.now()
        while (gone := clock.now() - since) < longest:
            self.around.attendant.waits(self.point, longest - gone)
            await self.around.pause(max(BETWEEN_LOOKS, longest / 40))
            state = await self._look()
            if isinstance(state, CommandState) and at_own_control(self.rule, state):
                seconds = (clock.now() - since).total_seconds()
                code = CommissioningFact.LET_GO
                self._passed(FunctionalTest.SILENCE, code, seconds=seconds, declared=declared)
                return
        seconds, code = longest.total_seconds(), CommissioningFact.NOT_LET_GO
        self._failed(FunctionalTest.SILENCE, code, seconds=seconds, declared=declared)

    def _passed(self, test: FunctionalTest, code: CommissioningFact, **found: Parameter) -> None:
        self._line(test, TestOutcome.PASSED, code, found)

    def _failed(self, test: FunctionalTest, code: CommissioningFact, **found: Parameter) -> None:
        self._line(test, TestOutcome.FAILED, code, found)

    def _skipped(self, test: FunctionalTest, code: CommissioningFact, **found: Parameter) -> None:
        self._line(test, TestOutcome.SKIPPED, code, found)

    def _line(
        self,
        test: FunctionalTest,
        outcome: TestOutcome,
        code: CommissioningFact,
        found: Mapping[str, Parameter],
    ) -> None:
        line = TestedFunction(test, outcome, fact(code, **found))
        self.lines.append(line)
        self.around.attendant.told(self.point, line)


def trial_value(point: Point, rule: WriteRule, standing: float | None) -> float:
    """A value to try [unit of the point]: a small step off what stands, within limits, safe range
    and ramp, and an odd number of steps of the resolution, which no coarser step has."""
    if point.unit is Unit.ON_OFF:
        return 0.0 if standing is not None and standing > rule.tolerance else 1.0
    low, high = rule.minimum, rule.maximum
    if rule.hold_safe is not None and not rule.ends_by_itself:
        low, high = max(low, rule.hold_safe[0]), min(high, rule.hold_safe[1])
    now = (low + high) / 2 if standing is None else min(max(standing, low), high)
    step = rule.resolution if rule.resolution > 0 else (high - low) / 20
    reach = max(2.0 * rule.tolerance, step)
    if rule.max_change is not None:
        reach = min(reach, rule.max_change / 4)
    upwards = now + reach <= high
    wished = now + reach if upwards else max(now - reach, low)
    n = round(wished / step)
    odd = next((k for k in (n, n + 1, n - 1) if k % 2 and low <= k * step <= high), n)
    if rule.max_change is not None and abs(odd * step - now) > rule.max_change / 4:
        odd = n
    return round(min(max(odd * step, low), high), 9)


def coarser_step(seen: float, step: float) -> float:
    """The least step coarser than ``step`` that a value is a multiple of."""
    steps = (step * times for times in COARSER)
    return next((s for s in steps if abs(seen / s - round(seen / s)) < 1e-3), step)


def at_own_control(rule: WriteRule, state: CommandState) -> bool:
    """Whether the building has a point, as the device shows it."""
    if rule.release.kind in IN_SLOT:
        return state.own is None
    if state.enabled is not None:
        return not state.enabled
    return agrees(rule, state.effective, state.home)


def _reason(receipt: Receipt) -> Fact | None:
    match receipt:
        case Refused(reason=why) | Failed(error=why):
            return why
        case _:
            return getattr(receipt, "by", None)
