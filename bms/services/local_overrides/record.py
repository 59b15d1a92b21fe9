"""What the book has of people at the building, what a look adds, and what an owner left."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bms.errors import GuardError
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Override,
    Released,
    Waiting,
)
from bms.model.control.lease import Lease
from bms.model.control.local_override import (
    LOCAL,
    LetGo,
    LocalOverride,
    LocalOverrideEnd,
    Note,
    OfferedLease,
)
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from bms.ports.safety import Journal
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.services.local_overrides.detection import Known, Place, PlaceFinding, agrees

log = logging.getLogger(__name__)

LEFT_WITHIN = timedelta(hours=6)
"""How long before a site was taken over its last owner has written or renewed what it left."""


def known_of(journal: Journal, point: str, lease: Lease | None) -> Known:
    """What the book has of a point now: to be asked after the look at it, as another process may
    have given it back meanwhile. Where the book cannot be read, ``lease`` is what is known."""
    try:
        return Known(
            lease=journal.leases_of(point.partition("/")[0]).get(point),
            override=journal.local_overrides().get(point),
            let_go=journal.let_go().get(point),
            elsewhere=journal.offered().get(point),
        )
    except GuardError as error:
        log.error("%s is looked at without the book: %s", point, error)
        return Known(lease=lease)


def notes_of(finding: PlaceFinding, point: Point, known: Known) -> list[Note]:
    """What a look at a point adds to the book: who holds it now, or that the device has let it
    go."""
    match finding.place:
        case Place.TAKEN:
            made = _override(point, finding, known)
            return [] if made == known.override else [made]
        case Place.LET_GO:
            return [LetGo(point.id, finding.state.at)]
        case _:
            return []


def is_over(finding: PlaceFinding, point: Point, override: LocalOverride) -> bool:
    """Whether a local override is gone, as far as the device shows that, or was taken back and has
    left nothing behind."""
    if finding.place is Place.TAKEN:
        return False
    if not override.taken_back:
        return override.visible
    rule = point.write
    found = () if override.found is None else (override.found,)
    return rule is None or not agrees(rule, finding.state.own, found)


def _override(point: Point, finding: PlaceFinding, known: Known) -> LocalOverride:
    """Who holds the point now; the override that is known already where it is the same."""
    rule, state, before = point.write, finding.state, known.override
    assert rule is not None
    assert finding.by is not None
    above = finding.priority is not None and finding.priority < rule.priority
    lease = known.lease
    made = LocalOverride(
        id=uuid.uuid4().hex,
        site=point.site,
        point=point.id,
        since=state.at,
        found=finding.found,
        ours=None if lease is None else _stood(lease),
        left=() if lease is None else lease.values,
        by=finding.by,
        priority=finding.priority,
        above=above,
        source=state.source,
        commanded=state.since,
        visible=finding.found is not None and rule.release.kind is not ReleaseKind.TIMETABLE,
        command=None if lease is None else lease.command_id,
    )
    if before is None or before.taken_back or (before.above and not above):
        return made
    if not before.visible:
        return before
    ours = before if lease is None else made
    return replace(
        made,
        id=before.id,
        since=before.since,
        until=before.until,
        ends=before.ends,
        ours=ours.ours,
        left=ours.left,
        command=ours.command,
    )


def _stood(lease: Lease) -> float:
    """The value of ours in whose place somebody's was found."""
    return lease.command.value if lease.last_seen is None else lease.last_seen


def met_by_write(point: Point, met: Overridden, now: datetime) -> LocalOverride:
    """Whoever a write met at a point without slots: it cannot be seen there when that is over."""
    return LocalOverride(
        id=uuid.uuid4().hex,
        site=point.site,
        point=point.id,
        since=now,
        found=met.value,
        ours=met.command.value,
        by=met.by,
        visible=False,
        command=met.command.id,
    )


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


def follow_lost_owner(
    site: Site, *, until: datetime, now: datetime, ledgers: LedgerStore, journal: Journal
) -> None:
    """Take into the book what an owner that was lost has written at the site, as the database knows
    it: near ``until``, the end of its leases, its guards give that back or we do, and neither its
    value nor a place that they have emptied is somebody's word. Raises ``StoreError`` or
    ``GuardError``."""
    values: dict[str, tuple[float, ...]] = {}
    for _, receipt in ledgers.receipts(site.id, now - LEFT_WITHIN):
        match receipt:
            case (
                Accepted(command=command, read_back=seen) | Clamped(command=command, read_back=seen)
            ):
                values[command.point] = (command.value, seen)
            case Waiting(command=command) | Failed(command=command):
                values[command.point] = (*values.get(command.point, ()), command.value)
            case Released(point=point) | Overridden(command=Command(point=point)):
                values.pop(point, None)
    journal.note([OfferedLease(point, until, left) for point, left in values.items()])


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
