"""Rules for points: address, unit and role, limits of writes, and the way of release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bms.model.assets.address import (
    BacnetAddress,
    ModbusAddress,
    NetworkAddress,
    Table,
    mbus_unit,
)
from bms.model.assets.point import Role
from bms.model.assets.site import Mode
from bms.model.assets.unit_limits import UNIT_LIMITS, lies_within
from bms.model.assets.write_rule import ReleaseKind
from bms.model.readings.device_units import device_scale
from bms.model.readings.units import Unit
from sites.host_names import NO_ADDRESSES, Addresses
from sites.parsed_site import ParsedSite, modbus_address
from sites.protocols import PROTOCOLS, protocol_of
from sites.rules.references import FLOWS_PCT, SUPPLY_AIR_C, reference, unique_ids, unknown
from sites.rules.safety import may_be_one, place_of
from sites.rules.ventilation import check_air, timetable_values
from sites.schema.sections import Section
from sites.schema.yaml_tree import Location, MistakeReport, quote


class RoleRule(NamedTuple):
    """Rules for a role: its unit, the key of the section that owns it, and the plausible limits of
    a write in its unit (None: a point of this role is never written)."""

    unit: Unit | None
    owner: str | None = None
    limits: tuple[float, float] | None = None


ROLES = {
    Role.ZONE_TEMP: RoleRule(Unit.DEG_C, "zone"),
    Role.ZONE_SETPOINT: RoleRule(Unit.DEG_C, "zone", (5.0, 30.0)),
    Role.ZONE_VALVE: RoleRule(Unit.PERCENT, "zone"),
    Role.ZONE_CO2: RoleRule(Unit.PPM, "zone"),
    Role.OUTDOOR_TEMP: RoleRule(Unit.DEG_C),
    Role.SUPPLY_WATER_TEMP: RoleRule(Unit.DEG_C),
    Role.SUPPLY_WATER_SETPOINT: RoleRule(Unit.DEG_C),
    Role.RETURN_WATER_TEMP: RoleRule(Unit.DEG_C),
    Role.PUMP_RUN: RoleRule(Unit.ON_OFF),
    Role.HEATING_CURVE_SHIFT: RoleRule(Unit.KELVIN, None, (-15.0, 15.0)),
    Role.VENTILATION_RUN: RoleRule(Unit.ON_OFF, "ventilation", (0.0, 1.0)),
    Role.VENTILATION_FLOW: RoleRule(Unit.PERCENT, "ventilation", FLOWS_PCT),
    Role.SUPPLY_AIR_SETPOINT: RoleRule(Unit.DEG_C, "ventilation", SUPPLY_AIR_C),
    Role.SUPPLY_AIR_TEMP: RoleRule(Unit.DEG_C, None, (10.0, 35.0)),
    Role.EXHAUST_AIR_TEMP: RoleRule(Unit.DEG_C, "ventilation"),
    Role.METER_ENERGY: RoleRule(Unit.KWH, "meter"),
    Role.METER_VOLUME: RoleRule(Unit.M3, "meter"),
    Role.METER_POWER: RoleRule(Unit.KW, "meter"),
    Role.METER_FLOW_TEMP: RoleRule(Unit.DEG_C, "meter"),
    Role.METER_RETURN_TEMP: RoleRule(Unit.DEG_C, "meter"),
    Role.OTHER: RoleRule(None),
}

_ADDRESSES = (*PROTOCOLS, "register")
_RELEASE_NEEDS = {
    ReleaseKind.REMOTE_ENABLE: "enable",
    ReleaseKind.TIMETABLE: "timetable",
    ReleaseKind.CONSTANT: "value",
    ReleaseKind.SCHEDULE: "schedule",
}
_WRITABLE_TABLES = (Table.HOLDING, Table.COIL)


def check_points(parsed: ParsedSite, report: MistakeReport) -> None:
    """Report every mistake in the points."""
    unique_ids(parsed.points, "point", report)
    for point in parsed.points:
        _references(parsed, point, report)
        _role(point, report)
        _address(parsed, point, report)
        _cov_and_trend_log(parsed, point, report)
        _scale(parsed, point, report)
        if point.get("write") is not None:
            _write(parsed, point, point["write"], report)
    _one_point_per_role(parsed, report)
    check_writers([parsed], report)


def _references(parsed: ParsedSite, point: Section, report: MistakeReport) -> None:
    reference(point, "device", parsed.by_id("devices"), "device", report)
    reference(point, "zone", parsed.by_id("zones"), "zone", report)
    reference(point, "meter", parsed.by_id("meters"), "meter", report)
    reference(point, "ventilation", parsed.by_id("ventilation"), "air-handling unit", report)
    low, high = point.get("low"), point.get("high")
    if low is not None and high is not None and low >= high:
        report.add(point.at("low"), f"low {low:g} has to be below high {high:g}")
    oldest, interval = point.get("max_age"), point.get("interval_s")
    if oldest is not None and interval is not None and oldest < interval:
        report.add(
            point.at("max_age"),
            f"max_age {oldest} s is shorter than interval_s, {interval} s between two readings",
        )


def _role(point: Section, report: MistakeReport) -> None:
    role = point.get("role")
    if role is None:
        return
    rule = ROLES[role]
    unit = point.get("unit")
    if unit is not None and rule.unit is not None and unit != rule.unit:
        report.add(point.at("unit"), f"unit {unit}: role {role} is in {rule.unit}")
    if rule.owner is not None and point.lacks(rule.owner):
        report.add(point.where, f"point: role {role} needs {rule.owner}")


def _address(parsed: ParsedSite, point: Section, report: MistakeReport) -> None:
    given = [name for name in _ADDRESSES if not point.lacks(name)]
    if len(given) != 1:
        have = " and ".join(given) or "none"
        report.add(point.where, f"point: needs one of {', '.join(_ADDRESSES)}; it has {have}")
        return
    device = parsed.device_of(point)
    if device is None or device.get("protocol") is None:
        return
    name = given[0]
    if name == "register":
        _register(parsed, point, device, report)
    elif name == device["protocol"] == "mbus":
        _record(point, point.get("mbus"), report)
    elif name != device["protocol"]:
        report.add(
            point.at(name), f"{name}: device {device['id']} speaks {device['protocol']}, not {name}"
        )


def _record(point: Section, record: Section | None, report: MistakeReport) -> None:
    """One way to name the record, and the unit of what it measures."""
    if record is None:
        return
    if record.lacks("quantity") == record.lacks("record"):
        report.add(record.where, "mbus: needs either quantity or record")
    quantity, unit = record.get("quantity"), point.get("unit")
    stated = not record.lacks("scale") or not record.lacks("offset")
    if quantity is None or unit is None or stated:
        return
    usual = mbus_unit(quantity)
    if unit != usual:
        report.add(point.at("unit"), f"unit {unit}: {quantity} of an M-Bus meter is in {usual}")


def _register(parsed: ParsedSite, point: Section, device: Section, report: MistakeReport) -> None:
    name, register = device.get("template"), point.get("register")
    if name is None:
        if device.lacks("template"):
            report.add(
                point.at("register"), f"register: device {device['id']} has no template; give one"
            )
        return
    template = parsed.templates.get(name)
    if template is None:
        report.add(device.at("template"), unknown("template", name, parsed.templates))
    elif register is not None and register not in template:
        report.add(
            point.at("register"), unknown(f"register of template {name}", register, template)
        )
    elif register is not None:
        _template_point(parsed, point, device, report)


def _template_point(
    parsed: ParsedSite, point: Section, device: Section, report: MistakeReport
) -> None:
    found = parsed.template_point(point)
    unit = point.get("unit")
    if found is None:
        return
    if unit is not None and unit != found.unit:
        report.add(point.at("unit"), f"unit {unit}: the template has it in {found.unit}")
    speaks = protocol_of(found.address)
    if speaks != device["protocol"]:
        report.add(
            device.at("template"),
            f"template {device['template']} is for {speaks}, not {device['protocol']}",
        )


def _cov_and_trend_log(parsed: ParsedSite, point: Section, report: MistakeReport) -> None:
    """``cov`` and ``trend_log`` go with the present value of a BACnet object only."""
    address = parsed.address(point)
    if address is None:
        return
    present = isinstance(address, BacnetAddress) and address.property == "present-value"
    for name in ("cov", "trend_log"):
        if point.get(name) not in (None, "false") and not present:
            report.add(
                point.at(name), f"{name}: only the present value of a BACnet object can have it"
            )


def _scale(parsed: ParsedSite, point: Section, report: MistakeReport) -> None:
    """``scale``, ``offset`` and ``device_unit`` say what the number of a BACnet object means."""
    given = [name for name in ("scale", "offset", "device_unit") if not point.lacks(name)]
    address = parsed.address(point)
    if not given or address is None:
        return
    if not isinstance(address, BacnetAddress):
        report.add(
            point.at(given[0]),
            f"{given[0]}: only for BACnet; scale and offset of a register stand in "
            + protocol_of(address),
        )
        return
    stated, unit, role = point.get("device_unit"), point.get("unit"), point.get("role")
    if stated is not None and len(given) > 1:
        report.add(point.at("device_unit"), f"device_unit does not go with {given[0]}")
    elif stated is not None and unit is not None:
        shift = role == Role.HEATING_CURVE_SHIFT
        if device_scale(stated, Unit(unit), shift=shift) is None:
            report.add(
                point.at("device_unit"),
                f"device_unit: {stated} cannot be converted to {unit}; use scale and offset",
            )


def _write(parsed: ParsedSite, point: Section, write: Section, report: MistakeReport) -> None:
    _limits(parsed, point, write, report)
    address = parsed.address(point)
    if address is not None:
        _writable(address, point, report)
    check_air(parsed, point, write, report)
    if write.get("release") is not None:
        _release(parsed, address, write, write["release"], report)
    is_auto = parsed.site.get("mode") == Mode.AUTO
    if is_auto and write.lacks("hold_safe") and not _ends_by_itself(write):
        report.add(
            write.where,
            f"write: mode auto needs hold_safe or watchdog_s for {point.get('id')}, "
            "because nobody gives it back when host and network are gone",
        )


def _ends_by_itself(write: Section) -> bool:
    release = write.get("release")
    kind = release.get("kind") if release is not None else None
    return not write.lacks("watchdog_s") or kind == ReleaseKind.SCHEDULE


def _limits(parsed: ParsedSite, point: Section, write: Section, report: MistakeReport) -> None:
    low, high, role = write.get("min"), write.get("max"), point.get("role")
    what, plausible = _plausible(point)
    if what is not None and plausible is None:
        report.add(write.where, f"write: a point of {what} is never written")
    if low is None or high is None:
        return
    if low >= high:
        report.add(write.at("min"), f"min {low:g} has to be below max {high:g}")
    elif plausible is not None and not lies_within(low, high, (plausible,)):
        report.add(
            write.at("min"),
            f"limits {low:g} to {high:g} are not plausible for {what}; "
            f"allowed: {plausible[0]:g} to {plausible[1]:g}",
        )
    elif role == Role.OTHER and plausible is not None:
        _unattended(parsed, point, write, report)


def _plausible(point: Section) -> tuple[str | None, tuple[float, float] | None]:
    """What a point is, by its role or else its unit, and within what its limits have to lie; None
    where that is not known, or is never written."""
    role, unit = point.get("role"), point.get("unit")
    if role != Role.OTHER:
        return (None, None) if role is None else (f"role {role}", ROLES[role].limits)
    if unit is None:
        return None, None
    return f"role other in {unit}", UNIT_LIMITS[unit].by_people


def _unattended(parsed: ParsedSite, point: Section, write: Section, report: MistakeReport) -> None:
    """Of a point whose role says nothing the limits alone keep nobody's mistake from doing harm."""
    spans = UNIT_LIMITS[point["unit"]].unattended
    if parsed.site.get("mode") != Mode.AUTO or lies_within(write["min"], write["max"], spans):
        return
    allowed = " or ".join(f"{low:g} to {high:g}" for low, high in spans)
    way = f"allows only {allowed}; narrow them" if spans else "allows none; take write out"
    report.add(
        write.at("min"),
        f"limits {write['min']:g} to {write['max']:g}: for a point of role other in "
        f"{point['unit']}, mode auto {way}, or give the role that says what it is",
    )


