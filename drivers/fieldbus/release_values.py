"""The value that a release writes, and those that own control may have at a time of day."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from bms.model.assets.write_rule import ReleaseKind, WriteRule

SWITCHES_WITHIN = timedelta(minutes=5)
"""How early or late a device follows its timetable."""


def release_value(rule: WriteRule, at: datetime, zone: tzinfo) -> float:
    """The value that a release of kind ``timetable`` or ``constant`` writes at the time ``at``.

    A timetable is read in ``zone``. Raises ValueError for the other kinds of release.
    """
    release = rule.release
    if release.kind is ReleaseKind.TIMETABLE and release.timetable is not None:
        return release.timetable.value_at(at.astimezone(zone))
    if release.kind is ReleaseKind.CONSTANT and release.value is not None:
        return release.value
    raise ValueError(f"the way back {release.kind} does not say what to write")


def home_values(
    rule: WriteRule, at: datetime, zone: tzinfo, drift_s: float | None = None
) -> tuple[float, ...]:
    """The values that own control may have in a register at the time ``at``; none where they are
    not declared.

    A timetable is read in ``zone`` at the device's clock, which is ``drift_s`` [s] ahead, and on
    closed days, too: whether a day is closed is not known here.
    """
    release = rule.release
    if release.kind is ReleaseKind.CONSTANT and release.value is not None:
        return (release.value,)
    timetable = release.timetable
    if release.kind is not ReleaseKind.TIMETABLE or timetable is None:
        return ()
    shown = at + timedelta(seconds=drift_s or 0.0)
    moments = (shown - SWITCHES_WITHIN, shown, shown + SWITCHES_WITHIN)
    found = [timetable.value_at(moment.astimezone(zone)) for moment in moments]
    if timetable.closed_value is not None:
        found.append(timetable.closed_value)
    return tuple(dict.fromkeys(found))
