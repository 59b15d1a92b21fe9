"""Writes and releases points of a unit; the outcome is that of the read-back."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.errors import ConfigError, DeviceError
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.point import Point
from bms.model.assets.protected import protection_of
from bms.model.assets.write_rule import ReleaseKind, WriteRule
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.control.reasons import Holder, ReceiptReason, RefusalReason
from bms.model.fact import fact
from drivers.fieldbus.errors import DeviceRefusal
from drivers.fieldbus.read_back import matches, mismatch_receipt, write_receipt
from drivers.fieldbus.receipts import failed, not_releasable, protected, refused, still_held
from drivers.fieldbus.release_values import release_value
from drivers.fieldbus.write_budget import UNLIMITED, WriteBudget, WriteBudgetExhausted
from drivers.fieldbus.write_budget_log import WriteCounter
from drivers.fieldbus.write_limits import LimitedValue, clamp
from drivers.modbus.unit import ModbusUnit

_LOG = logging.getLogger(__name__)
_WRITABLE = (Table.HOLDING, Table.COIL)
_READ_BACKS = 3
_READ_BACK_PAUSE_S = 0.1


class ModbusWriter:
    """Writes points of one unit.

    A value that the register has already is not written again, unless the device has a watchdog
    (``watchdog_s``); a release always writes. A write of a register with a write budget is counted
    before it is sent, a release after.
    """

    def __init__(self, unit: ModbusUnit, timezone: str, write_counter: WriteCounter) -> None:
        self._unit = unit
        self._zone = ZoneInfo(timezone)
        self._write_counter = write_counter
        self._heartbeat_tick: datetime | None = None
        self._heartbeat_value = 0.0

    async def write(self, point: Point, command: Command) -> Receipt:
        """Write and read back. Only holding registers and coils with a write rule are written."""
        rule, address = point.write, point.address
        if rule is None or not isinstance(address, ModbusAddress):
            return Refused(command, fact(RefusalReason.NOT_WRITABLE, point=point.id))
        found = protection_of(point)
        if found is not None:
            return refused(command, protected(point.id, found))
        if address.table not in _WRITABLE:
            return refused(command, ValueError(f"a {address.table} register is not written"))
        if rule.release.kind is ReleaseKind.NULL:
            return Refused(command, fact(RefusalReason.NO_SLOTS, point=point.id))
        try:
            clamped = clamp(rule, command.value)
            self._check(rule, address, clamped)
        except ValueError as error:
            return refused(command, error)
        try:
            result = await self._write(command, rule, address, clamped)
        except WriteBudgetExhausted as spent:
            return Refused(command, spent.reason)
        except ConfigError as error:
            reason = fact(RefusalReason.WEAR_UNKNOWN, point=point.id, text=str(error))
            return Refused(command, reason)
        except DeviceError as error:
            return failed(command, self._unit.device.id, error)
        if isinstance(result, (Accepted, Clamped)):
            await self.beat(command.issued_at)
        return result

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Release the point as it declares, and read back."""
        rule, address = point.write, point.address
        if rule is None or not isinstance(address, ModbusAddress):
            reason = fact(RefusalReason.NOT_WRITABLE, point=point.id)
            return StillHeld(point.id, reason, retryable=False)
        try:
            if rule.release.kind is ReleaseKind.REMOTE_ENABLE:
                return await self._disable(point.id, rule, address)
            return await self._put_back(point.id, rule, address, at)
        except ValueError as error:
            return not_releasable(point.id, error)
        except DeviceError as error:
            return still_held(point.id, self._unit.device.id, error)

    def _check(self, rule: WriteRule, address: ModbusAddress, clamped: LimitedValue) -> None:
        """Raise ValueError for what could not be written or not be released."""
        self._unit.write_request(address, clamped.value)
        if rule.release.kind is ReleaseKind.REMOTE_ENABLE:
            self._unit.write_request(_enable(rule), 0)
        else:
            release_value(rule, self._unit.clock.now(), self._zone)

    async def _write(
        self, command: Command, rule: WriteRule, address: ModbusAddress, clamped: LimitedValue
    ) -> Receipt:
        """The value is written before the enable bit: else an old value would act in between."""
        remote = rule.release.kind is ReleaseKind.REMOTE_ENABLE
        enabled = not remote or await self._already_reads(_enable(rule), 1)
        again = rule.watchdog_s is not None
        if again or not (enabled and await self._already_reads(address, clamped.value)):
            await self._put(rule, address, clamped.value)
        if remote and (again or not enabled):
            await self._put(rule, _enable(rule), 1)
        return await self._read_back(command, rule, address, clamped)

    async def _already_reads(self, address: ModbusAddress, value: float) -> bool:
        """Whether the register has the value already; False where it cannot be read."""
        try:
            seen = (await self._unit.read_value(address)).value
        except DeviceRefusal:
            return False
        return seen is not None and self._unit.write_request(
            address, seen
        ) == self._unit.write_request(address, value)

    async def _put(self, rule: WriteRule, address: ModbusAddress, value: float) -> None:
        budget = WriteBudget(rule.writes_per_day, rule.writes_lifetime)
        if budget.limited:
            await self._spend(address, budget)
        await self._unit.write_value(address, value)

    async def _give_back(self, rule: WriteRule, address: ModbusAddress, value: float) -> None:
        """A release is written whatever the budget and the value read, because an old value in the
        cache of a gateway must not keep a point held. It is counted afterwards, because a disk that
        hangs must not delay it."""
        try:
            await self._unit.write_value(address, value)
        except DeviceError:
            await self._count(rule, address)  # it may have arrived all the same
            raise
        await self._count(rule, address)

    async def _count(self, rule: WriteRule, address: ModbusAddress) -> None:
        if not WriteBudget(rule.writes_per_day, rule.writes_lifetime).limited:
            return
        try:
            await self._spend(address, UNLIMITED)
        except ConfigError as error:
            _LOG.warning("%s: a release is not counted: %s", self._unit.device.id, error)

    async def _spend(self, address: ModbusAddress, budget: WriteBudget) -> None:
        """In a thread: the counter waits for a disk, and other devices must not wait with it."""
        register, day = self._register(address), self._unit.clock.now().date()
        await asyncio.to_thread(self._write_counter.spend, register, day, budget)

    def _register(self, address: ModbusAddress) -> str:
        return f"{self._unit.device.id} {address.table} {address.address}"

    async def _read_back(
        self, command: Command, rule: WriteRule, address: ModbusAddress, clamped: LimitedValue
    ) -> Receipt:
        remote = rule.release.kind is ReleaseKind.REMOTE_ENABLE
        look = self._unit.read_value
        if remote and (await look(_enable(rule))).value != 1:
            return Overridden(command, None, (await look(address)).value, fact(Holder.LOCAL))
        seen = await self._read_until_match(rule, address, clamped.value)
        if seen is not None and matches(rule, clamped.value, seen):
            return write_receipt(command, clamped, seen)
        if remote and seen is not None:
            return Overridden(command, None, seen, fact(Holder.LOCAL))
        return mismatch_receipt(command, clamped.value, seen)

    async def _disable(self, point: str, rule: WriteRule, address: ModbusAddress) -> ReleaseReceipt:
        enable = _enable(rule)
        await self._give_back(rule, enable, 0)
        seen = (await self._unit.read_value(enable)).value
        if seen != 0:
            return StillHeld(point, fact(ReceiptReason.ENABLE_STILL_SET, seen=seen))
        try:
            effective = (await self._unit.read_value(address)).value
        except DeviceError:
            effective = None  # it is released; its present value is only information
        return Released(point, effective)

    async def _put_back(
        self, point: str, rule: WriteRule, address: ModbusAddress, at: datetime
    ) -> ReleaseReceipt:
        value = release_value(rule, at, self._zone)
        await self._give_back(rule, address, value)
        seen = await self._read_until_match(rule, address, value)
        if seen is None or not matches(rule, value, seen):
            return StillHeld(point, fact(ReceiptReason.GAVE_BACK_READS, value=value, seen=seen))
        return Released(point, seen)

    async def _read_until_match(
        self, rule: WriteRule, address: ModbusAddress, value: float
    ) -> float | None:
        """The read-back, repeated a few times because slow controllers take over values late."""
        seen = (await self._unit.read_value(address)).value
        for _ in range(_READ_BACKS - 1):
            if matches(rule, value, seen):
                break
            await asyncio.sleep(_READ_BACK_PAUSE_S)
            seen = (await self._unit.read_value(address)).value
        return seen

    async def beat(self, tick: datetime) -> None:
        """Toggle once in each round of writes; a failure is logged only: the device notices it."""
        heartbeat = self._unit.device.heartbeat
        if not isinstance(heartbeat, ModbusAddress) or self._heartbeat_tick == tick:
            return
        self._heartbeat_tick, self._heartbeat_value = tick, 1.0 - self._heartbeat_value
        try:
            await self._unit.write_value(heartbeat, self._heartbeat_value)
        except (DeviceError, ValueError) as error:
            _LOG.warning("%s: heartbeat: %s", self._unit.device.id, error)


def _enable(rule: WriteRule) -> ModbusAddress:
    if rule.release.enable is None:
        raise ValueError("remote_enable without an enable register")
    return rule.release.enable