def _writable(address: NetworkAddress, point: Section, report: MistakeReport) -> None:
    if isinstance(address, BacnetAddress):
        commandable = address.object_type.endswith(("-output", "-value"))
        if not commandable or address.property != "present-value":
            report.add(
                point.at("bacnet"),
                f"write: {address.object_type} {address.property} cannot be commanded; "
                "only the present value of outputs and values can",
            )
    elif not isinstance(address, ModbusAddress):
        name = PROTOCOLS[protocol_of(address)].name
        report.add(point.where, f"write: nothing is ever written over {name}")
    elif address.table not in _WRITABLE_TABLES:
        report.add(
            point.where,
            f"write: table {address.table} cannot be written; "
            f"allowed: {', '.join(_WRITABLE_TABLES)}",
        )


def _release(
    parsed: ParsedSite,
    address: NetworkAddress | None,
    write: Section,
    release: Section,
    report: MistakeReport,
) -> None:
    kind = release.get("kind")
    if kind is None:
        return
    needed = _RELEASE_NEEDS.get(kind)
    if needed is not None and release.lacks(needed):
        report.add(release.where, f"release: kind {kind} needs {needed}")
    for stray in sorted(set(_RELEASE_NEEDS.values()) - {needed}):
        if not release.lacks(stray):
            report.add(release.at(stray), f"release: {stray} does not go with kind {kind}")
    commands = address is not None and PROTOCOLS[protocol_of(address)].commands
    if address is not None and commands and kind not in _release_kinds(address):
        protocol = PROTOCOLS[protocol_of(address)].name
        ways = ", ".join(_release_kinds(address))
        report.add(
            release.at("kind"), f"release: kind {kind}: a {protocol} point is given back by {ways}"
        )
    reference(release, "timetable", parsed.timetables(), "timetable", report)
    _enable(release, report)
    value, low, high = release.get("value"), write.get("min"), write.get("max")
    if None not in (value, low, high) and not low <= value <= high:
        report.add(release.at("value"), f"value {value:g} is outside min {low:g} to max {high:g}")
    if None not in (low, high):
        _timetable_within(parsed, release, (low, high), report)


