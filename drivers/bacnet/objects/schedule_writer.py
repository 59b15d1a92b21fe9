"""Writes points through a Schedule object instead of their present value.

A write adds a special event that ends with the lease, in the device's own time, so that the
building's own programme acts again from that minute on, also without us and the network. A release
removes the event earlier. The weekly schedule and the events of others are never changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.assets.write_rule import WriteRule
from bms.model.control.command import (
    Command,
    Failed,
    Overridden,
    Receipt,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.device_clock import MOST_DRIFT_S
from bms.model.control.reasons import Holder
from bms.model.fact import MessageCode, fact
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.objects.command_state import occupied_above
from drivers.bacnet.objects.device_clock import read_clock, summer_time_changes
from drivers.bacnet.objects.exception_schedule import (
    ExceptionEntry,
    ScheduleState,
    encode_events,
    lease_events,
    read_entries,
    read_state,
    write_entries,
)
from drivers.bacnet.objects.profile import ObjectProfiles
from drivers.bacnet.objects.schedule import SpecialEvent
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import WriteTarget, overriding_slot
from drivers.fieldbus.errors import DeviceRefusal
from drivers.fieldbus.read_back import matches, write_receipt
from drivers.fieldbus.receipts import (
    Unwritable,
    failed,
    no_command_state,
    not_commandable,
    not_releasable,
    refused,
    still_held,
)
from drivers.fieldbus.write_limits import LimitedValue, clamp

LONGEST = timedelta(hours=12)
_TAKES_OVER_TIMEOUTS = 2
_READ_BACK_PAUSE_S = 0.2


class ScheduleReason(MessageCode):
    """Why a point could not be written or given back through its schedule."""

    LEASE_TOO_LONG = "exception_too_long"
    CLOCKS_CHANGE = "exception_over_clock_change"
    CLOCK_OFF = "exception_clock_off"
    PRIORITY_TAKEN = "exception_priority_taken"
    READS_BACK = "exception_reads_back_otherwise"
    STILL_STANDS = "exception_still_stands"
    COMMANDS_OTHERS = "schedule_commands_others"
    NOT_IN_EFFECT = "schedule_not_in_effect"


class ScheduleWriter:
    """Writes and releases through the Schedule objects of one device, in local time ``zone``."""

    def __init__(self, session: BacnetSession, profiles: ObjectProfiles, zone: tzinfo) -> None:
        self._session = session
        self._profiles = profiles
        self._zone = zone

    async def write(self, point: Point, command: Command) -> Receipt:
        """Replace our special events in the point's schedule by ones that end with the lease."""
        rule = point.write
        assert rule is not None
        try:
            instance = _schedule_of(rule)
            clamped = clamp(rule, command.value)
            self._check_lease(command)
            target = await self._profiles.writable(point)
            days = await self._days(command, target.raw(clamped.value), rule.priority)
            now = await read_state(self._session, instance)
            octets = [entry.octets for entry in _others(now, rule, instance)]
            ours = encode_events(days, now.datatype)
            above = await self._above(command, target, now)
            if above is not None:
                return above
            after = await write_entries(self._session, instance, [*octets, *ours])
            if not _shows(after, octets, days, rule):
                await self._undo(after, rule, instance)
                return Failed(command, fact(ScheduleReason.READS_BACK, schedule=instance), True)
            return await self._read_back(rule, command, target, clamped)
        except ValueError as error:
            return refused(command, error)
        except DeviceError as error:
            return failed(command, self._session.device.id, error)

    async def _undo(
        self, after: tuple[ExceptionEntry, ...], rule: WriteRule, instance: int
    ) -> None:
        """Remove what the device made of our event, by its priority, which no other event has.
        Without its Null it would last all day, and a release would not recognise it."""
        theirs = [entry.octets for entry in after if entry.priority != rule.priority]
        if len(theirs) < len(after):
            await write_entries(self._session, instance, theirs)

    async def release(self, point: Point) -> ReleaseReceipt:
        """Remove our special events, and read the list back."""
        rule = point.write
        assert rule is not None
        try:
            instance = _schedule_of(rule)
            await self._session.identify(again=True)
            entries = await read_entries(self._session, instance)
            others = [entry.octets for entry in entries if not entry.is_ours(rule.priority)]
            if len(others) < len(entries):
                entries = await write_entries(self._session, instance, others)
            if any(entry.is_ours(rule.priority) for entry in entries):
                reason = fact(ScheduleReason.STILL_STANDS, schedule=instance)
                return StillHeld(point.id, reason)
            return Released(point.id, await self._effective(point))
        except ValueError as error:
            return not_releasable(point.id, error)
        except DeviceError as error:
            return still_held(point.id, self._session.device.id, error)

    async def state(self, point: Point, at: datetime) -> CommandState | NoCommandState:
        """Who commands the point: our special event, slots above the schedule, and stronger
        special events of others."""
        rule = point.write
        assert rule is not None
        device = self._session.device.id
        try:
            instance = _schedule_of(rule)
            await self._session.identify(again=True)
            (target,) = await self._profiles.targets([point])
            now = await read_state(self._session, instance)
            effective = await self._present(target)
            slots = await self._occupied(target) or {}
        except ValueError as error:
            return not_commandable(point.id, error)
        except DeviceError as error:
            return no_command_state(point.id, device, error)
        ours = [entry for entry in now.entries if entry.is_ours(rule.priority)]
        return CommandState(
            point=point.id,
            at=at,
            effective=effective,
            own=target.shown(_value_of(ours[0])) if ours else None,
            above=occupied_above(slots, replace(target, priority=now.commands_at)),
            silent_at=self._session.health.silent_at,
        )

    def _check_lease(self, command: Command) -> None:
        """Raise ``Unwritable`` for a lease that no special event of the device can have."""
        now = self._session.clock.now()
        if not timedelta() < command.lease_end - now <= LONGEST:
            hours = LONGEST // timedelta(hours=1)
            raise Unwritable(fact(ScheduleReason.LEASE_TOO_LONG, hours=hours))
        if summer_time_changes(self._zone, now, command.lease_end):
            raise Unwritable(fact(ScheduleReason.CLOCKS_CHANGE))

    async def _days(
        self, command: Command, value: float, priority: int
    ) -> tuple[SpecialEvent, ...]:
        """The lease as special events in the device's time. Raises ``Unwritable`` for its clock."""
        clock = await read_clock(self._session, self._zone)
        if abs(clock.drift_s) > MOST_DRIFT_S:
            device = self._session.device.id
            raise Unwritable(fact(ScheduleReason.CLOCK_OFF, device=device, drift_s=clock.drift_s))
        start = clock.local.replace(tzinfo=None)
        end = start + (command.lease_end - self._session.clock.now())
        return lease_events(start, end, value, priority)

    async def _above(
        self, command: Command, target: WriteTarget, now: ScheduleState
    ) -> Overridden | None:
        """The outcome where a slot above that of the schedule is occupied, else None."""
        slots = await self._occupied(target)
        if slots is None:
            return None
        return overriding_slot(command, replace(target, priority=now.commands_at), slots)

    async def _occupied(self, target: WriteTarget) -> dict[int, float | None] | None:
        """The occupied slots; None where the schedule writes the value itself."""
        try:
            return values.occupied_slots(await self._session.read_property(target.priority_array))
        except DeviceRefusal as error:
            if error.code == "unknown-property":
                return None
            raise

    async def _read_back(
        self, rule: WriteRule, command: Command, target: WriteTarget, clamped: LimitedValue
    ) -> Receipt:
        """Whether the value acts: devices evaluate their schedules every few seconds only."""
        seen = await self._present(target)
        try:
            async with asyncio.timeout(_TAKES_OVER_TIMEOUTS * self._session.device.timeout_s):
                while not matches(rule, clamped.value, seen):
                    await asyncio.sleep(_READ_BACK_PAUSE_S)
                    seen = await self._present(target)
        except TimeoutError:
            return await self._why_not(rule, command, target, clamped, seen)
        assert seen is not None
        return write_receipt(command, clamped, seen)

    async def _why_not(
        self,
        rule: WriteRule,
        command: Command,
        target: WriteTarget,
        clamped: LimitedValue,
        seen: float | None,
    ) -> Receipt:
        instance = _schedule_of(rule)
        now = await read_state(self._session, instance)
        above = await self._above(command, target, now)
        if above is not None:
            return above
        shown = target.shown(now.value)
        numbers = {"schedule": instance, "shown": shown, "point": command.point, "seen": seen}
        if matches(rule, clamped.value, shown):
            return Failed(command, fact(ScheduleReason.COMMANDS_OTHERS, **numbers), False)
        stronger = [e for e in now.others(rule.priority) if e.priority < rule.priority]
        if stronger:
            by = fact(Holder.SCHEDULE_EXCEPTION, schedule=instance)
            return Overridden(command, None, shown, by)
        return Failed(command, fact(ScheduleReason.NOT_IN_EFFECT, **numbers), True)

    async def _effective(self, point: Point) -> float | None:
        try:
            (target,) = await self._profiles.targets([point])
            return await self._present(target)
        except (DeviceError, ValueError):
            return None  # it is released; its present value is only information

    async def _present(self, target: WriteTarget) -> float | None:
        value = await self._session.read_property(target.present_value)
        return target.shown(values.decode_number(value).value)


