"""What a building's own control asks for where a point has to be given back by writing it."""

from __future__ import annotations

from datetime import datetime, tzinfo

from bms.model.assets.site import ReleaseKind, WriteRule


def own_value(rule: WriteRule, at: datetime, zone: tzinfo) -> float:
    """The declared value of a ``timetable`` or ``constant`` way back at ``at``.

    A timetable is read in ``zone``. Raises ValueError for the other ways back.
    """
    release = rule.release
    if release.kind is ReleaseKind.TIMETABLE and release.timetable is not None:
        return release.timetable.value_at(at.astimezone(zone))
    if release.kind is ReleaseKind.CONSTANT and release.value is not None:
        return release.value
    raise ValueError(f"the way back {release.kind} does not say what to write")
