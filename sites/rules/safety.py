"""Rules of the write contract: the right device (W1), one owner of it (W2), sane limits (W3), what
is never touched (W18)."""

from __future__ import annotations

from collections.abc import Iterable

from bms.model.assets.address import BacnetAddress, ModbusAddress
from bms.model.assets.device import MqttPreset
from bms.model.assets.point import Role
from bms.model.assets.protected import (
    HOT_WATER_FLOOR,
    HOT_WATER_FLOOR_C,
    OBJECT_TYPES,
    first_hot_water,
    first_protected,
)
from bms.model.assets.site import Mode
from bms.model.readings.units import Unit
from sites.host_names import Addresses, in_one_form
from sites.parsed_site import ParsedSite, said_of
from sites.protocols import PROTOCOLS
from sites.schema.sections import Section
from sites.schema.site_file import FINGERPRINT
from sites.schema.yaml_tree import Location, MistakeReport, quote

LARGEST_TOLERANCE = 0.25
"""Of the range of what may be written [1]; a read-back that lies further off proves nothing."""
LARGEST_RESOLUTION = 0.5
"""Of the range of what may be written [1]; a switch, whose step is its range, is spared."""
RAMP_STEP_H = 0.25
"""Plans and ticks have steps of a quarter of an hour [h]."""
TICK_S = 900
"""How often the plan is written and renewed where no setting says otherwise [s]."""
_FLOOR_C = 16.0


def check_safety(parsed: ParsedSite, report: MistakeReport) -> None:
    """Report every point whose limits are not sane, and what is never to be written."""
    for point in parsed.points:
        _end_of_table(parsed, point, report)
        write = point.get("write")
        if write is not None:
            _protected(parsed, point, write, report)
            _small_against_range(point, write, report)
            _hold_safe(parsed, point, write, report)
            _pace(point, write, report)
            _served(parsed, write, report)
    _one_sensor_per_zone(parsed, report)
    for device in parsed.sections("devices"):
        _identity(device, report)


def _identity(device: Section, report: MistakeReport) -> None:
    """Whatever tells the device from others has to be complete, and of its protocol."""
    fingerprint = device.get("fingerprint")
    if fingerprint is not None and not fingerprint.places:
        allowed = ", ".join(FINGERPRINT.by_name)
        report.add(device.at("fingerprint"), f"fingerprint: is empty; allowed: {allowed}")
    protocol = device.get("protocol")
    if protocol is None:
        return
    for other, traits in PROTOCOLS.items():
        for name in traits.own_keys if other != protocol else ():
            if not device.lacks(name):
                report.add(device.at(name), f"{name}: only {traits.name} has it, not {protocol}")
    if protocol == "bacnet":
        _behind_router(device, report)
    elif protocol == "mbus":
        _on_line(device, report)
    elif protocol == "mqtt":
        _published(device, report)


def _on_line(device: Section, report: MistakeReport) -> None:
    """An M-Bus meter has one address on its line, and its gateway no usual port."""
    if device.lacks("primary") == device.lacks("secondary"):
        report.add(device.where, "device: needs either primary or secondary, its address")
    if device.lacks("port") and device.lacks("serial"):
        report.add(device.where, "device: port is missing: M-Bus gateways have no usual one")


def _published(device: Section, report: MistakeReport) -> None:
    """A device on a broker has its topic, and of Sparkplug at least a node."""
    topic, access = device.get("topic"), device.get("mqtt")
    if access is not None and access.lacks("cert_file") and not access.lacks("key_file"):
        report.add(access.at("key_file"), "key_file: cert_file is missing, whose key it is")
    if device.lacks("topic"):
        report.add(device.where, "device: topic is missing: where its messages are")
    elif topic is not None and device.get("preset") == MqttPreset.SPARKPLUG and "/" not in topic:
        report.add(device.at("topic"), "topic: sparkplug takes GROUP/NODE or GROUP/NODE/DEVICE")


def _behind_router(device: Section, report: MistakeReport) -> None:
    if not device.lacks("mac") and device.lacks("network"):
        report.add(device.at("mac"), "mac: is an address in a network; network is missing")
    if not device.lacks("network") and device.lacks("mac") and device.lacks("instance"):
        report.add(device.at("network"), "network: needs the instance of the device, or its mac")


def _end_of_table(parsed: ParsedSite, point: Section, report: MistakeReport) -> None:
    address = parsed.address(point)
    if isinstance(address, ModbusAddress) and address.model is None:
        last = address.address + address.type.registers - 1
        if last > 65535:
            report.add(point.at("modbus"), f"{address.type} at {address.address} ends beyond 65535")


