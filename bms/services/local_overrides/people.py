"""Local overrides as people see them: shown as overrides, until they are taken back or run out.

The book beside the journal is what counts; the database shows it, and is where a person takes an
override back.

How long one is respected (clause W8): only where it cannot be seen to leave, at the setpoint
register of a room, may it run out: at the first change of use of the zone that is two hours or more
later, else after the time of the site file. Everything else stands until it is taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bms.errors import GuardError, NotFound, StoreError
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.clock_reading import ClockReading
from bms.model.control.command import Override
from bms.model.control.local_override import LOCAL, LocalOverride, LocalOverrideEnd, Note
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.ports.safety import Journal
from bms.ports.storage.decisions import DecisionStore
from bms.services.journal_batches import keep_notes
from bms.services.occupancy import use_of
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

LEAST = timedelta(hours=2)
"""After this long at the least a change of use of the zone ends an override at its setpoint."""
STEP = timedelta(minutes=15)
REGISTERS = (ReleaseKind.TIMETABLE, ReleaseKind.CONSTANT, ReleaseKind.REMOTE_ENABLE)


class LocalOverrideReason(MessageCode):
    """What was found at the building."""

    CHANGED = "changed_at_building"
    CHANGED_UNTIL = "changed_at_building_until"
    EMPTIED = "emptied_at_building"
    EMPTIED_UNTIL = "emptied_at_building_until"
    FOUND = "found_at_building"
    SAID = "local_override_said"


def reason_of(override: LocalOverride) -> Fact:
    """What was found, in place of what, and until when it stands where it runs out by itself."""
    found, ours, until = override.found, override.ours, override.until
    if found is not None and ours is None:
        return fact(LocalOverrideReason.FOUND, found=found)
    if until is None:
        if found is None:
            return fact(LocalOverrideReason.EMPTIED, ours=ours)
        return fact(LocalOverrideReason.CHANGED, found=found, ours=ours)
    end = Moment(until)
    if found is None:
        return fact(LocalOverrideReason.EMPTIED_UNTIL, ours=ours, until=end)
    return fact(LocalOverrideReason.CHANGED_UNTIL, found=found, ours=ours, until=end)


async def follow_people(
    site: Site, *, at: ClockReading, decisions: DecisionStore, journal: Journal
) -> None:
    """Show the local overrides of a site to people, and note which of them are over: removed by a
    person, or run out. Where the database is away they stand as they are."""

    def work() -> list[Note]:
        try:
            standing = [o for o in journal.local_overrides().values() if o.site == site.id]
        except GuardError as error:
            log.error("the local overrides of %s cannot be read: %s", site.id, error)
            return []
        shown = [o for o in standing if not o.above and not o.taken_back]
        return _followed(site, shown, at, decisions) if shown else []

    await keep_notes(await off_loop(work), journal)


async def end_overrides(
    over: Sequence[LocalOverride], *, now: datetime, decisions: DecisionStore, journal: Journal
) -> None:
    """Close local overrides whose people have left, as the devices show. Where the database is away
    the next look does it."""

    def work() -> list[Note]:
        return [
            LocalOverrideEnd(each.point, each.id) for each in over if _closed(each, now, decisions)
        ]

    if over:
        await keep_notes(await off_loop(work), journal)


def _closed(override: LocalOverride, now: datetime, decisions: DecisionStore) -> bool:
    if override.above or override.taken_back:
        return True  # it was never shown, or is closed there already
    try:
        decisions.remove_override(override.id, actor=LOCAL, at=now)
    except NotFound:
        return True
    except StoreError as error:
        log.error("%s is free again, but not on record: %s", override.point, error)
        return False
    return True


def _followed(
    site: Site, shown: Collection[LocalOverride], at: ClockReading, decisions: DecisionStore
) -> list[Note]:
    removed = _removed(shown, decisions)
    notes: list[Note] = []
    for override in shown:
        known = _with_end(site, override, at, decisions)
        if removed.get(override.id) or known.has_run_out(at):
            notes.append(_ended(known))
            continue
        if known != override:
            notes.append(known)
        if removed is not _UNKNOWN and override.id not in removed:
            _show(known, decisions)
    return notes


_UNKNOWN: Mapping[str, bool] = {}


def _removed(shown: Collection[LocalOverride], decisions: DecisionStore) -> Mapping[str, bool]:
    try:
        return dict(decisions.removed_overrides([each.id for each in shown]))
    except StoreError as error:
        log.error("whether people took local overrides back is not known: %s", error)
        return _UNKNOWN


def _ended(override: LocalOverride) -> Note:
    """What was found may be written over now; where our place was only emptied nothing is left."""
    if override.found is None:
        return LocalOverrideEnd(override.point, override.id)
    return replace(override, taken_back=True)


def _with_end(
    site: Site, override: LocalOverride, at: ClockReading, decisions: DecisionStore
) -> LocalOverride:
    """With its end, by running time counted from the first look at it."""
    if override.until is not None:
        return override
    try:
        until = end_of(site, override, decisions)
    except StoreError as error:
        log.error("when %s ends is not known yet: %s", override.point, error)
        return override
    ends = None if until is None else at.elapsed.after(until - override.since)
    return replace(override, until=until, ends=ends)


def end_of(site: Site, override: LocalOverride, decisions: DecisionStore) -> datetime | None:
    """When it runs out (building time), None where it does not. Raises ``StoreUnavailable``."""
    point = next((each for each in site.points if each.id == override.point), None)
    if point is None or not runs_out(point):
        return None
    assert point.write is not None
    last = override.since + timedelta(hours=point.write.local_override_hold)
    change = _change_of_use(site, point, override.since + LEAST, last, decisions)
    return last if change is None else change


def runs_out(point: Point) -> bool:
    """Whether it is the setpoint register of a room."""
    rule = point.write
    if rule is None or point.role is not Role.ZONE_SETPOINT:
        return False
    return rule.release.kind in REGISTERS


def _change_of_use(
    site: Site, point: Point, start: datetime, end: datetime, decisions: DecisionStore
) -> datetime | None:
    """When people first come to the zone or leave it in ``[start, end)``; None where neither."""
    zone = next((each for each in site.zones if each.id == point.zone), None)
    steps = -(-(end - start) // STEP)
    if zone is None or steps < 1:
        return None
    first = start - timedelta(seconds=start.timestamp() % STEP.total_seconds())
    use = use_of(site, decisions, first, end)
    busy = use.in_use(zone, first - STEP, round(STEP.total_seconds()), steps + 2)
    for number in range(1, len(busy)):
        moment = first + (number - 1) * STEP
        if busy[number] != busy[number - 1] and start <= moment < end:
            return moment
    return None


def _show(override: LocalOverride, decisions: DecisionStore) -> None:
    shown = Override(
        id=override.id,
        site=override.site,
        point=override.point,
        since=override.since,
        until=override.until,
        reason=reason_of(override),
        actor=LOCAL,
    )
    try:
        decisions.add_override(shown)
    except StoreError as error:
        log.error("%s: %s could not be kept: %s", shown.point, shown.reason, error)