def _timetable_within(
    parsed: ParsedSite, release: Section, limits: tuple[float, float], report: MistakeReport
) -> None:
    """A give-back writes no value that might not be written otherwise (W3)."""
    low, high = limits
    name = release.get("timetable")
    outside = [each for each in timetable_values(parsed, name) if not low <= each <= high]
    if outside:
        report.add(
            release.at("timetable"),
            f"timetable {name} has {outside[0]:g}, outside min {low:g} to max {high:g}",
        )


def _release_kinds(address: NetworkAddress) -> tuple[ReleaseKind, ...]:
    """``timetable`` and ``constant`` are for BACnet objects that have no priority array."""
    if isinstance(address, BacnetAddress):
        return tuple(kind for kind in ReleaseKind if kind is not ReleaseKind.REMOTE_ENABLE)
    return ReleaseKind.REMOTE_ENABLE, ReleaseKind.TIMETABLE, ReleaseKind.CONSTANT


def _enable(release: Section, report: MistakeReport) -> None:
    enable = release.get("enable")
    table = enable.get("table") if enable is not None else None
    if table is not None and table not in _WRITABLE_TABLES:
        report.add(
            enable.at("table"),
            f"enable: table {table} cannot be written; allowed: {', '.join(_WRITABLE_TABLES)}",
        )


