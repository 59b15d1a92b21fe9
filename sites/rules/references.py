"""Rules between the sections of a site: references, order and plausible values, except points."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Framing
from bms.model.assets.equipment import HeatSourceKind
from bms.model.planning.heat_charges import TariffNames
from sites.parsed_site import ParsedSite
from sites.protocols import PROTOCOLS
from sites.schema.sections import Section
from sites.schema.site_file import CONTROLLED, SITE, TARIFFS
from sites.schema.yaml_tree import Location, MistakeReport, quote

FLOWS_PCT = (0.0, 100.0)
"""Flows of an air-handling unit, own or written [% of its flow]."""
SUPPLY_AIR_C = (10.0, 30.0)
"""Setpoints of supply air, own or written [degC]."""

_OWN_SETPOINTS_C = (5.0, 30.0)
_AREA_SLACK = 1.05
_WITHOUT_FRAMING = ("mbus", "mqtt")
_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def check_site(parsed: ParsedSite, report: MistakeReport) -> None:
    """Report every mistake that takes several sections to see; points have rules of their own."""
    for rule in (
        _whole_or_meters_alone,
        _unique_ids_in_lists,
        _timezone_exists,
        _references_exist,
        _device_places,
        _timetables,
        _timetable_uses,
        _closures,
        _goals,
        _comfort,
        _heat_source,
        _areas,
    ):
        rule(parsed, report)


def _whole_or_meters_alone(parsed: ParsedSite, report: MistakeReport) -> None:
    """A site of which only meters are known has no zones, devices, timetables nor heat source; any
    other one needs all of them and its position."""
    site = parsed.site
    given = [name for name in (*CONTROLLED, "ventilation", "points_file") if not site.lacks(name)]
    given = [name for name in given if name != "position" and site.get(name) != ()]
    if not given and site.get("meters"):
        return
    for name in CONTROLLED:
        if site.lacks(name):
            allowed = SITE.by_name[name].value_type.allowed()
            alone = "" if given else " (a site without them needs meters)"
            report.add(site.at(name), f"site: {name} is missing: {allowed}{alone}")


def reference(
    section: Section, name: str, known: Collection[str], what: str, report: MistakeReport
) -> None:
    """Report a field that names something unknown."""
    wanted = section.get(name)
    if wanted is not None and wanted not in known:
        report.add(section.at(name), unknown(what, wanted, known))


def unknown(what: str, wanted: str, known: Iterable[str]) -> str:
    """Message for an unknown name, with the known ones."""
    return f"unknown {what} {quote(wanted)}; known: {', '.join(known) or 'none'}"


def unique_ids(sections: Iterable[Section], what: str, report: MistakeReport) -> None:
    """Report every id that an earlier section has already."""
    seen: dict[str, Location] = {}
    for section in sections:
        name = section.get("id")
        if name is None:
            continue
        where = section.at("id")
        if name in seen:
            first = seen[name]
            place = f"line {first.line}" if first.file == where.file else f"{first.file}"
            report.add(where, f"{what} {quote(name)} stands twice; first in {place}")
        seen.setdefault(name, where)


def _unique_ids_in_lists(parsed: ParsedSite, report: MistakeReport) -> None:
    for name, what in (
        ("zones", "zone"),
        ("ventilation", "air-handling unit"),
        ("devices", "device"),
        ("meters", "meter"),
        ("virtual_meters", "virtual meter"),
    ):
        unique_ids(parsed.sections(name), what, report)


def _timezone_exists(parsed: ParsedSite, report: MistakeReport) -> None:
    name = parsed.site.get("timezone")
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        report.add(
            parsed.site.at("timezone"),
            f"unknown time zone {quote(name)}; a name such as Europe/Copenhagen",
        )


def _references_exist(parsed: ParsedSite, report: MistakeReport) -> None:
    timetables, zones = parsed.timetables(), parsed.by_id("zones")
    for zone in parsed.sections("zones"):
        reference(zone, "occupancy", timetables, "timetable", report)
        reference(zone, "own_setpoint", timetables, "timetable", report)
    for unit in parsed.sections("ventilation"):
        reference(unit, "own_run", timetables, "timetable", report)
        for name in ("own_flow_pct", "own_supply_c"):
            if isinstance(unit.get(name), str):
                reference(unit, name, timetables, "timetable", report)
        for name in unit.get("zones") or ():
            if name not in zones:
                report.add(unit.at("zones"), unknown("zone", name, zones))


def _device_places(parsed: ParsedSite, report: MistakeReport) -> None:
    """A serial line in place of a host, and only where frames travel on one."""
    for device in parsed.sections("devices"):
        serial = not device.lacks("serial")
        protocol = device.get("protocol")
        if protocol not in _WITHOUT_FRAMING and serial != (device.get("framing") == Framing.RTU):
            report.add(device.where, "device: framing rtu and serial go together")
        if device.get("any_transaction") == "true" and device.get("framing") != Framing.TCP:
            report.add(device.at("any_transaction"), "any_transaction: goes with framing tcp")
        if serial and protocol is not None and not PROTOCOLS[protocol].serial:
            report.add(device.at("serial"), f"serial: device speaks {protocol}, which is IP here")
        _heartbeat(device, report)
        if not device.lacks("bbmd") and device.lacks("host") and device.lacks("instance"):
            report.add(device.at("bbmd"), "bbmd: without host it takes instance to find the device")
        if not serial and device.lacks("host") and device.lacks("bbmd"):
            report.add(device.where, "device: host is missing: host name or IP address")
        for given in device.get("ranges") or ():
            first, last = given.get("first"), given.get("last")
            if first is not None and last is not None and first > last:
                report.add(given.at("first"), f"first {first} has to be at most last {last}")


def _heartbeat(device: Section, report: MistakeReport) -> None:
    """It speaks the device's protocol, and can be written."""
    heartbeat = device.get("heartbeat")
    if heartbeat is None:
        return
    if not PROTOCOLS[device.get("protocol") or "modbus"].commands:
        report.add(device.at("heartbeat"), "heartbeat: nothing is ever written there")
        return
    is_object = isinstance(heartbeat, BacnetAddress)
    if is_object != (device.get("protocol") == "bacnet"):
        report.add(
            device.at("heartbeat"),
            f"heartbeat: device speaks {device.get('protocol')}; give "
            + ("a register" if is_object else 'an object such as "binary-value,7"'),
        )
    elif is_object and (
        heartbeat.object_type.endswith("-input") or heartbeat.property != "present-value"
    ):
        report.add(
            device.at("heartbeat"),
            f"heartbeat: {heartbeat.object_type} {heartbeat.property} cannot be commanded",
        )


