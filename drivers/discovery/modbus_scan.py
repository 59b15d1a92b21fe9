"""Finds the units on a Modbus line, with their identification and SunSpec models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bms.errors import DeviceError
from bms.model.assets.address import Table
from bms.model.assets.device import Fingerprint
from drivers.discovery.inventory import FoundDevice
from drivers.discovery.targets import endpoint_at
from drivers.fieldbus.errors import DeviceRefusal, InvalidReply, NoReply
from drivers.modbus.connection import Endpoint, ModbusConnection, ReplyTimeout
from drivers.modbus.frames import Request, payload, read
from drivers.modbus.identification.fingerprint import read_common_block, read_objects
from drivers.modbus.identification.objects import USER_APPLICATION, vendor_model_firmware
from drivers.modbus.sunspec import find_models

UNITS = range(1, 248)
TIMEOUT_S = 0.5
_CONNECT_S = 3.0
_QUIET_S = 0.05
_SAME_DEVICE = 20

OnProgress = Callable[[int, FoundDevice | None], None]
"""Called after each unit with the number of units asked so far, and what was found at this one."""


class NoConnection(NoReply):
    """The endpoint itself cannot be reached."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The units found, and why some units were not asked (None: all were)."""

    found: tuple[FoundDevice, ...]
    left_out: str | None = None


def _no_progress(asked: int, found: FoundDevice | None) -> None:
    return None


async def discover_modbus(
    target: str,
    *,
    units: Iterable[int] = UNITS,
    timeout_s: float = TIMEOUT_S,
    budget_s: float | None = None,
    report: OnProgress = _no_progress,
) -> ScanResult:
    """The units that reply, with their identification and SunSpec models.

    ``target`` is as in ``drivers.discovery.targets``. Each absent unit takes ``timeout_s``
    [s], and as long again on lines whose replies do not name their request. After ``budget_s`` [s]
    no further unit is asked. Nothing is written. Raises ``NoConnection`` when the line cannot be
    opened, ValueError for a malformed target.
    """
    line = _ScanConnection(endpoint_at(target), timeout_s)
    end = asyncio.get_running_loop().time() + budget_s if budget_s is not None else None
    found: list[FoundDevice] = []
    left_out = None
    try:
        for asked, unit in enumerate(units):
            if end is not None and asyncio.get_running_loop().time() >= end:
                left_out = f"unit {unit} and those after it were not asked: the time is over"
                break
            device = await _ModbusUnitScan(line, unit).device()
            found += [device] if device is not None else []
            report(asked + 1, device)
    except NoConnection as error:
        if not line.was_open:
            raise
        left_out = f"unit {unit} and those after it were not asked: {error}"
    finally:
        await line.close()
    return ScanResult(_without_echoes(tuple(found)), left_out)


def _without_echoes(found: tuple[FoundDevice, ...]) -> tuple[FoundDevice, ...]:
    """One device in place of many equal ones, where a device replies for every unit id."""
    says = {(each.vendor, each.model, each.firmware) for each in found}
    if len(found) <= _SAME_DEVICE or len(says) > 1:
        return found
    note = f"it answers for {len(found)} unit ids alike: most likely one device without a gateway"
    return (replace(found[0], notes=(*found[0].notes, note)),)


