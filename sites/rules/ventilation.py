"""What has to be said of an air-handling unit before its flow or supply air may be written.

People need air, also when nobody renews or gives back what was written: the range that may stand
for days and the way back leave them the least flow. What is given back is what the unit had before.
"""

from __future__ import annotations

from bms.model.assets.point import Role
from bms.model.assets.write_rule import ReleaseKind
from sites.parts import Draft
from sites.rules.references import SUPPLY_AIR_C
from sites.schema.shapes import Record
from sites.schema.yaml_tree import Report


def check_air(draft: Draft, point: Record, write: Record, report: Report) -> None:
    """Report what is missing or unsafe for a writable flow or supply-air setpoint."""
    unit = draft.named("ventilation").get(point.get("ventilation") or "")
    if unit is None:
        return
    if point.get("role") == Role.VENTILATION_FLOW:
        _flow(draft, unit, write, report)
    elif point.get("role") == Role.SUPPLY_AIR_SETPOINT:
        _supply(draft, unit, write, report)


def _flow(draft: Draft, unit: Record, write: Record, report: Report) -> None:
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
    _flow_given_back(draft, unit, write, least, report)


def _flow_given_back(
    draft: Draft, unit: Record, write: Record, least: float, report: Report
) -> None:
    """Any hour of the way back may have people in: bookings are known to us only."""
    release = write.get("release")
    low = min(_given_back(draft, release), default=least)
    if low < least:
        report.add(
            release.where,
            f"release: gives back to a flow of {low:g}; people need at least {least:g}",
        )
    else:
        _as_before(draft, unit, "own_flow_pct", release, report)


def _supply(draft: Draft, unit: Record, write: Record, report: Report) -> None:
    if unit.lacks("own_supply_c"):
        report.add(
            write.where,
            f"write: {unit.get('id')} has no own_supply_c; say what its own control asks for",
        )
        return
    release, (low, high) = write.get("release"), SUPPLY_AIR_C
    wrong = [value for value in _given_back(draft, release) if not low <= value <= high]
    if wrong:
        report.add(
            release.where,
            f"release: gives back supply air of {wrong[0]:g} degC; allowed: {low:g} to {high:g}",
        )
    else:
        _as_before(draft, unit, "own_supply_c", release, report)


def _as_before(
    draft: Draft, unit: Record, use: str, release: Record | None, report: Report
) -> None:
    """What is given back as a constant is what the unit has by itself, at any hour."""
    own = unit.get(use)
    if release is None or release.get("kind") != ReleaseKind.CONSTANT or own is None:
        return
    given = _given_back(draft, release)
    values = _values_of(draft, own) if isinstance(own, str) else [own]
    if given and values and set(values) != set(given):
        said = f"timetable {own}; give it back by that" if isinstance(own, str) else f"{own:g}"
        report.add(
            release.at("value"),
            f"release: gives back {given[0]:g}, but {use} of {unit.get('id')} is {said}",
        )


def _given_back(draft: Draft, release: Record | None) -> list[float]:
    """Every value that the way back may write."""
    if release is None:
        return []
    constant = release.get("value") if release.get("kind") == ReleaseKind.CONSTANT else None
    return [
        *_values_of(draft, release.get("timetable")),
        *([constant] if constant is not None else []),
    ]


def _values_of(draft: Draft, name: str | None) -> list[float]:
    timetable = draft.timetables().get(name or "")
    if timetable is None:
        return []
    given = [timetable.get("default"), timetable.get("closed")]
    given += [period.get("value") for period in timetable.get("periods") or ()]
    return [value for value in given if value is not None]