def _timetables(parsed: ParsedSite, report: MistakeReport) -> None:
    for name, timetable in parsed.timetables().items():
        whole = [period for period in timetable.get("periods") or () if _is_whole(period, report)]
        for first, second in combinations(whole, 2):
            common = first["days"] & second["days"]
            if common and first["from"] < second["to"] and second["from"] < first["to"]:
                days = ", ".join(_DAY_NAMES[day] for day in sorted(common))
                report.add(
                    second.where,
                    f"timetable {name}: overlaps the period in line {first.where.line} on {days}",
                )


def _is_whole(period: Section, report: MistakeReport) -> bool:
    if any(period.get(name) is None for name in ("days", "from", "to")):
        return False
    if period["from"] < period["to"]:
        return True
    report.add(
        period.where,
        "period: to has to be later than from; a period past midnight is two, split at 24:00",
    )
    return False


def _timetable_uses(parsed: ParsedSite, report: MistakeReport) -> None:
    low, high = _OWN_SETPOINTS_C
    for zone in parsed.sections("zones"):
        _values(parsed, zone, "occupancy", lambda v: v in (0, 1), "0 or 1", report)
        _values(
            parsed, zone, "own_setpoint", lambda v: low <= v <= high, f"{low:g} to {high:g}", report
        )
    for unit in parsed.sections("ventilation"):
        _values(parsed, unit, "own_run", lambda v: v in (0, 1), "0 or 1", report)
        _air(parsed, unit, "own_flow_pct", FLOWS_PCT, report)
        _air(parsed, unit, "own_supply_c", SUPPLY_AIR_C, report)


def _air(
    parsed: ParsedSite, unit: Section, use: str, span: tuple[float, float], report: MistakeReport
) -> None:
    """A number within ``span``, or a timetable of such numbers."""
    low, high = span
    given = unit.get(use)
    allowed = f"{low:g} to {high:g}"
    if isinstance(given, float) and not low <= given <= high:
        report.add(unit.at(use), f"{use} {given:g}: takes {allowed}")
    if isinstance(given, str):
        _values(parsed, unit, use, lambda v: low <= v <= high, allowed, report)