def _one_point_per_role(parsed: ParsedSite, report: MistakeReport) -> None:
    """One writable point of a role for each zone, unit and plant; one of a role for each meter."""
    seen: dict[tuple[Role, str | None], Section] = {}
    for point in parsed.points:
        role = point.get("role")
        if role is None or role == Role.OTHER:
            continue
        owner = ROLES[role].owner
        if owner != "meter" and point.get("write") is None:
            continue
        key = (role, point.get(owner) if owner else None)
        if key in seen:
            what = f"{owner} {key[1]}" if owner else "the site"
            means = "" if owner == "meter" else "writable "
            report.add(
                point.where,
                f"a second {means}point of role {role} for {what}; "
                f"the first is {seen[key].get('id')}",
            )
        seen.setdefault(key, point)


Cell = tuple[object, ...]
"""A register or object at a host."""


class _Occupant(NamedTuple):
    """Who writes to a cell: a bit of it (None: all), its name, and the device that has it."""

    bit: int | None
    name: str
    device: Section

    def meets(self, other: _Occupant) -> bool:
        """Whether both write to one thing of one device."""
        one_bit = self.bit is None or other.bit in (None, self.bit)
        return one_bit and may_be_one(self.device, other.device)


def check_writers(
    parsed_sites: Sequence[ParsedSite],
    report: MistakeReport,
    addresses: Addresses = NO_ADDRESSES,
    *,
    of_others: bool = False,
) -> None:
    """No two points write to one address, the enable registers included; with ``of_others`` only
    points of different sites, on a device that both name, are compared (CONTRACT, W2)."""
    occupied: dict[Cell, list[_Occupant]] = {}
    for parsed in () if of_others else parsed_sites:
        _occupy_heartbeats(parsed, occupied)
    for parsed in parsed_sites:
        own = f"{parsed.site.get('site')}/" if of_others else ""
        for point in parsed.points:
            device, write = parsed.device_of(point), point.get("write")
            if device is None or write is None:
                continue
            for address, where in _written(parsed, point, write):
                new = _Occupant(_bit(address), f"{own}{point.get('id')}", device)
                before = _occupy(occupied, _cells(device, address, addresses), new)
                for name in sorted({each.name for each in before if each.meets(new)}):
                    if not of_others or not name.startswith(own):
                        report.add(where, f"writes to the same address as point {quote(name)}")


