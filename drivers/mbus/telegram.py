"""The user data of a meter's answer: header and records (EN 13757-3, 6 and annex). Pure.

Whatever arrives is decoded as far as it can be: a record that makes no sense ends the list, and its
octets stay in ``Telegram.rest``. Nothing here raises but ``InvalidReply`` for an answer of a kind
that has no records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bms.model.assets.address import MbusFunction
from drivers.fieldbus.errors import InvalidReply, TemporaryRefusal
from drivers.mbus import value_types
from drivers.mbus.fixed_structure import fixed_records
from drivers.mbus.frames import UserData
from drivers.mbus.record import DataRecord, MeterHeader
from drivers.mbus.value_information import (
    EXTENSION,
    MAKERS_OWN,
    PLAIN_TEXT,
    Coding,
    ValueInformation,
    value_information,
)

_LONG_HEADER, _SHORT_HEADER, _NO_HEADER, _FIXED, _ERROR = 0x72, 0x7A, 0x78, 0x73, 0x70
_LONG_SIZE, _SHORT_SIZE, _NUMBER = 12, 4, 8
_MAKER_DATA, _MORE_FOLLOWS, _IDLE = 0x0F, 0x1F, 0x2F
_VARIABLE = 0x0D
_SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0)
_REAL, _FIRST_BCD, _LAST_BCD = 0x05, 0x09, 0x0E
_MOST_EXTENSIONS = 10
_MODE = 0x1F
_FUNCTIONS = tuple(MbusFunction)
_ERRORS = {
    0: "an application error", 1: "the CI field is not known to it", 2: "the buffer is too long",
    3: "too many records", 4: "the record ends too soon", 5: "more than 10 DIFEs",
    6: "more than 10 VIFEs", 8: "too many readouts: it has none left for now", 9: "busy",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Telegram:
    """One answer. ``rest`` is the maker's own data, and what could not be read; ``more`` says that
    another telegram follows."""

    header: MeterHeader | None
    records: tuple[DataRecord, ...]
    rest: bytes = b""
    more: bool = False


def identity(answer: UserData) -> bytes:
    """What stands in an answer of who gives it; empty where its kind does not say."""
    return answer.data[:_NUMBER] if answer.ci in (_LONG_HEADER, _FIXED) else b""


def content(answer: UserData) -> bytes:
    """An answer without its header, whose count of accesses changes."""
    sizes = {_SHORT_HEADER: _SHORT_SIZE, _NO_HEADER: 0}
    return answer.data[sizes.get(answer.ci, _LONG_SIZE) :]


def telegram(answer: UserData, zone: ZoneInfo) -> Telegram:
    """The content of an answer; its clock shows the time of ``zone``.

    Raises ``TemporaryRefusal`` for an application error, ``InvalidReply`` for an answer whose kind
    is not known here or whose header is cut off.
    """
    ci, data = answer.ci, answer.data
    if ci == _ERROR:
        code = data[0] if data else 0
        raise TemporaryRefusal(f"the meter answers: {_ERRORS.get(code, _ERRORS[0])}", code)
    if ci == _LONG_HEADER:
        return _with_long_header(data, zone)
    if ci == _FIXED:
        header, records = fixed_records(data)
        return Telegram(header, records)
    if ci == _SHORT_HEADER and len(data) >= _SHORT_SIZE:
        access, status = data[:2]
        rest = data[_SHORT_SIZE:]
        encrypted = _is_encrypted(data[3], rest)
        return _behind(MeterHeader(access=access, status=status, encrypted=encrypted), rest, zone)
    if ci == _NO_HEADER:
        return _records(None, data, zone)
    raise InvalidReply(f"an answer of kind {ci:02X} with {len(data)} octets")


def _with_long_header(data: bytes, zone: ZoneInfo) -> Telegram:
    if len(data) < _LONG_SIZE:
        raise InvalidReply(f"a header of {len(data)} octets")
    maker, rest = int.from_bytes(data[4:6], "little"), data[_LONG_SIZE:]
    header = MeterHeader(
        number=data[3::-1].hex().upper(),
        maker="".join(chr((maker >> shift & 0x1F) + 64) for shift in (10, 5, 0)),
        version=data[6],
        medium=data[7],
        access=data[8],
        status=data[9],
        encrypted=_is_encrypted(data[11], rest),
        wire=data[:8],
    )
    return _behind(header, rest, zone)


def _is_encrypted(configuration: int, rest: bytes) -> bool:
    """Whether a mode of encryption is set, and the fillers that decrypted data begin with lack."""
    return bool(configuration & _MODE) and not rest.startswith(b"\x2f\x2f")


def _behind(header: MeterHeader, rest: bytes, zone: ZoneInfo) -> Telegram:
    return Telegram(header, (), rest) if header.encrypted else _records(header, rest, zone)


def _records(header: MeterHeader | None, data: bytes, zone: ZoneInfo) -> Telegram:
    found: list[DataRecord] = []
    place = 0
    while place < len(data):
        first = data[place]
        if first == _IDLE:
            place += 1
        elif first & 0x0F == 0x0F:
            more = first == _MORE_FOLLOWS
            known = first in (_MAKER_DATA, _MORE_FOLLOWS)
            return Telegram(header, tuple(found), data[place + known :], more)
        else:
            record = _RecordReader(data, place, zone).record()
            if record is None:
                break
            found.append(record)
            place += len(record.header) + len(record.data) + (record.header[0] & 0x0F == _VARIABLE)
    return Telegram(header, tuple(found), data[place:])


class _RecordReader:
    """Reads one record, from its DIF on."""

    def __init__(self, data: bytes, start: int, zone: ZoneInfo) -> None:
        self._data = data
        self._start = self._place = start
        self._zone = zone
        self._variable = 0
        """The LVAR octet of data of variable length."""

    def record(self) -> DataRecord | None:
        """The record; None where it is cut off or of a length that is not known."""
        try:
            dif, difes = self._chain()
            information = self._value_information()
        except IndexError:
            return None
        header = self._data[self._start : self._place]
        size = self._size(dif & 0x0F)
        data = self._data[self._place : self._place + (size or 0)]
        if size is None or len(data) < size:
            return None
        storage, tariff, subunit = _numbers(dif, difes)
        meaning = information.meaning
        record = DataRecord(
            header=header,
            data=data,
            quantity=meaning.quantity,
            function=_FUNCTIONS[dif >> 4 & 0x03],
            storage=storage,
            tariff=tariff,
            subunit=subunit,
            modified=information.modified,
            unit=meaning.unit,
        )
        return self._with_value(record, dif & 0x0F, information)

    def _chain(self) -> tuple[int, bytes]:
        """An octet and the extensions that follow it. Raises IndexError where they are cut off."""
        first = self._place
        while self._data[self._place] & EXTENSION:
            self._place += 1
            if self._place - first > _MOST_EXTENSIONS:
                raise IndexError("more than ten extensions")
        self._place += 1
        return self._data[first], self._data[first + 1 : self._place]

    def _value_information(self) -> ValueInformation:
        vif = self._data[self._place]
        if vif & ~EXTENSION != PLAIN_TEXT:
            return value_information(*self._chain())
        self._place += 1
        self._place += 1 + self._data[self._place]  # the unit in letters: nothing is decided on it
        if vif & EXTENSION:
            self._chain()
        elif self._place > len(self._data):
            raise IndexError("a unit that is cut off")
        return value_information(MAKERS_OWN, b"")

    def _size(self, field: int) -> int | None:
        if field != _VARIABLE:
            return _SIZES[field]
        if self._place >= len(self._data):
            return None
        self._variable = self._data[self._place]
        self._place += 1
        return _variable_size(self._variable)

    def _with_value(
        self, record: DataRecord, field: int, information: ValueInformation
    ) -> DataRecord:
        """The record with what its data say."""
        found = _RecordValue()
        try:
            if information.problem is not None:
                raise value_types.NoValue(information.problem)
            found = self._value(record.data, field, information)
        except value_types.NoValue as problem:
            return replace(record, problem=str(problem))
        return replace(record, number=found.number, value=found.value, at=found.at, text=found.text)

    def _value(self, data: bytes, field: int, information: ValueInformation) -> _RecordValue:
        coding = information.meaning.coding
        if coding is Coding.TIME:
            at = value_types.moment(data, self._zone)
            return _RecordValue(number=at.timestamp(), value=at.timestamp(), at=at)
        if field == _VARIABLE and self._variable < _FIRST_NUMBER:
            return _RecordValue(text=value_types.text(data))
        number = self._number(data, field, flags=coding is Coding.FLAGS)
        return _RecordValue(number=float(number), value=_scaled(number, information))

    def _number(self, data: bytes, field: int, *, flags: bool) -> float:
        if field == _REAL:
            return value_types.real(data)
        if field == _VARIABLE:
            digits = value_types.bcd if self._variable < _FIRST_BINARY else value_types.integer
            return -digits(data) if _NEGATIVE <= self._variable < _FIRST_BINARY else digits(data)
        if _FIRST_BCD <= field <= _LAST_BCD:
            return value_types.bcd(data)
        return value_types.unsigned(data) if flags else value_types.integer(data)


@dataclass(frozen=True, slots=True)
class _RecordValue:
    """What the data of a record say, in one of four forms."""

    number: float | None = None
    value: float | None = None
    at: datetime | None = None
    text: str | None = None


_FIRST_NUMBER, _NEGATIVE, _FIRST_BINARY = 0xC0, 0xD0, 0xE0


def _variable_size(lvar: int) -> int | None:
    """Octets behind an LVAR octet (EN 13757-3, table 5); None where it is reserved."""
    if lvar < _FIRST_NUMBER:
        return lvar
    if lvar <= 0xEF:
        return lvar & 0x0F if lvar >= _FIRST_BINARY or lvar & 0x0F <= 9 else None
    return {0xF0: 16, 0xF1: 20, 0xF2: 24, 0xF3: 28, 0xF4: 32, 0xF5: 48, 0xF6: 64}.get(lvar)


def _numbers(dif: int, difes: bytes) -> tuple[int, int, int]:
    """Storage number, tariff and subunit."""
    storage, tariff, subunit = dif >> 6 & 0x01, 0, 0
    for place, dife in enumerate(difes):
        storage |= (dife & 0x0F) << (1 + 4 * place)
        tariff |= (dife >> 4 & 0x03) << (2 * place)
        subunit |= (dife >> 6 & 0x01) << place
    return storage, tariff, subunit


def _scaled(number: float, information: ValueInformation) -> float:
    """The number in the unit of the meaning, as the decimal that the meter shows."""
    meaning = information.meaning
    scaled = float(Decimal(repr(number)).scaleb(meaning.power))
    return scaled * meaning.factor + information.added