def _values(
    parsed: ParsedSite,
    owner: Section,
    use: str,
    is_right: Callable[[float], bool],
    allowed: str,
    report: MistakeReport,
) -> None:
    timetable = parsed.timetables().get(owner.get(use) or "")
    if timetable is None:
        return
    places = [(timetable, "default"), (timetable, "closed")]
    places += [(period, "value") for period in timetable.get("periods") or ()]
    for section, name in places:
        value = section.get(name)
        if value is not None and not is_right(value):
            report.add(
                section.at(name),
                f"{name} {value:g}: timetable {owner[use]} is used as {use}, which takes {allowed}",
            )


def _closures(parsed: ParsedSite, report: MistakeReport) -> None:
    for closure in parsed.sections("closures"):
        first, last = closure.get("from"), closure.get("to")
        if first and last and first > last:
            report.add(closure.where, f"closure: from {first} is after to {last}")


def _goals(parsed: ParsedSite, report: MistakeReport) -> None:
    """Report a year whose goal of a commodity is there twice."""
    seen: dict[tuple[int, str], int] = {}
    for goal in parsed.sections("goals"):
        year, commodity = goal.get("year"), goal.get("commodity")
        if year is None or commodity is None:
            continue
        line = seen.setdefault((year, commodity), goal.where.line)
        if line != goal.where.line:
            report.add(goal.where, f"goal: {commodity} in {year} has one in line {line} already")


def _comfort(parsed: ParsedSite, report: MistakeReport) -> None:
    names = ("floor_c", "low_c", "high_c", "ceiling_c")
    for zone in parsed.sections("zones"):
        comfort = zone.get("comfort")
        if comfort is None or any(comfort.get(name) is None for name in names):
            continue
        floor, low, high, ceiling = (comfort[name] for name in names)
        if not floor <= low < high <= ceiling:
            report.add(
                comfort.where,
                "comfort: needs floor_c <= low_c < high_c <= ceiling_c, "
                f"not {floor:g}, {low:g}, {high:g}, {ceiling:g}",
            )


def _heat_source(parsed: ParsedSite, report: MistakeReport) -> None:
    source = parsed.site.get("heat_source")
    if source is None or source.get("kind") is None:
        return
    curve = source.get("cop") or ()
    if source["kind"] == HeatSourceKind.HEAT_PUMP and source.lacks("cop"):
        report.add(source.where, "heat_source: a heat pump needs cop: [[outdoor degC, COP], ...]")
    if any(cold >= warm for (cold, _), (warm, _) in pairwise(curve)):
        report.add(source.at("cop"), "cop: outdoor temperatures have to rise")
    if any(not 1 <= cop <= 12 for _, cop in curve):
        report.add(source.at("cop"), "cop: expects COPs from 1 to 12")
    if source["kind"] != HeatSourceKind.HEAT_PUMP and source.get("cop_gain_per_k"):
        report.add(source.at("cop_gain_per_k"), "cop_gain_per_k: only a heat pump has a COP")
    least, most = source.get("least_kw"), source.get("capacity_kw")
    if least is not None and most is not None and least > most:
        report.add(source.at("least_kw"), f"least_kw {least:g} is above capacity_kw {most:g}")


def _areas(parsed: ParsedSite, report: MistakeReport) -> None:
    whole = parsed.site.get("area_m2")
    zones = sum(zone.get("area_m2") or 0.0 for zone in parsed.sections("zones"))
    if whole is not None and zones > whole * _AREA_SLACK:
        report.add(
            parsed.site.at("area_m2"), f"area_m2: the zones have {zones:g}, the site only {whole:g}"
        )


def check_tariffs(
    parsed_sites: Iterable[ParsedSite], names: TariffNames, report: MistakeReport
) -> None:
    """Report every tariff that is not in the tariff file, those that stand by default included."""
    for parsed in parsed_sites:
        given = parsed.site.get("tariffs")
        for kind, known in (("electricity", names.electricity), ("heat", names.heat)):
            name = given.get(kind) if given is not None else TARIFFS.by_name[kind].default
            if name is not None and name not in known:
                report.add(
                    parsed.site.at("tariffs") if given is None else given.at(kind),
                    f"there is no {kind} tariff {quote(name)}; known: {', '.join(sorted(known))} "
                    "(BMS_TARIFFS names a file of your own)",
                )
