"""People at a building that another worker owned before: the database shows who holds a point, and
the book of the new owner follows them from now on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Override
from bms.model.control.local_override import LOCAL, LocalOverride, LocalOverrideEnd, Note
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from bms.ports.safety import Journal
from bms.ports.storage.decisions import DecisionStore


def follow_predecessor(
    site: Site, *, now: datetime, decisions: DecisionStore, journal: Journal, was_lost: bool
) -> None:
    """Take into the book who holds points of the site. ``was_lost``: an earlier owner ended without
    a hand-over, so that what this book has from earlier days and the database does not show may
    have been that owner's own value, and is forgotten. Raises ``StoreError`` or ``GuardError``.
    """
    shown = {o.id: o for o in decisions.overrides(site.id, now) if o.actor == LOCAL}
    known = [o for o in journal.local_overrides().values() if o.site == site.id]
    held = {each.point for each in known if each.id in shown or not was_lost}
    forgotten = [each for each in known if was_lost and each.id not in shown]
    ends: list[Note] = [LocalOverrideEnd(each.point, each.id) for each in forgotten]
    journal.note([*ends, *_followed(site, shown.values(), held)])


def _followed(site: Site, shown: Iterable[Override], held: set[str]) -> Iterator[LocalOverride]:
    """The local overrides that the book does not have; what was found stands in their reason."""
    rules = {point.id: point.write for point in site.points}
    for override in shown:
        point, reason = override.point, override.reason
        rule = None if point is None else rules.get(point)
        if point is None or rule is None or point in held:
            continue
        found, ours = (_number(reason, name) for name in ("found", "ours"))
        yield LocalOverride(
            id=override.id,
            site=site.id,
            point=point,
            since=override.since,
            found=found,
            ours=ours,
            by=fact(Holder.LOCAL),
            visible=found is not None and rule.release.kind is not ReleaseKind.TIMETABLE,
            until=override.until,
        )


def _number(reason: str | Fact, name: str) -> float | None:
    value = reason.parameters.get(name) if isinstance(reason, Fact) else None
    return float(value) if isinstance(value, int | float) else None