def _protected(parsed: ParsedSite, point: Section, write: Section, report: MistakeReport) -> None:
    address = parsed.address(point)
    kind = address.object_type if isinstance(address, BacnetAddress) else ""
    names = [str(point.get("id") or ""), *said_of(point)]
    device = point.get("device") or ""
    found = first_protected([*names, device])
    if kind in OBJECT_TYPES:
        report.add(write.where, f"write: {kind} is never written ({OBJECT_TYPES[kind]})")
    elif found is not None:
        report.add(write.where, f"write: {quote(found.word)} is never written ({found.protection})")
    elif first_hot_water(names, device, point.get("role")) is not None:
        _hot_water(point, write, report)


def _hot_water(point: Section, write: Section, report: MistakeReport) -> None:
    low, floor = write.get("min"), HOT_WATER_FLOOR.get(point.get("unit"))
    said = f"domestic hot water is never set below {HOT_WATER_FLOOR_C:g} degC"
    if floor is None:
        report.add(write.where, f"write: {said}, which in {point.get('unit')} nobody can tell")
    elif low is not None and low < floor:
        report.add(write.at("min"), f"min {low:g}: {said}")


def _small_against_range(point: Section, write: Section, report: MistakeReport) -> None:
    low, high = write.get("min"), write.get("max")
    if low is None or high is None or low >= high:
        return
    span = high - low
    tolerance, resolution = write.get("tolerance"), write.get("resolution")
    if tolerance is not None and tolerance > LARGEST_TOLERANCE * span:
        report.add(
            write.at("tolerance"),
            f"tolerance {tolerance:g} is too large for {low:g} to {high:g}; "
            f"at most {LARGEST_TOLERANCE * span:g}, or a read-back proves nothing",
        )
    most = span if point.get("unit") == Unit.ON_OFF else LARGEST_RESOLUTION * span
    if resolution is not None and resolution > most:
        report.add(
            write.at("resolution"),
            f"resolution {resolution:g} is too large for {low:g} to {high:g}; at most {most:g}",
        )


def check_watchdogs(
    parsed_sites: Iterable[ParsedSite], tick_s: float, report: MistakeReport
) -> None:
    """Report every watchdog that writing once in ``tick_s`` [s] cannot serve (clause W9), whatever
    the mode: a site may be put to ``auto`` later, and a person's write is held as long."""
    writes = (
        write
        for parsed in parsed_sites
        for point in parsed.points
        if (write := point.get("write")) is not None
    )
    for write in writes:
        watchdog_s = write.get("watchdog_s")
        if watchdog_s is not None and watchdog_s < 2 * tick_s:
            report.add(
                write.at("watchdog_s"),
                f"watchdog_s {watchdog_s:g}: the backend renews every {tick_s:g} s "
                "(BMS_POLL_MINUTES), which has to be half of it at most; let the device wait "
                "longer, or poll more often",
            )


def _served(parsed: ParsedSite, write: Section, report: MistakeReport) -> None:
    """What a plan writes has to take effect (clause W6)."""
    if parsed.site.get("mode") != Mode.AUTO:
        return
    slot, own = write.get("own_program"), write.get("priority")
    if slot is not None and own is not None and slot < own:
        report.add(
            write.at("own_program"),
            f"own_program {slot}: the building's own timetable outranks priority {own}, so that "
            "mode auto cannot control the point; command it below, or leave it out of auto",
        )


def _pace(point: Section, write: Section, report: MistakeReport) -> None:
    """A ramp has to move the point at all, and only what switches has minimum times."""
    ramp, resolution = write.get("max_change"), write.get("resolution")
    switches = point.get("unit") == Unit.ON_OFF
    if ramp is not None and switches:
        report.add(write.at("max_change"), "max_change: a point in on/off has no ramp")
    elif None not in (ramp, resolution) and ramp * RAMP_STEP_H < resolution:
        report.add(
            write.at("max_change"),
            f"max_change {ramp:g} an hour is {ramp * RAMP_STEP_H:g} in a quarter of an hour, less "
            f"than resolution {resolution:g}; at least {resolution / RAMP_STEP_H:g}",
        )
    for name in ("minimum_on", "minimum_off"):
        if write.get(name) and point.get("unit") is not None and not switches:
            report.add(write.at(name), f"{name}: only a point in on/off switches")