def _schedule_of(rule: WriteRule) -> int:
    instance = rule.release.schedule
    if instance is None:
        raise ValueError("the way back names no schedule")
    return instance


def _value_of(entry: ExceptionEntry) -> float | None:
    """The number that a special event of our form holds."""
    pairs = entry.day.time_values if entry.day is not None else ()
    return next((pair.value for pair in pairs if pair.value is not None), None)


def _others(now: ScheduleState, rule: WriteRule, instance: int) -> tuple[ExceptionEntry, ...]:
    """The events of others. Raises ``Unwritable`` when one has our priority and could be ours."""
    others = now.others(rule.priority)
    if any(entry.priority == rule.priority for entry in others):
        raise Unwritable(
            fact(ScheduleReason.PRIORITY_TAKEN, schedule=instance, priority=rule.priority)
        )
    return others


def _shows(
    after: tuple[ExceptionEntry, ...],
    others: list[bytes],
    days: tuple[SpecialEvent, ...],
    rule: WriteRule,
) -> bool:
    """Whether the list reads back as written: the events of others unchanged, ours as encoded."""
    ours = [entry for entry in after if entry.is_ours(rule.priority)]
    theirs = [entry.octets for entry in after if not entry.is_ours(rule.priority)]
    return (
        theirs == others
        and len(ours) == len(days)
        and all(entry.equals(day) for entry, day in zip(ours, days, strict=True))
    )
