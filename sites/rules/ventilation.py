"""Rules for writable flows and supply-air setpoints of air-handling units.

``hold_safe`` and the release values keep the least flow, because people need air also when a write
is neither renewed nor released. A constant release value equals that of the unit's own control.
"""

from __future__ import annotations

from bms.model.assets.point import Role
from bms.model.assets.write_rule import ReleaseKind
from sites.parsed_site import ParsedSite
from sites.rules.references import SUPPLY_AIR_C
from sites.schema.sections import Section
from sites.schema.yaml_tree import MistakeReport


def check_air(parsed: ParsedSite, point: Section, write: Section, report: MistakeReport) -> None:
    """Report what is missing or unsafe for a writable flow or supply-air setpoint."""
    unit = parsed.by_id("ventilation").get(point.get("ventilation") or "")
    if unit is None:
        return
    if point.get("role") == Role.VENTILATION_FLOW:
        _flow(parsed, unit, write, report)
    elif point.get("role") == Role.SUPPLY_AIR_SETPOINT:
        _supply(parsed, unit, write, report)


def _flow(parsed: ParsedSite, unit: Section, write: Section, report: MistakeReport) -> None:
    least = unit.get("least_flow_pct")
    if least is None:
        if unit.lacks("least_flow_pct"):
            report.add(
                write.where,
                f"write: {unit.get('id')} has no least_flow_pct; say how little people can do with",
            )
        return
    if least <= 0:
        report.add(
            write.where, f"write: least_flow_pct of {unit.get('id')} is 0; people need some air"
        )
    highest, safe = write.get("max"), write.get("hold_safe")
    if highest is not None and highest < least:
        report.add(write.at("max"), f"max {highest:g}: people need at least {least:g}")
    if safe is not None and safe[0] < least:
        report.add(
            write.at("hold_safe"),
            f"hold_safe: {safe[0]:g} cannot stand for days; people need at least {least:g}",
        )
    _release_flow(parsed, unit, write, least, report)


def _release_flow(
    parsed: ParsedSite, unit: Section, write: Section, least: float, report: MistakeReport
) -> None:
    """Every release value keeps the least flow: at any hour people may be there."""
    release = write.get("release")
    low = min(_release_values(parsed, release), default=least)
    if low < least:
        report.add(
            release.where,
            f"release: gives back to a flow of {low:g}; people need at least {least:g}",
        )
    else:
        _matches_own_control(parsed, unit, "own_flow_pct", release, report)


def _supply(parsed: ParsedSite, unit: Section, write: Section, report: MistakeReport) -> None:
    if unit.lacks("own_supply_c"):
        report.add(
            write.where,
            f"write: {unit.get('id')} has no own_supply_c; say what its own control asks for",
        )
        return
    release, (low, high) = write.get("release"), SUPPLY_AIR_C
    wrong = [value for value in _release_values(parsed, release) if not low <= value <= high]
    if wrong:
        report.add(
            release.where,
            f"release: gives back supply air of {wrong[0]:g} degC; allowed: {low:g} to {high:g}",
        )
    else:
        _matches_own_control(parsed, unit, "own_supply_c", release, report)


def _matches_own_control(
    parsed: ParsedSite, unit: Section, use: str, release: Section | None, report: MistakeReport
) -> None:
    """A constant release value is that of the unit's own control, at any hour."""
    own = unit.get(use)
    if release is None or release.get("kind") != ReleaseKind.CONSTANT or own is None:
        return
    given = _release_values(parsed, release)
    values = timetable_values(parsed, own) if isinstance(own, str) else [own]
    if given and values and set(values) != set(given):
        said = f"timetable {own}; give it back by that" if isinstance(own, str) else f"{own:g}"
        report.add(
            release.at("value"),
            f"release: gives back {given[0]:g}, but {use} of {unit.get('id')} is {said}",
        )


def _release_values(parsed: ParsedSite, release: Section | None) -> list[float]:
    """Every value that a release may write."""
    if release is None:
        return []
    constant = release.get("value") if release.get("kind") == ReleaseKind.CONSTANT else None
    return [
        *timetable_values(parsed, release.get("timetable")),
        *([constant] if constant is not None else []),
    ]


def timetable_values(parsed: ParsedSite, name: str | None) -> list[float]:
    """Every value that a timetable of the site can have; none of one that there is not."""
    timetable = parsed.timetables().get(name or "")
    if timetable is None:
        return []
    given = [timetable.get("default"), timetable.get("closed")]
    given += [period.get("value") for period in timetable.get("periods") or ()]
    return [value for value in given if value is not None]