def _hold_safe(parsed: ParsedSite, point: Section, write: Section, report: MistakeReport) -> None:
    safe, low, high = write.get("hold_safe"), write.get("min"), write.get("max")
    if safe is None or low is None or high is None or low >= high:
        return
    if not low <= safe[0] <= safe[1] <= high:
        report.add(
            write.at("hold_safe"),
            f"hold_safe {safe[0]:g} to {safe[1]:g} lies outside the limits {low:g} to {high:g}",
        )
    floor = _floor(parsed, point)
    if floor is not None and safe[0] < floor:
        report.add(
            write.at("hold_safe"),
            f"hold_safe: {safe[0]:g} cannot stand for days; floor_c of the zone is {floor:g}",
        )


def _floor(parsed: ParsedSite, point: Section) -> float | None:
    """The lowest temperature that the zone of a setpoint may ever have [degC]."""
    zone = parsed.by_id("zones").get(point.get("zone") or "")
    if point.get("role") != Role.ZONE_SETPOINT or zone is None:
        return None
    comfort = zone.get("comfort")
    floor = comfort.get("floor_c") if comfort is not None else _FLOOR_C
    return None if floor is None else float(floor)


def _one_sensor_per_zone(parsed: ParsedSite, report: MistakeReport) -> None:
    """A sensor that stands for two zones tells the truth about one of them at most."""
    seen: dict[tuple[object, ...], Section] = {}
    for point in parsed.points:
        address = parsed.address(point)
        if point.get("role") != Role.ZONE_TEMP or address is None or not point.get("zone"):
            continue
        first = seen.setdefault((point.get("device"), address), point)
        if first.get("zone") != point.get("zone"):
            report.add(
                point.where,
                f"the sensor of zone {first.get('zone')} ({first.get('id')}) cannot be that of "
                f"zone {point.get('zone')}, too",
            )


def check_devices_of_all(
    parsed_sites: Iterable[ParsedSite], addresses: Addresses, report: MistakeReport
) -> None:
    """Report every device that stands in two sites, or twice in one: each would write over the
    other (W2). One that serves several sites says so in each (``shared: true``). Devices of one
    instance at one address have to be told apart by their networks (W1)."""
    first: dict[tuple[object, ...], list[tuple[ParsedSite, Section]]] = {}
    for parsed in parsed_sites:
        for device in parsed.sections("devices"):
            place = place_of(device, addresses)
            if place is None:
                continue
            others = first.setdefault(place, [])
            for of, known in others:
                if may_be_one(device, known) and not _both_shared(device, known, parsed, of):
                    report.add(device.where, _taken(device, known, of, parsed))
                    break
            others.append((parsed, device))


def _both_shared(device: Section, known: Section, site: ParsedSite, other: ParsedSite) -> bool:
    return _shared(device) and _shared(known) and site is not other


def may_be_one(device: Section, known: Section) -> bool:
    """Whether two of one protocol and address may be one device: what one lacks tells nothing."""
    traits = PROTOCOLS[device["protocol"]]
    names = traits.numbers
    given = [(device.get(name), known.get(name)) for name in names]
    both = [_same(a, b) for a, b in given if a is not None and b is not None]
    # Where nothing is ever written, two that cannot be told apart do no harm.
    return all(both) and (traits.commands or bool(both))


def _same(a: object, b: object) -> bool:
    return str(a).lower() == str(b).lower()


def _taken(device: Section, known: Section, site: ParsedSite, parsed: ParsedSite) -> str:
    if site is parsed and _told(device) == _told(known):
        return f"device {device.get('id')} is device {known.get('id')} of line {known.where.line}"
    if site is parsed:
        return (
            f"device {device.get('id')} cannot be told from device {known.get('id')} of line "
            f"{known.where.line}: give instance, network and mac of both"
        )
    return (
        f"device {device.get('id')} is that of site {site.site.get('site')} in "
        f"{_line(known.where)} already, and "
        "only one may write to it; where it serves several sites, say shared: true in each"
    )


def _told(device: Section) -> tuple[object, ...]:
    names = ("unit", "instance", "network", "mac", "primary", "secondary", "topic")
    return tuple(device.get(name) for name in names)


def _shared(device: Section) -> bool:
    return bool(device.get("shared") == "true")


def _line(where: Location) -> str:
    return f"{where.file}:{where.line}"


def place_of(device: Section, addresses: Addresses) -> tuple[object, ...] | None:
    """Where a device is asked: protocol, host in one form (``addresses``: what names of hosts stand
    for, as far as they were resolved) and port; None where that is not known."""
    protocol, serial = device.get("protocol"), device.get("serial")
    path = serial.get("path") if serial is not None else None
    host = device.get("host") if serial is None else path
    if protocol is None or host is None:
        return None
    port = device.get("port") or PROTOCOLS[protocol].port
    return (protocol, host if serial is not None else in_one_form(str(host), addresses), port)