class _ScanConnection:
    """A connection with one request in flight.

    Where replies do not name their request, a late one could be taken for the next: the connection
    is dropped, and nothing is sent for another time-out. A gateway that answers with transaction
    numbers of its own is found out, and taken as it is from then on.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self.endpoint = endpoint
        self.was_open = False
        self._timeout_s = timeout_s
        self._connection: ModbusConnection | None = None
        self._transaction = 0
        self._free_at = 0.0

    async def exchange(self, request: Request) -> bytes:
        """Payload of the checked reply. Raises ``DeviceError`` as ``ModbusLink`` does."""
        connection = await self._ready()
        self._transaction = (self._transaction + 1) % 0x10000
        within_s = self._timeout_s + self.endpoint.transmission_s(request)
        quiet_s = self.endpoint.silent_interval_s
        try:
            return payload(request, *await connection.send(self._transaction, request, within_s))
        except ReplyTimeout as error:
            if error.other_numbers and not self.endpoint.any_transaction:
                self.endpoint = replace(self.endpoint, any_transaction=True)
                quiet_s = self._drop()
                raise InvalidReply("it answers with transaction numbers of its own") from None
            if not self.endpoint.has_transaction_ids:
                quiet_s = self._drop()
            raise
        except InvalidReply:
            quiet_s = self._drop()
            raise
        finally:
            self._free_at = asyncio.get_running_loop().time() + quiet_s

    async def close(self) -> None:
        self._drop()
        await asyncio.sleep(0)

    def _drop(self) -> float:
        """Drop the connection. Returns the time in which nothing may be sent [s]."""
        if self._connection is not None:
            self._connection.drop()
            self._connection = None
        return _QUIET_S if self.endpoint.has_transaction_ids else max(_QUIET_S, self._timeout_s)

    async def _ready(self) -> ModbusConnection:
        await asyncio.sleep(max(0.0, self._free_at - asyncio.get_running_loop().time()))
        if self._connection is None or not self._connection.open:
            self._drop()
            self._connection = await self._open()
            self.was_open = True
        return self._connection

    async def _open(self) -> ModbusConnection:
        name = self.endpoint.name
        try:
            return await self.endpoint.open(_CONNECT_S)
        except TimeoutError:
            text = f"no connection to {name} within {_CONNECT_S:g} s; {self._advice}"
            raise NoConnection(text) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise NoConnection(f"no connection to {name}: {reason}; {self._advice}") from error

    @property
    def _advice(self) -> str:
        if self.endpoint.serial is not None:
            return "is the adapter plugged in, and may this user open it (group dialout)?"
        return "check address and port, and whether it serves another client already"


class _ModbusUnitScan:
    """Reads the description of one unit."""

    def __init__(self, line: _ScanConnection, unit: int) -> None:
        self._line = line
        self._unit = unit
        self._notes: list[str] = []

    async def device(self) -> FoundDevice | None:
        """The device at the unit id; None where none replies."""
        if not await self._is_there():
            return None
        objects = await self._objects()
        vendor, model, firmware = vendor_model_firmware(objects)
        models = await self._sunspec()
        common = Fingerprint()
        if models:
            self._notes.append("SunSpec models " + ", ".join(map(str, models)))
            common = await self._common_block()
        endpoint = self._line.endpoint
        return FoundDevice(
            protocol="modbus",
            host=endpoint.host,
            port=endpoint.port,
            framing=endpoint.framing,
            serial=endpoint.serial,
            any_transaction=endpoint.any_transaction,
            unit=self._unit,
            name=objects.get(USER_APPLICATION) or None,
            vendor=vendor or common.vendor,
            model=model or common.model,
            serial_number=common.serial,
            firmware=firmware,
            notes=tuple(self._notes),
        )

    async def _is_there(self) -> bool:
        """Whether the unit replies to a read, be it with an exception; function 43 is optional.

        An invalid reply may be noise: the read is repeated once.
        """
        probe = read(self._unit, Table.HOLDING, 0, 1)
        for _ in range(2):
            try:
                await self._line.exchange(probe)
            except NoConnection:
                raise
            except NoReply:
                return False
            except DeviceRefusal:
                return True
            except InvalidReply as error:
                trouble = f"what it answers is garbled ({error})"
            else:
                return True
        self._notes.append(f"{trouble}: two units of one number, or another line setting?")
        return True

    async def _objects(self) -> dict[int, str]:
        """The objects of its identification, as far as it has one."""
        objects: dict[int, str] = {}
        try:
            await read_objects(self._line.exchange, self._unit, objects)
        except NoConnection:
            raise
        except DeviceError as error:
            if not objects:
                self._notes.append(f"it does not say what it is: {error}")
        else:
            if not any(objects.values()):
                self._notes.append("it does not say what it is: its identification is empty")
        return objects

    async def _registers(self, table: Table, address: int, count: int) -> bytes:
        return await self._line.exchange(read(self._unit, table, address, count))

    async def _sunspec(self) -> list[int]:
        try:
            return sorted(await find_models(self._registers))
        except NoConnection:
            raise
        except DeviceError:
            return []

    async def _common_block(self) -> Fingerprint:
        try:
            return await read_common_block(self._registers)
        except NoConnection:
            raise
        except DeviceError:
            return Fingerprint()
