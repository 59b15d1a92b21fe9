"""Reads what a unit says it is, and compares it with the fingerprint of its site file (W1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

from bms.errors import DeviceError
from bms.model.assets.address import Table, TextAddress
from bms.model.assets.device import Fingerprint
from drivers.fieldbus.errors import InvalidReply, NoReply, PermanentRefusal, WrongDevice
from drivers.fieldbus.fingerprint import check_fingerprint
from drivers.modbus.frames import Request, read
from drivers.modbus.identification.objects import (
    BASIC,
    REGULAR,
    USER_APPLICATION,
    decode_identification,
    identification_request,
    vendor_model_firmware,
)
from drivers.modbus.link import LinkBusy, LinkDown
from drivers.modbus.register_codec import decode_text
from drivers.modbus.sunspec import NoSunSpec, ReadRegisters, common_block, find_base
from drivers.modbus.unit import ModbusUnit

Exchange = Callable[[Request], Awaitable[bytes]]
"""Sends a request; the payload of its checked reply."""

_ANSWERS_PER_CATEGORY = 8
_TEMPLATE_TEXTS = {"maker": "vendor", "model": "model", "serial_number": "serial", "name": "name"}
_COMMON_REGISTERS = 68
_COMMON_TEXTS = {"vendor": (2, 16), "model": (18, 16), "serial": (50, 16)}
"""Offset and length of the texts in a SunSpec common block [registers]."""


async def read_objects(exchange: Exchange, unit: int, objects: dict[int, str]) -> None:
    """Add the objects of the identification of ``unit``: basic and, where it has them, regular.

    Raises ``DeviceError``; what came before stays in ``objects``.
    """
    if await _category(exchange, unit, BASIC, objects):
        await _category(exchange, unit, REGULAR, objects)


async def _category(exchange: Exchange, unit: int, category: int, objects: dict[int, str]) -> bool:
    """Add the objects of a category; whether there are regular ones."""
    first, regular = 0, False
    for _ in range(_ANSWERS_PER_CATEGORY):
        request = identification_request(unit, category, first)
        identification = decode_identification(request, await exchange(request))
        objects.update(identification.objects)
        regular = identification.regular
        if identification.next_object is None:
            break
        first = identification.next_object
    return regular


def of_objects(objects: Mapping[int, str]) -> Fingerprint:
    """The fingerprint that these objects of an identification make."""
    vendor, model, _ = vendor_model_firmware(objects)
    return Fingerprint(vendor=vendor, model=model, name=objects.get(USER_APPLICATION) or None)


async def read_common_block(read_registers: ReadRegisters) -> Fingerprint:
    """The texts of the SunSpec common block, the first model. Raises ``DeviceError``."""
    base = await find_base(read_registers)
    image = common_block(await read_registers(Table.HOLDING, base, _COMMON_REGISTERS))
    return Fingerprint(
        **{
            name: decode_text(
                TextAddress(table=Table.HOLDING, address=0, registers=length),
                image[2 * start : 2 * (start + length)],
            )
            for name, (start, length) in _COMMON_TEXTS.items()
        }
    )


class UnitIdentity:
    """Who a unit is. Its identification is asked first, then SunSpec, then its template's texts.

    What it refused is not asked again until something does not fit.
    """

    def __init__(self, unit: ModbusUnit) -> None:
        self._unit = unit
        self._sources = {
            "function 43": self._identification,
            "SunSpec": self._sunspec,
            "template": self._template,
        }
        self._absent: set[str] = set()
        self._present: set[str] = set()
        if unit.device.fingerprint is not None:
            unit.compare = self.verify

    async def verify(self) -> None:
        """Compare the fingerprint of the site file, where there is one.

        Raises ``WrongDevice`` where the unit is another one or does not say enough, else
        ``DeviceError`` as the exchanges do.
        """
        device, health = self._unit.device, self._unit.health
        if device.fingerprint is None:
            return
        seen = await self.read(device.fingerprint.known)
        where = f"{self._unit.link.endpoint.name} unit {device.unit}"
        try:
            check_fingerprint(device, where, seen)
        except WrongDevice as error:
            self._absent.clear()
            health.wrong_device = str(error)
            raise
        health.wrong_device = None
        self._unit.compared_on = self._unit.link.opened

    async def read(self, wanted: Collection[str] = ("vendor", "model", "serial")) -> Fingerprint:
        """What the unit says of the ``wanted`` fields. Raises ``DeviceError``.

        Some units are silent to functions that they do not know: that counts as a refusal where
        they answer something else.
        """
        found: dict[str, str] = {}
        silent: NoReply | None = None
        for name, source in self._sources.items():
            if name in self._absent or set(wanted) <= found.keys():
                continue
            try:
                found = {**(await source()).known, **found}
                self._present.add(name)
            except (LinkBusy, LinkDown):
                raise
            except NoReply as error:
                if name in self._present:
                    raise
                silent = error
                continue
            except (PermanentRefusal, NoSunSpec, InvalidReply):
                self._absent.add(name)
        if silent is not None and not found:
            raise silent
        self._unit.health.fingerprint = seen = Fingerprint(**found)
        return seen

    async def _identification(self) -> Fingerprint:
        objects: dict[int, str] = {}
        await read_objects(self._unit.ask, self._unit.device.unit, objects)
        return of_objects(objects)

    async def _sunspec(self) -> Fingerprint:
        async def registers(table: Table, address: int, count: int) -> bytes:
            return await self._unit.ask(read(self._unit.device.unit, table, address, count))

        return await read_common_block(registers)

    async def _template(self) -> Fingerprint:
        found: dict[str, str | None] = {}
        for name, address in self._unit.device.texts:
            field = _TEMPLATE_TEXTS.get(name)
            if field is not None and address.model is None:
                found[field] = await self._text(address)
        return Fingerprint(**found)

    async def _text(self, address: TextAddress) -> str | None:
        unit = self._unit.device.unit
        request = read(unit, address.table, address.address, address.registers)
        try:
            return decode_text(address, await self._unit.ask(request))
        except PermanentRefusal:
            return None


async def fingerprint_of(identity: UnitIdentity) -> Fingerprint | None:
    """What the unit says it is; None where it says nothing or does not answer."""
    try:
        seen = await identity.read()
    except DeviceError:
        return None
    return seen if seen.known else None
