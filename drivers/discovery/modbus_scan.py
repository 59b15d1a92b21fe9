"""Which units answer on a Modbus line, and what they say they are."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bms.errors import DeviceError
from bms.model.assets.address import Table
from drivers.discovery.inventory import FoundDevice
from drivers.discovery.modbus_identification import (
    BASIC,
    REGULAR,
    identify,
    identity,
    vendor_model_firmware,
)
from drivers.discovery.modbus_targets import endpoint_at
from drivers.fieldbus.errors import DeviceRefusal, InvalidReply, NoReply
from drivers.modbus.connection import Endpoint, ModbusConnection, ReplyTimeout
from drivers.modbus.frames import Request, payload, read
from drivers.modbus.sunspec import find_models

UNITS = range(1, 248)
TIMEOUT_S = 0.5
_CONNECT_S = 3.0
_QUIET_S = 0.05
_SAME_DEVICE = 20
_ANSWERS_PER_CATEGORY = 8

Report = Callable[[int, FoundDevice | None], None]
"""Called after each unit: how many were asked, and what was found at this one."""


class NoConnection(NoReply):
    """The endpoint itself cannot be reached."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found, and in words why some units were not asked (None when all were)."""

    found: tuple[FoundDevice, ...]
    left_out: str | None = None


def _nobody_looks(asked: int, found: FoundDevice | None) -> None:
    return None


async def discover_modbus(
    target: str,
    *,
    units: Iterable[int] = UNITS,
    timeout_s: float = TIMEOUT_S,
    budget_s: float | None = None,
    report: Report = _nobody_looks,
) -> Scan:
    """Units that answer, one after the other, with their identification and SunSpec models.

    ``target`` is as in ``drivers.discovery.modbus_targets``. ``timeout_s`` [s] is waited for each
    unit that is not there, and on lines whose replies name no request as long again in silence.
    After ``budget_s`` [s] no further unit is asked. Nothing is written. Raises ``NoConnection``
    when there is none from the start, ValueError for an unreadable target.
    """
    line = _Line(endpoint_at(target), timeout_s)
    end = asyncio.get_running_loop().time() + budget_s if budget_s is not None else None
    found: list[FoundDevice] = []
    left_out = None
    try:
        for asked, unit in enumerate(units):
            if end is not None and asyncio.get_running_loop().time() >= end:
                left_out = f"unit {unit} and those after it were not asked: the time is over"
                break
            device = await _Explorer(line, unit).device()
            found += [device] if device is not None else []
            report(asked + 1, device)
    except NoConnection as error:
        if not line.was_open:
            raise
        left_out = f"unit {unit} and those after it were not asked: {error}"
    finally:
        await line.close()
    return Scan(_without_echoes(tuple(found)), left_out)


def _without_echoes(found: tuple[FoundDevice, ...]) -> tuple[FoundDevice, ...]:
    """A device that answers for every unit id is one device, not hundreds."""
    says = {(each.vendor, each.model, each.firmware) for each in found}
    if len(found) <= _SAME_DEVICE or len(says) > 1:
        return found
    note = f"it answers for {len(found)} unit ids alike: most likely one device without a gateway"
    return (replace(found[0], notes=(*found[0].notes, note)),)


class _Line:
    """A connection with one request in flight.

    Where replies name no request, whoever did not answer in time may still do so: the connection is
    dropped and the line left alone for as long again before the next request.
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
        except ReplyTimeout:
            if not self.endpoint.has_transaction_ids:
                quiet_s = self._dropped()
            raise
        except InvalidReply:
            quiet_s = self._dropped()
            raise
        finally:
            self._free_at = asyncio.get_running_loop().time() + quiet_s

    async def close(self) -> None:
        self._dropped()
        await asyncio.sleep(0)

    def _dropped(self) -> float:
        """Drop the connection; how long to leave the line alone [s]."""
        if self._connection is not None:
            self._connection.drop()
            self._connection = None
        return _QUIET_S if self.endpoint.has_transaction_ids else max(_QUIET_S, self._timeout_s)

    async def _ready(self) -> ModbusConnection:
        await asyncio.sleep(max(0.0, self._free_at - asyncio.get_running_loop().time()))
        if self._connection is None or not self._connection.open:
            self._dropped()
            self._connection = await self._opened()
            self.was_open = True
        return self._connection

    async def _opened(self) -> ModbusConnection:
        name = self.endpoint.name
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await self.endpoint.open()
        except TimeoutError:
            text = f"no connection to {name} within {_CONNECT_S:g} s; {self._way_out}"
            raise NoConnection(text) from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise NoConnection(f"no connection to {name}: {reason}; {self._way_out}") from error

    @property
    def _way_out(self) -> str:
        if self.endpoint.serial is not None:
            return "is the adapter plugged in, and may this user open it (group dialout)?"
        return "check address and port, and whether it serves another client already"


class _Explorer:
    """Asks one unit for everything."""

    def __init__(self, line: _Line, unit: int) -> None:
        self._line = line
        self._unit = unit
        self._notes: list[str] = []

    async def device(self) -> FoundDevice | None:
        """What is at the unit id, None where nobody answers."""
        if not await self._is_there():
            return None
        vendor, model, firmware = vendor_model_firmware(await self._objects())
        models = await self._sunspec()
        if models:
            self._notes.append("SunSpec models " + ", ".join(map(str, models)))
        endpoint = self._line.endpoint
        return FoundDevice(
            protocol="modbus",
            host=endpoint.host,
            port=endpoint.port,
            framing=endpoint.framing,
            serial=endpoint.serial,
            unit=self._unit,
            vendor=vendor,
            model=model,
            firmware=firmware,
            notes=tuple(self._notes),
        )

    async def _is_there(self) -> bool:
        """Every unit answers a plain read somehow; not every one answers function 43 at all.

        What does not fit may be noise: it is asked for once more.
        """
        look = read(self._unit, Table.HOLDING, 0, 1)
        for _ in range(2):
            try:
                await self._line.exchange(look)
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
        """Its identification, as far as it gives one."""
        objects: dict[int, str] = {}
        try:
            if await self._category(BASIC, objects):
                await self._category(REGULAR, objects)
        except NoConnection:
            raise
        except DeviceError as error:
            if not objects:
                self._notes.append(f"it does not say what it is: {error}")
        else:
            if not any(objects.values()):
                self._notes.append("it does not say what it is: its identification is empty")
        return objects

    async def _category(self, category: int, objects: dict[int, str]) -> bool:
        """Add the objects of a category; whether there are regular ones."""
        first, regular = 0, False
        for _ in range(_ANSWERS_PER_CATEGORY):
            request = identify(self._unit, category, first)
            told = identity(request, await self._line.exchange(request))
            objects.update(told.objects)
            regular = told.regular
            if told.next_object is None:
                break
            first = told.next_object
        return regular

    async def _sunspec(self) -> list[int]:
        async def look(table: Table, address: int, count: int) -> bytes:
            return await self._line.exchange(read(self._unit, table, address, count))

        try:
            return sorted(await find_models(look))
        except NoConnection:
            raise
        except DeviceError:
            return []
