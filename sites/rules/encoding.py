"""Whether the number of a register or object can be what the site file writes there (clause W3).

A value is written as ``(value - offset) / scale``: a whole number within its type, or a float that
has too few digits for a fine step of a large number. What is rounded on its way reads back as
something else, and the write counts as failed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bms.model.assets.address import (
    BacnetAddress,
    DataType,
    ModbusAddress,
    NetworkAddress,
    Table,
)
from bms.model.assets.point import Role
from bms.model.readings.device_units import SAME, LinearScale, device_scale
from bms.model.readings.units import Unit
from sites.parsed_site import ParsedSite, modbus_address
from sites.rules.ventilation import timetable_values
from sites.schema.sections import Section
from sites.schema.yaml_tree import MistakeReport

USUAL_RESOLUTION = 0.1
"""Of a point whose site file states none, where its number has steps that are as small."""
_SLACK = 1e-6
_MASK_WRITE = 22
_COIL_FUNCTIONS = (5, 15)
_TEMPERATURES = (Unit.DEG_C, Unit.KELVIN)


@dataclass(frozen=True, slots=True)
class RawNumbers:
    """The numbers that a register, a field of it or an object holds: whole ones, or floats of
    ``digits`` significant bits; ``name`` is what messages call them, ``scaled`` how a raw number
    becomes a value."""

    name: str
    low: float
    high: float
    scaled: LinearScale = SAME
    digits: int | None = None

    def raw(self, value: float) -> float:
        """The number that stands for a value, before it is rounded."""
        return self.scaled.to_device(value)

    @property
    def step(self) -> float | None:
        """The smallest step of a value; None for floats, whose step grows with the number."""
        return None if self.digits is not None else abs(self.scaled.scale)

    @property
    def span(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        ends = sorted(map(self.scaled.to_point, (self.low, self.high)))
        return ends[0], ends[1]

    def holds(self, value: float) -> bool:
        """Whether a value lies within the range of the type."""
        return self.low - _SLACK <= self.raw(value) <= self.high + _SLACK

    def is_exact(self, value: float) -> bool:
        """Whether a value is one of the steps."""
        return self.digits is not None or _is_whole(self.raw(value))


_FLOAT32 = 3.4028234663852886e38
_FLOAT64 = 1.7976931348623157e308
_TYPES = {
    DataType.INT8: (-(2**7), 2**7 - 1, None),
    DataType.UINT8: (0, 2**8 - 1, None),
    DataType.INT16: (-(2**15), 2**15 - 1, None),
    DataType.UINT16: (0, 2**16 - 1, None),
    DataType.INT32: (-(2**31), 2**31 - 1, None),
    DataType.UINT32: (0, 2**32 - 1, None),
    DataType.INT64: (-(2**63), 2**63 - 1, None),
    DataType.UINT64: (0, 2**64 - 1, None),
    DataType.FLOAT32: (-_FLOAT32, _FLOAT32, 24),
    DataType.FLOAT64: (-_FLOAT64, _FLOAT64, 53),
    DataType.FLOAT16: (-65504, 65504, 11),
    DataType.BCD16: (0, 10**4 - 1, None),
    DataType.BCD32: (0, 10**8 - 1, None),
    DataType.BCD48: (0, 10**12 - 1, None),
    DataType.MOD10K32: (0, 10**8 - 1, None),
    DataType.MOD10K48: (0, 10**12 - 1, None),
    DataType.MOD10K64: (0, 10**16 - 1, None),
    DataType.EPOCH32: (0, 2**32 - 1, None),
    DataType.BIT: (0, 1, None),
}
_OBJECTS = {
    "binary-output": (0, 1, None),
    "binary-value": (0, 1, None),
    "multi-state-output": (1, 2**32 - 1, None),
    "multi-state-value": (1, 2**32 - 1, None),
    "integer-value": (-(2**31), 2**31 - 1, None),
    "positive-integer-value": (0, 2**32 - 1, None),
    "analog-output": (-_FLOAT32, _FLOAT32, 24),
    "analog-value": (-_FLOAT32, _FLOAT32, 24),
    "large-analog-value": (-_FLOAT64, _FLOAT64, 53),
}


def raw_numbers(point: Section, address: NetworkAddress) -> RawNumbers | None:
    """What the address of a point holds; None where its numbers are not known to be of a kind."""
    if isinstance(address, ModbusAddress):
        return _of_register(address)
    if not isinstance(address, BacnetAddress):
        return None
    known = _OBJECTS.get(address.object_type)
    scaled = _scale_of_object(point, address)
    if known is None or scaled is None:
        return None
    return RawNumbers(address.object_type, known[0], known[1], scaled, known[2])


def _of_register(address: ModbusAddress) -> RawNumbers:
    scaled = LinearScale(address.scale, address.offset)
    if address.bit is not None or address.table in (Table.COIL, Table.DISCRETE):
        return RawNumbers("a bit", 0, 1, scaled)
    if address.mask is not None:
        return RawNumbers(f"the field {address.mask:#x}", 0, address.mask >> address.shift, scaled)
    low, high, digits = _TYPES[address.type]
    return RawNumbers(address.type, low, high, scaled, digits)


def _scale_of_object(point: Section, address: BacnetAddress) -> LinearScale | None:
    if address.scale is not None or address.offset is not None:
        return LinearScale(address.scale or 1.0, address.offset or 0.0)
    unit = point.get("unit")
    if address.unit is None or unit is None:
        return SAME
    return device_scale(
        address.unit, Unit(unit), shift=point.get("role") == Role.HEATING_CURVE_SHIFT
    )


def fill_in_resolutions(parsed: ParsedSite) -> None:
    """Where no resolution is stated it is 0.1, or the next whole step of the number above that."""
    for point in parsed.points:
        write = point.get("write")
        if write is None or not write.lacks("resolution"):
            continue
        address = parsed.address(point)
        numbers = None if address is None else raw_numbers(point, address)
        write.values["resolution"] = _usual_resolution(point, numbers)


def _usual_resolution(point: Section, numbers: RawNumbers | None) -> float:
    if point.get("unit") == Unit.ON_OFF:
        return 1.0
    if numbers is None or numbers.step is None:
        return USUAL_RESOLUTION
    steps = math.ceil(USUAL_RESOLUTION / numbers.step - _SLACK)
    return float(f"{max(1, steps) * numbers.step:.12g}")


def check_encoding(parsed: ParsedSite, report: MistakeReport) -> None:
    """Report what is to be written, and cannot be written as it stands."""
    for device in parsed.sections("devices"):
        _takes_both(device, "heartbeat", report)
    for point in parsed.points:
        write, address = point.get("write"), parsed.address(point)
        if isinstance(address, ModbusAddress):
            _sign(point, address, report)
        if write is None or address is None:
            continue
        _takes_both(write.get("release"), "enable", report)
        if isinstance(address, ModbusAddress) and (flaw := _unwritable(address)) is not None:
            report.add(write.where, f"write: {flaw}")
            continue
        numbers = raw_numbers(point, address)
        if numbers is not None:
            _values(parsed, point, write, numbers, report)
        if isinstance(address, ModbusAddress):
            _sentinels(write, address, report)


def _sign(point: Section, address: ModbusAddress, report: MistakeReport) -> None:
    """A temperature below zero in a register without a sign is a very hot one."""
    low, numbers = point.get("low"), _of_register(address)
    if low is None or point.lacks("modbus") or point.get("unit") not in _TEMPERATURES:
        return
    if low < numbers.span[0] - _SLACK and low < 0:
        report.add(
            point.at("low"), f"low {low:g}: {_described(numbers)}, which has nothing below that"
        )


def _unwritable(address: ModbusAddress) -> str | None:
    """Why the register cannot be written at all, or not by the function that is stated."""
    function = address.write_function
    if address.exponent is not None:
        return "a value with a scale factor in a register of its own (exponent) is never written"
    if address.table is Table.COIL:
        return None if function in (None, *_COIL_FUNCTIONS) else _wrong(function, "a coil")
    is_part = address.type is DataType.BIT or address.bit is not None or address.mask is not None
    if is_part:
        if function != _MASK_WRITE:
            return "a part of a register is written by write_function: 22 only, or as a coil"
        return None if address.type.registers == 1 else _wrong(function, address.type)
    if function in (None, 16) or (function == 6 and address.type.registers == 1):
        return None
    return _wrong(function, address.type)


def _wrong(function: int | None, what: str) -> str:
    return f"write_function {function} does not write {what}"


def _values(
    parsed: ParsedSite,
    point: Section,
    write: Section,
    numbers: RawNumbers,
    report: MistakeReport,
) -> None:
    """Every value that may be written, and the way from one to the next."""
    flaws = 0
    for section, name, value in _written_values(parsed, write):
        flaw = _flaw(numbers, value)
        if flaw is not None:
            flaws += 1
            report.add(section.at(name), f"{name} {value:g}: {flaw}")
    resolution = write.get("resolution")
    if flaws or resolution is None or point.get("unit") == Unit.ON_OFF:
        return
    if numbers.step is not None and not _is_whole(resolution / numbers.step):
        report.add(
            write.at("resolution"),
            f"resolution {resolution:g}: {_described(numbers)}, in steps of {numbers.step:g}; "
            "correct the scale, or state steps that it takes",
        )
    elif not numbers.is_exact(0.0):
        report.add(
            write.where,
            f"write: {_described(numbers)}; multiples of resolution {resolution:g} are none of its "
            "steps, because of the offset",
        )
    elif numbers.digits is not None:
        _precision(write, numbers, resolution, report)


def _written_values(parsed: ParsedSite, write: Section) -> Iterator[tuple[Section, str, float]]:
    """The limits, and what gives the point back, each with the key that it stands under."""
    for name in ("min", "max"):
        if write.get(name) is not None:
            yield write, name, write[name]
    release = write.get("release")
    if release is None:
        return
    if release.get("value") is not None:
        yield release, "value", release["value"]
    for value in timetable_values(parsed, release.get("timetable")):
        yield release, "timetable", value


def _flaw(numbers: RawNumbers, value: float) -> str | None:
    if not numbers.holds(value):
        return f"cannot be written: {_described(numbers)}"
    if not numbers.is_exact(value):
        return f"cannot be written: {_described(numbers)}, in steps of {numbers.step:g}"
    return None


def _described(numbers: RawNumbers) -> str:
    low, high = numbers.span
    scale, offset = numbers.scaled.scale, numbers.scaled.offset
    with_scale = f" with scale {scale:g}" if scale != 1 else ""
    if offset:
        with_scale += f"{' and' if with_scale else ' with'} offset {offset:g}"
    return f"{numbers.name}{with_scale} holds {low:.6g} to {high:.6g}"


def _precision(
    write: Section, numbers: RawNumbers, resolution: float, report: MistakeReport
) -> None:
    """A float of few digits has no tenths where its number is large."""
    largest = max((abs(numbers.raw(write[n])) for n in ("min", "max") if write.get(n)), default=0)
    step = largest * 2.0 ** (1 - (numbers.digits or 53)) * abs(numbers.scaled.scale)
    if resolution < step:
        report.add(
            write.at("resolution"),
            f"resolution {resolution:g}: {numbers.name} has steps of {step:.3g} at that size",
        )


def _takes_both(owner: Section | None, name: str, report: MistakeReport) -> None:
    """0 and 1 are written to a register that hands control over, or that shows that we live."""
    register = owner.get(name) if owner is not None else None
    address = modbus_address(register) if isinstance(register, Section) else None
    if register is None or address is None:
        return
    numbers = _of_register(address)
    flaws = (_unwritable(address), *(_flaw(numbers, state) for state in (0.0, 1.0)))
    flaw = next(filter(None, flaws), None)
    if flaw is not None:
        report.add(register.where, f"{name}: {flaw}")


def _sentinels(write: Section, address: ModbusAddress, report: MistakeReport) -> None:
    """A number that means "no value" is none that may be written."""
    low, high = write.get("min"), write.get("max")
    if low is None or high is None:
        return
    numbers = _of_register(address)
    ends = sorted((numbers.raw(low), numbers.raw(high)))
    for sentinel in address.sentinels:
        if ends[0] <= _signed(sentinel, numbers) <= ends[1]:
            value = numbers.scaled.to_point(_signed(sentinel, numbers))
            report.add(
                write.where,
                f"write: {value:g} lies within {low:g} to {high:g}, and its number {sentinel} "
                "stands for no value (sentinels)",
            )


def _signed(sentinel: int, numbers: RawNumbers) -> float:
    """A sentinel that is given by its bits, as the number that it is in a type with a sign."""
    if numbers.low < 0 and sentinel > numbers.high and numbers.digits is None:
        return sentinel + 2 * numbers.low
    return sentinel


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) <= _SLACK * max(1.0, abs(number))
