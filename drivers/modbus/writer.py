"""Writing a point of a unit and giving it back. Only what reads back is believed."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.errors import ConfigError, DeviceError
from bms.model.assets.address import ModbusAddress, Table
from bms.model.assets.point import Point
from bms.model.assets.write_rule import ReleaseKind, WriteRule
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.control.reasons import Holder, ReceiptReason, RefusalReason
from bms.model.fact import fact
from drivers.fieldbus.errors import Refusal
from drivers.fieldbus.receipts import failed, not_releasable, refused, still_held
from drivers.fieldbus.write_budget import UNLIMITED, Budget, BudgetSpent
from drivers.fieldbus.write_budget_log import WearBook
from drivers.fieldbus.write_limits import Fitted, fit, own_value, receipt, stands
from drivers.modbus.unit import ModbusUnit

_LOG = logging.getLogger(__name__)
_WRITABLE = (Table.HOLDING, Table.COIL)
_LOOKS = 3
_LOOK_AGAIN_S = 0.1


class ModbusWriter:
    """Writes points of one unit.

    A value that stands already is not written again, unless the device expects to be written to
    (``watchdog_s``); a release always is. Every write of a register that has a budget is counted in
    the wear book before it leaves, and every release after.
    """

    def __init__(self, unit: ModbusUnit, timezone: str, wear: WearBook) -> None:
        self._unit = unit
        self._zone = ZoneInfo(timezone)
        self._wear = wear
        self._beat_of: datetime | None = None
        self._beat = 0.0

    async def write(self, point: Point, command: Command) -> Receipt:
        """Write and read back. Only holding registers and coils with a write rule are written."""
        rule, address = point.write, point.address
        if rule is None or not isinstance(address, ModbusAddress):
            return Refused(command, fact(RefusalReason.NOT_WRITABLE, point=point.id))
        if address.table not in _WRITABLE:
            return refused(command, ValueError(f"a {address.table} register is not written"))
        if rule.release.kind is ReleaseKind.NULL:
            return Refused(command, fact(RefusalReason.NO_SLOTS, point=point.id))
        try:
            fitted = fit(rule, command.value)
            self._check(rule, address, fitted)
        except ValueError as error:
            return refused(command, error)
        try:
            result = await self._write(command, rule, address, fitted)
        except BudgetSpent as spent:
            return Refused(command, spent.reason)
        except ConfigError as error:
            reason = fact(RefusalReason.WEAR_UNKNOWN, point=point.id, text=str(error))
            return Refused(command, reason)
        except DeviceError as error:
            return failed(command, self._unit.device.id, error)
        if isinstance(result, (Accepted, Clamped)):
            await self._toggle_heartbeat(command.issued_at)
        return result

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt:
        """Give the point back the way that it declares, and believe only what reads back."""
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

    def _check(self, rule: WriteRule, address: ModbusAddress, fitted: Fitted) -> None:
        """Raises ValueError for what could not be written, or not be given back."""
        self._unit.put(address, fitted.value)
        if rule.release.kind is ReleaseKind.REMOTE_ENABLE:
            self._unit.put(_enable(rule), 0)
        else:
            own_value(rule, self._unit.clock.now(), self._zone)

    async def _write(
        self, command: Command, rule: WriteRule, address: ModbusAddress, fitted: Fitted
    ) -> Receipt:
        """The value goes first: were the enable bit first, an old value would act in between."""
        remote = rule.release.kind is ReleaseKind.REMOTE_ENABLE
        enabled = not remote or await self._shows(_enable(rule), 1)
        again = rule.watchdog_s is not None
        if again or not (enabled and await self._shows(address, fitted.value)):
            await self._put(rule, address, fitted.value)
        if remote and (again or not enabled):
            await self._put(rule, _enable(rule), 1)
        return await self._read_back(command, rule, address, fitted)

    async def _shows(self, address: ModbusAddress, value: float) -> bool:
        """Whether writing would change nothing. What cannot be read has to be written."""
        try:
            seen = (await self._unit.look(address)).value
        except Refusal:
            return False
        return seen is not None and self._unit.put(address, seen) == self._unit.put(address, value)

    async def _put(self, rule: WriteRule, address: ModbusAddress, value: float) -> None:
        budget = Budget(rule.writes_per_day, rule.writes_lifetime)
        if budget.limited:
            await self._spend(address, budget)
        await self._unit.ask(self._unit.put(address, value))

    async def _give_back(self, rule: WriteRule, address: ModbusAddress, value: float) -> None:
        """A release is counted, but neither refused nor spared: an old value in a gateway's cache
        must not keep a building held, which is worse than wear. Nor does it wait for the book: a
        disk that hangs must not keep it held either."""
        try:
            await self._unit.ask(self._unit.put(address, value))
        except DeviceError:
            await self._count(rule, address)  # it may have arrived all the same
            raise
        await self._count(rule, address)

    async def _count(self, rule: WriteRule, address: ModbusAddress) -> None:
        if not Budget(rule.writes_per_day, rule.writes_lifetime).limited:
            return
        try:
            await self._spend(address, UNLIMITED)
        except ConfigError as error:
            _LOG.warning("%s: a release is not counted: %s", self._unit.device.id, error)

    async def _spend(self, address: ModbusAddress, budget: Budget) -> None:
        """In a thread: the book waits for a disk, and the line's other devices do not."""
        register, day = self._register(address), self._unit.clock.now().date()
        await asyncio.to_thread(self._wear.spend, register, day, budget)

    def _register(self, address: ModbusAddress) -> str:
        return f"{self._unit.device.id} {address.table} {address.address}"

    async def _read_back(
        self, command: Command, rule: WriteRule, address: ModbusAddress, fitted: Fitted
    ) -> Receipt:
        remote = rule.release.kind is ReleaseKind.REMOTE_ENABLE
        look = self._unit.look
        if remote and (await look(_enable(rule))).value != 1:
            return Overridden(command, None, (await look(address)).value, fact(Holder.LOCAL))
        seen = await self._look_until(rule, address, fitted.value)
        if seen is not None and stands(rule, fitted.value, seen):
            return receipt(command, fitted, seen)
        if remote and seen is not None:
            return Overridden(command, None, seen, fact(Holder.LOCAL))
        reason = fact(ReceiptReason.READS_BACK, wrote=fitted.value, seen=seen)
        return Failed(command, reason, retryable=True)

    async def _disable(self, point: str, rule: WriteRule, address: ModbusAddress) -> ReleaseReceipt:
        enable = _enable(rule)
        await self._give_back(rule, enable, 0)
        seen = (await self._unit.look(enable)).value
        if seen != 0:
            return StillHeld(point, fact(ReceiptReason.ENABLE_STILL_SET, seen=seen))
        try:
            effective = (await self._unit.look(address)).value
        except DeviceError:
            effective = None  # it is given back; what stands now is only news
        return Released(point, effective)

    async def _put_back(
        self, point: str, rule: WriteRule, address: ModbusAddress, at: datetime
    ) -> ReleaseReceipt:
        value = own_value(rule, at, self._zone)
        await self._give_back(rule, address, value)
        seen = await self._look_until(rule, address, value)
        if seen is None or not stands(rule, value, seen):
            return StillHeld(point, fact(ReceiptReason.GAVE_BACK_READS, value=value, seen=seen))
        return Released(point, seen)

    async def _look_until(
        self, rule: WriteRule, address: ModbusAddress, value: float
    ) -> float | None:
        """The read-back, looked at a few times while a slow controller takes the value over."""
        seen = (await self._unit.look(address)).value
        for _ in range(_LOOKS - 1):
            if stands(rule, value, seen):
                break
            await asyncio.sleep(_LOOK_AGAIN_S)
            seen = (await self._unit.look(address)).value
        return seen

    async def _toggle_heartbeat(self, tick: datetime) -> None:
        """Once in each round of writes; a missed beat is the device's to notice, not a failure."""
        heartbeat = self._unit.device.heartbeat
        if heartbeat is None or self._beat_of == tick:
            return
        self._beat_of, self._beat = tick, 1.0 - self._beat
        try:
            await self._unit.ask(self._unit.put(heartbeat, self._beat))
        except (DeviceError, ValueError) as error:
            _LOG.warning("%s: heartbeat: %s", self._unit.device.id, error)


def _enable(rule: WriteRule) -> ModbusAddress:
    if rule.release.enable is None:
        raise ValueError("remote_enable without an enable register")
    return rule.release.enable
