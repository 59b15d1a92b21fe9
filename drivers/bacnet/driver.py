"""The Driver of one BACnet device."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.errors import DeviceError
from bms.model.assets.device import Device, Fingerprint
from bms.model.assets.point import Point
from bms.model.assets.write_rule import ReleaseKind, WriteRule
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
    Waiting,
)
from bms.model.control.command_state import (
    MINIMUM_TIMES_SLOT,
    CommandState,
    NoCommandState,
)
from bms.model.control.device_clock import NoTime, ShownTime
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.trend_log import LogAnswer
from bms.ports.clock import Clock
from drivers.bacnet.cov import BACKSTOP_POLL_S, LIFETIME_S, OnReading, watch_changes
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.heartbeat import BacnetHeartbeat
from drivers.bacnet.link import BacnetLink
from drivers.bacnet.objects.command_state import CommandabilityReader, Commanded
from drivers.bacnet.objects.device_clock import set_clock, shown_time
from drivers.bacnet.objects.profile import ObjectProfiles
from drivers.bacnet.objects.schedule_writer import ScheduleWriter
from drivers.bacnet.objects.trend_readings import LogSpan, logged_readings
from drivers.bacnet.poller import BacnetPoller
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.trace import BacnetExchange
from drivers.bacnet.write_target import WriteTarget, overriding_slot, write_target
from drivers.fieldbus.availability import HealthCounters
from drivers.fieldbus.errors import DeviceRefusal
from drivers.fieldbus.read_back import matches, mismatch_receipt, write_receipt
from drivers.fieldbus.reading import reading
from drivers.fieldbus.receipts import (
    failed,
    no_command_state,
    no_reply,
    not_commandable,
    not_releasable,
    refused,
    still_held,
)
from drivers.fieldbus.release_values import release_value
from drivers.fieldbus.write_limits import LimitedValue, clamp

_READ_BACKS = 3
_READ_BACK_PAUSE_S = 0.1


class BacnetDriver:
    """Reads, writes and releases the points of one device (``bms.ports.drivers.Driver``).

    An object with a priority array is released by ``null``, one without by ``constant`` or
    ``timetable``; ``schedule`` writes through a Schedule object
    (``drivers.bacnet.objects.schedule_writer``). Timetables, schedules, logs and the device's clock
    are in local time ``timezone``.
    """

    def __init__(
        self,
        device: Device,
        link: BacnetLink,
        clock: Clock,
        timezone: str = "Europe/Copenhagen",
    ) -> None:
        self.session = BacnetSession(device, link, clock)
        self._device = device
        self._clock = clock
        self._zone = ZoneInfo(timezone)
        self._profiles = ObjectProfiles(self.session)
        self._poller = BacnetPoller(self.session, self._profiles)
        self._schedules = ScheduleWriter(self.session, self._profiles, self._zone)
        self._heartbeat = BacnetHeartbeat(self.session, self._profiles)
        self._commandability = CommandabilityReader(self.session, self._zone)

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]:
        """One reading per point, in their order. Points of another protocol get an error."""
        outcome = await self._poller.values(points)
        received = self._clock.now()
        return [
            reading(point, decoded, at, received)
            for point, decoded in zip(points, outcome, strict=True)
        ]

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        """Who commands each point. Never raises ``DeviceError``."""
        found: dict[str, CommandState | NoCommandState] = {}
        scheduled = [point for point in points if _is_scheduled(point)]
        for point in scheduled:
            found[point.id] = await self._schedules.state(point, at)
        commanded = [point for point in points if point not in scheduled]
        for state in await self._commanded(commanded, at):
            found[state.point] = state
        return [found[point.id] for point in points]

    async def _commanded(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        """Who commands points that are written to themselves."""
        device, found = self._device.id, []
        present = await self._poller.values(points) if points else []
        if all(decoded.quality is Quality.NO_REPLY for decoded in present):
            return [no_reply(p.id, device, d) for p, d in zip(points, present, strict=True)]
        try:
            targets = await self._profiles.targets_or_errors(points)
        except DeviceError as error:
            return [no_command_state(point.id, device, error) for point in points]
        known: list[Commanded] = []
        for point, target, decoded in zip(points, targets, present, strict=True):
            if isinstance(target, ValueError):
                found.append(not_commandable(point.id, target))
            else:
                known.append(Commanded(point, target, decoded))
        return [*found, *(await self._commandability.states(known, at) if known else [])]

    async def write(self, point: Point, command: Command) -> Receipt:
        """Check the priority array, write at the point's priority, and read back; toggle the
        heartbeat object where the device has one."""
        rule = point.write
        if rule is None:
            return Refused(command, fact(RefusalReason.NOT_WRITABLE, point=point.id))
        if rule.release.kind is ReleaseKind.SCHEDULE:
            receipt = await self._schedules.write(point, command)
        else:
            receipt = await self._write(point, rule, command)
        if isinstance(receipt, Accepted | Clamped):
            await self.beat(command.issued_at)
        return receipt

    async def beat(self, at: datetime) -> None:
        """Toggle the heartbeat object, where the device has one, once for each ``at``."""
        await self._heartbeat.beat(at)

    async def _write(self, point: Point, rule: WriteRule, command: Command) -> Receipt:
        try:
            clamped = clamp(rule, command.value)
            if rule.release.kind is not ReleaseKind.NULL:
                release_value(rule, self._clock.now(), self._zone)
            target = await self._profiles.writable(point)
            encoded = target.encode(clamped.value)
            slots = await self._slots(target)
            objection = _objection(point.id, rule, slots)
            if objection is not None:
                return Refused(command, objection)
            others = await self._without_minimum_time(target, slots or {})
            if (above := overriding_slot(command, target, others)) is not None:
                return above
            priority = None if slots is None else target.priority
            await self.session.write_property(target.present_value, encoded, priority)
            return await self._read_back(rule, command, target, clamped)
        except ValueError as error:
            return refused(command, error)
        except DeviceError as error:
            return failed(command, self._device.id, error)

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Release the point, and read back.

        An object with a priority array has our slot relinquished, whatever value is declared.
        """
        if point.write is not None and point.write.release.kind is ReleaseKind.SCHEDULE:
            return await self._schedules.release(point)
        try:
            target = write_target(point)
        except ValueError as error:
            return not_releasable(point.id, error)
        try:
            await self.session.identify(again=True)
            slots = await self._slots(target)
            if slots is None:
                return await self._put_back(point, target, at)
            return await self._relinquish(point, target, slots)
        except DeviceError as error:
            return still_held(point.id, self._device.id, error)

    async def watch(
        self,
        points: Sequence[Point],
        on_reading: OnReading,
        *,
        lifetime_s: int = LIFETIME_S,
        backstop_s: float = BACKSTOP_POLL_S,
        confirmed: bool = True,
    ) -> None:
        """Call ``on_reading`` with each change until cancelled: see ``drivers.bacnet.cov``."""
        await watch_changes(
            self.session,
            self,
            points,
            on_reading,
            lifetime_s=lifetime_s,
            backstop_s=backstop_s,
            confirmed=confirmed,
        )

    def notified(self, point: Point, found: Mapping[int, list[Tag]]) -> Reading | None:
        """The reading in a notification of changes, by property; None where it has none."""
        decoded = self._poller.notified(point, found)
        now = self._clock.now()
        return None if decoded is None else reading(point, decoded, now, now)

    async def logged(self, point: Point, after: datetime, before: datetime, most: int) -> LogAnswer:
        """The readings of the point's trend log: see ``drivers.bacnet.objects.trend_readings``."""
        span = LogSpan(after, before, most)
        return await logged_readings(self.session, point, span, self._profiles, self._zone)

    async def fingerprint(self) -> Fingerprint | None:
        """What the device says it is; None where it does not answer."""
        try:
            return await self.session.fingerprint()
        except DeviceError:
            return None

    async def clock(self) -> ShownTime | NoTime:
        """The time that the device shows; its drift is kept in the health counters."""
        return await shown_time(self.session, self._zone)

    async def set_clock(self) -> ShownTime | NoTime:
        """Set the device's clock where the site file allows that, and read it."""
        return await set_clock(self.session, self._zone)

    async def close(self) -> None:
        """Do nothing: the link belongs to all devices."""

    @property
    def health(self) -> HealthCounters:
        """Counters of the device's replies and errors."""
        return self.session.health

    def trace(self) -> tuple[BacnetExchange, ...]:
        """The last exchanges with the device, oldest first."""
        return self.session.trace.all()

    # Writing and giving back

    async def _slots(self, target: WriteTarget) -> dict[int, float | None] | None:
        """Occupied slots of the priority array; None when the object has none."""
        try:
            value = await self.session.read_property(target.priority_array)
        except DeviceRefusal as error:
            if error.code == "unknown-property":
                return None
            raise
        return values.occupied_slots(value)

    async def _without_minimum_time(
        self, target: WriteTarget, slots: dict[int, float | None]
    ) -> dict[int, float | None]:
        """The slots without the one of the object's own minimum on or off time (19.2.3)."""
        if MINIMUM_TIMES_SLOT not in slots:
            return slots
        if not await self._commandability.has_minimum_times(target.present_value):
            return slots
        return {slot: value for slot, value in slots.items() if slot != MINIMUM_TIMES_SLOT}

    async def _relinquish(
        self, point: Point, target: WriteTarget, slots: dict[int, float | None]
    ) -> ReleaseReceipt:
        left: dict[int, float | None] | None = slots
        if target.priority in slots:
            await self.session.write_property(target.present_value, values.NULL, target.priority)
            left = await self._slots(target)
        if left is None:
            return StillHeld(point.id, fact(ReceiptReason.SLOTS_GONE))
        if target.priority in left:
            return StillHeld(point.id, fact(ReceiptReason.SLOT_STILL_HELD, slot=target.priority))
        return Released(point.id, await self._effective(point))

    async def _put_back(self, point: Point, target: WriteTarget, at: datetime) -> ReleaseReceipt:
        """Write the release value of an object that has no priority array."""
        rule = point.write
        assert rule is not None
        if rule.release.kind is ReleaseKind.NULL:
            reason = fact(RefusalReason.NO_SLOTS, point=point.id)
            return StillHeld(point.id, reason, retryable=False)
        try:
            value = release_value(rule, at, self._zone)
            target = await self._profiles.target_now(point)
            encoded = target.encode(value)
        except ValueError as error:
            return not_releasable(point.id, error)
        await self.session.write_property(target.present_value, encoded)
        seen = await self._read_until_match(rule, target, value)
        if seen is None or not matches(rule, value, seen):
            reason = fact(ReceiptReason.GAVE_BACK_READS, value=value, seen=seen)
            return StillHeld(point.id, reason)
        return Released(point.id, seen)

    async def _effective(self, point: Point) -> float | None:
        try:
            (target,) = await self._profiles.targets([point])
            return await self._present(target)
        except (DeviceError, ValueError):
            return None  # it is released; its present value is only information

    async def _present(self, target: WriteTarget) -> float | None:
        value = await self.session.read_property(target.present_value)
        return target.shown(values.decode_number(value).value)

    async def _read_until_match(
        self, rule: WriteRule, target: WriteTarget, value: float
    ) -> float | None:
        """The read-back, repeated a few times because slow controllers take over values late."""
        seen = await self._present(target)
        for _ in range(_READ_BACKS - 1):
            if matches(rule, value, seen):
                break
            await asyncio.sleep(_READ_BACK_PAUSE_S)
            seen = await self._present(target)
        return seen

    async def _read_back(
        self, rule: WriteRule, command: Command, target: WriteTarget, clamped: LimitedValue
    ) -> Receipt:
        seen = await self._read_until_match(rule, target, clamped.value)
        arrived = seen is not None and matches(rule, clamped.value, seen)
        # somebody above us may have the very value that we wrote
        slots = await self._slots(target) or {} if rule.release.kind is ReleaseKind.NULL else {}
        others = await self._without_minimum_time(target, slots)
        above = overriding_slot(command, target, others)
        if above is not None:
            return above
        if rule.release.kind is ReleaseKind.NULL and target.priority not in slots:
            reason = fact(ReceiptReason.SLOT_EMPTY, slot=target.priority, seen=seen)
            return Failed(command, reason, retryable=True, read_back=seen)
        if arrived and seen is not None:
            return write_receipt(command, clamped, seen)
        if others != slots:
            return Waiting(command, seen)
        return mismatch_receipt(command, clamped.value, seen)


def _is_scheduled(point: Point) -> bool:
    return point.write is not None and point.write.release.kind is ReleaseKind.SCHEDULE


def _objection(point: str, rule: WriteRule, slots: dict[int, float | None] | None) -> Fact | None:
    """Why the declared kind of release does not suit the object; None where it does."""
    kind = rule.release.kind
    if slots is None and kind is ReleaseKind.NULL:
        return fact(RefusalReason.NO_SLOTS, point=point)
    if slots is not None and kind is not ReleaseKind.NULL:
        return fact(RefusalReason.SLOTS_WANT_NULL, point=point, declared=kind.value)
    return None