def _occupy_heartbeats(parsed: ParsedSite, occupied: dict[Cell, list[_Occupant]]) -> None:
    for device in parsed.sections("devices"):
        beat = device.get("heartbeat")
        address: NetworkAddress | None = beat
        if isinstance(beat, Section):
            address = modbus_address(beat)
        if address is not None:
            new = _Occupant(_bit(address), f"heartbeat of {device.get('id')}", device)
            _occupy(occupied, _cells(device, address, NO_ADDRESSES), new)


def _written(
    parsed: ParsedSite, point: Section, write: Section
) -> list[tuple[NetworkAddress, Location]]:
    release = write.get("release")
    enable = release.get("enable") if release is not None else None
    found: list[tuple[NetworkAddress | None, Location]] = [(parsed.address(point), point.where)]
    if enable is not None:
        found.append((modbus_address(enable), enable.where))
    if release is not None and release.get("schedule") is not None:
        schedule = BacnetAddress(object_type="schedule", instance=release["schedule"])
        found.append((schedule, release.at("schedule")))
    return [(address, where) for address, where in found if address is not None]


def _occupy(
    occupied: dict[Cell, list[_Occupant]], cells: Sequence[Cell], new: _Occupant
) -> list[_Occupant]:
    """Who had these cells before."""
    before = [each for cell in cells for each in occupied.get(cell, ())]
    for cell in cells:
        occupied.setdefault(cell, []).append(new)
    return before


def _bit(address: NetworkAddress) -> int | None:
    return address.bit if isinstance(address, ModbusAddress) else None


def _cells(device: Section, address: NetworkAddress, addresses: Addresses) -> list[Cell]:
    """A key for every register or object that a value occupies, unique at its host."""
    place = place_of(device, addresses) or (device.get("id"),)
    if isinstance(address, BacnetAddress):
        return [(*place, address.object_type, address.instance)]
    if not isinstance(address, ModbusAddress):
        numbers = PROTOCOLS[protocol_of(address)].numbers
        return [(*place, *(device.get(name) for name in numbers), str(address))]
    return [(*place, address.table, address.address + i) for i in range(address.type.registers)]
