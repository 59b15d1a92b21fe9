"""Finds the meters on an M-Bus line: by secondary address with wildcards, or one primary address
after the other (EN 13757-3, 11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

from bms.clock import SystemClock
from bms.errors import DeviceError
from bms.model.assets.address import MbusFunction, mbus_unit
from bms.model.assets.device import SerialLine
from bms.model.readings.device_units import device_scale
from drivers.discovery.inventory import FoundDevice, FoundObject
from drivers.discovery.site_draft import RECORD
from drivers.discovery.targets import host_and_port, serial_line
from drivers.fieldbus.errors import InvalidReply, NoReply
from drivers.mbus.link import LineBusy, LineDown, MbusEndpoint, MbusLink
from drivers.mbus.meter import MbusAnswer, MeterDialog, NotSelected
from drivers.mbus.record import DataRecord

FORMS = "HOST:PORT, [IPV6]:PORT, or serial:/dev/ttyUSB0?baud=2400&parity=even"
PRIMARIES = range(251)
TIMEOUT_S = 0.35
"""A meter begins to answer within 330 bit times and 50 ms, 0.19 s at 2 400 Bd (EN 13757-2)."""
OTHER_RECORD = "other-record"
"""The kind of a record that is no present value, or that only its maker can read."""
_DIGITS = "0123456789"
_LENGTH = 8
_MOST_TWICE = 5
"""How many numbers several meters may bear [1] before nothing on the line is believed."""
_USUAL_LINE = SerialLine(path="", baud=2400)
_SETTLE_S = 0.1

MbusProgress = Callable[[float, FoundDevice | None], None]
"""Called with the share of the addresses that is done, 0..1, and what was found there."""


def mbus_endpoint_at(target: str) -> MbusEndpoint:
    """The line of a target. Raises ValueError that says what is allowed."""
    kind, colon, rest = target.partition(":")
    if kind == "serial" and colon:
        return MbusEndpoint(serial=serial_line(target, rest, FORMS, _USUAL_LINE))
    return MbusEndpoint(*host_and_port(target, target, None, FORMS))


def _nobody(share: float, found: FoundDevice | None) -> None:
    return None


class MbusScan:
    """A search on one line. What was found stands in ``found`` at any time, also when it is
    cancelled; ``notes`` say what could not be found out."""

    def __init__(
        self, target: str, *, timeout_s: float = TIMEOUT_S, report: MbusProgress = _nobody
    ) -> None:
        self.found: list[FoundDevice] = []
        self.notes: list[str] = []
        self._endpoint = mbus_endpoint_at(target)
        self._link = MbusLink(self._endpoint, SystemClock(), settle_s=_SETTLE_S)
        self._report = report
        self._twice = 0
        zone = ZoneInfo("Europe/Copenhagen")
        self._once = MeterDialog(self._link, "search", timeout_s, zone, tries=1)

    async def by_secondary(self) -> None:
        """Search by wildcards: an address that several answer to is divided by its next digit.

        Raises ``LineDown`` where the line cannot be opened.
        """
        await self._search("", 0.0, 1.0)

    async def by_primary(self, addresses: Iterable[int] = PRIMARIES) -> None:
        """Ask each primary address. Raises ``LineDown`` where the line cannot be opened."""
        asked = tuple(addresses)
        for place, address in enumerate(asked):
            device = await self._at(address)
            self._keep(device)
            self._report((place + 1) / len(asked), device)

    async def close(self) -> None:
        """Close the line."""
        await self._link.close()

    async def _search(self, prefix: str, done: float, share: float) -> None:
        """The meters whose identification begins with ``prefix``; ``share`` of the whole search
        is for them, after ``done``."""
        if self._twice > _MOST_TWICE:
            return
        outcome = await self._selected(prefix)
        if isinstance(outcome, FoundDevice):
            self._keep(outcome)
            self._report(done + share, outcome)
        elif outcome is None:
            self._report(done + share, None)
        elif len(prefix) == _LENGTH:
            self._note_twice(prefix, outcome)
            self._report(done + share, None)
        else:
            for place, digit in enumerate(_DIGITS):
                part = share / len(_DIGITS)
                await self._search(prefix + digit, done + place * part, part)

    def _note_twice(self, number: str, outcome: DeviceError) -> None:
        self._twice += 1
        if self._twice > _MOST_TWICE:
            self.notes.append(
                "the search was given up: whatever is selected is answered, garbled;"
                " the line is disturbed, or this is no line of meters"
            )
        else:
            self.notes.append(f"several meters bear the number {number}: {outcome}")

    async def _selected(self, prefix: str) -> FoundDevice | InvalidReply | NoReply | None:
        """The one meter that answers, None where none does, or why several seem to."""
        secondary = prefix.ljust(_LENGTH, "F")
        try:
            async with self._link.dialog():
                answer = await self._once.read_secondary(secondary)
        except (LineDown, LineBusy):
            raise
        except NotSelected:
            return None
        except (InvalidReply, NoReply) as error:
            return error
        except DeviceError as error:
            self.notes.append(f"{secondary}: {error}")
            return None
        return self._described(answer, by_secondary=True)

    async def _at(self, address: int) -> FoundDevice | None:
        try:
            async with self._link.dialog():
                return self._described(await self._once.read_primary(address), by_secondary=False)
        except (LineDown, LineBusy):
            raise
        except NoReply:
            return None
        except DeviceError as error:
            self.notes.append(f"address {address}: {error}; two meters of one address?")
            return None

    def _keep(self, device: FoundDevice | None) -> None:
        known = {each.secondary for each in self.found if each.secondary is not None}
        if device is not None and (device.secondary is None or device.secondary not in known):
            self.found.append(device)

    def _described(self, answer: MbusAnswer, *, by_secondary: bool) -> FoundDevice:
        header, endpoint = answer.header, self._endpoint
        notes = [] if header is None else [each for each in (header.fault, header.warning) if each]
        if header is not None and header.encrypted:
            notes.append("it encrypts its answers")
        return FoundDevice(
            protocol="mbus",
            host=endpoint.host,
            port=endpoint.port,
            serial=endpoint.serial,
            primary=answer.address,
            secondary=header.secondary or None if header is not None and by_secondary else None,
            vendor=None if header is None else header.maker or None,
            model=None if header is None else header.fingerprint.model,
            serial_number=None if header is None else header.number or None,
            objects=tuple(_objects(answer.records)),
            notes=tuple(notes),
        )


def _objects(records: tuple[DataRecord, ...]) -> Iterable[FoundObject]:
    seen: dict[str, int] = {}
    for record in records:
        if record.quantity is None or record.modified:
            octets = record.header.hex().upper()
            text = f'{{record: "{octets}"}}'
            yield FoundObject(
                kind=OTHER_RECORD, instance=0, name=octets, value=_shown(record), record=text
            )
            continue
        keys = _keys(record)
        told = (f"{key}_{number}".removeprefix("function_") for key, number in keys)
        name = "_".join([record.quantity.value, *told])
        nth = seen[name] = seen.get(name, -1) + 1
        if nth:
            keys, name = [*keys, ("nth", nth)], f"{name}_nth_{nth}"
        given = ", ".join(f"{key}: {value}" for key, value in keys)
        record_text = f"{{quantity: {record.quantity}, {given}}}" if keys else record.quantity.value
        yield FoundObject(
            kind=RECORD if not keys else OTHER_RECORD,
            instance=0,
            name=name,
            unit=mbus_unit(record.quantity),
            value=_shown(record),
            error=record.problem,
            commandable=False,
            record=record_text,
        )


def _keys(record: DataRecord) -> list[tuple[str, object]]:
    """What tells a record from the present value of its quantity."""
    keys: list[tuple[str, object]] = []
    if record.function is not MbusFunction.INSTANTANEOUS:
        keys.append(("function", record.function.value))
    numbers = (("storage", record.storage), ("tariff", record.tariff), ("subunit", record.subunit))
    return [*keys, *((name, number) for name, number in numbers if number)]


def _shown(record: DataRecord) -> float | str | None:
    """The value as it is shown: a moment and a text as text."""
    if record.at is not None:
        return record.at.isoformat()
    if record.value is None or record.quantity is None:
        return record.text if record.text is not None else record.number
    scale = device_scale(record.unit, mbus_unit(record.quantity))
    return record.value if scale is None else scale.to_point(record.value)
