"""The life of the items of a site as its causes come and go: a pure function.

An item opens once its cause has stood for its delay, and closes by itself once it has been gone for
its time to clear. One cause is one item as long as it stands, whether people have closed that or
not; what follows from another cause is none of its own. Nothing opens or closes for what was not
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bms.model.work.item import (
    BY_US,
    GROWN,
    Cause,
    Closing,
    WorkAct,
    WorkEvent,
    WorkItem,
    WorkKind,
)

BY_WATCHING = frozenset(
    {
        WorkKind.DEVICE_SILENT,
        WorkKind.FEED_STALE,
        WorkKind.WORKER_LOST,
        WorkKind.COMFORT_AT_RISK,
        WorkKind.DATA_MISSING,
    }
)
"""Kinds that an outage of ours makes us see: they count from when we watch again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the sources saw of a site: ``kinds`` are those that were looked at, ``blind`` pairs of
    rule and subject that could not be; an empty subject stands for all."""

    causes: tuple[Cause, ...]
    kinds: frozenset[WorkKind]
    blind: frozenset[tuple[str, str]] = frozenset()

    def saw(self, cause: Cause) -> bool:
        """Whether the cause would have been seen if it stood."""
        rule, subject = cause.rule, cause.subject
        return cause.kind in self.kinds and self.blind.isdisjoint({(rule, subject), (rule, "")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Items to keep, new ones among them, and what happened to them by itself."""

    items: tuple[WorkItem, ...] = ()
    events: tuple[WorkEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """When a look was made, since when there was no gap between looks, and by the key of their
    causes the size of what people have called no fault."""

    now: datetime
    since: datetime
    dismissed: Mapping[str, float | None] = field(default_factory=dict)


def changes(
    live: Sequence[WorkItem], look: Look, watch: Watching, new_id: Callable[[], str]
) -> Changes:
    """What a look changes of the items that are not closed, or whose cause has not cleared."""
    items = {item.cause.key: item for item in live}
    standing, following = grouped(look.causes, items)
    kept: list[WorkItem] = []
    events: list[WorkEvent] = []
    for key, cause in standing.items():
        known = items.get(key)
        if known is not None:
            kept.append(_seen(known, cause))
        elif _is_due(cause, watch):
            made = WorkItem(id=new_id(), cause=cause, opened_at=watch.now)
            kept.append(made)
            events.append(_event(made, watch.now, WorkAct.OPEN))
    for key, item in items.items():
        if key in standing or key in following:
            continue
        left = _missed(item, look, watch)
        if left != item:
            kept.append(left)
        if left.cleared_at is not None and left.closed is None:
            events.append(_event(left, watch.now, WorkAct.CLOSE, Closing.CLEARED))
    return Changes(items=tuple(kept), events=tuple(events))


def grouped(
    causes: Iterable[Cause], items: Mapping[str, WorkItem]
) -> tuple[dict[str, Cause], frozenset[str]]:
    """The causes that are items of their own, with what follows from each, and the keys of what
    does. What has followed stays with its root until that has cleared."""
    found = {cause.key: cause for cause in causes}
    standing: dict[str, Cause] = {}
    follows: dict[str, list[str]] = {}
    for key, cause in found.items():
        root = _root(cause, found, items)
        if root is None:
            standing[key] = cause
        else:
            follows.setdefault(root, []).append(_named(cause))
    for root, subjects in follows.items():
        if root in found:
            standing.setdefault(root, found[root])  # also of two that name each other
            known = standing[root].follows
            standing[root] = replace(standing[root], follows=tuple(sorted({*known, *subjects})))
    return standing, frozenset(found.keys() - standing.keys())


def _named(cause: Cause) -> str:
    """What stands on the item of the root: which rule of a fault, which point or device else."""
    return cause.rule if cause.kind is WorkKind.FAULT else cause.subject


def _root(cause: Cause, found: Mapping[str, Cause], items: Mapping[str, WorkItem]) -> str | None:
    """The key of what explains a cause in the end; None where nothing that stands does."""
    seen = {cause.key}
    root, above = None, cause.root
    while above is not None and above not in seen and (above in found or above in items):
        root = above
        seen.add(above)
        above = found[above].root if above in found else None
    return root


def _is_due(cause: Cause, watch: Watching) -> bool:
    since = max(cause.since, watch.since) if cause.kind in BY_WATCHING else cause.since
    if watch.now - since < cause.delay:
        return False
    if cause.key not in watch.dismissed:
        return True
    before, size = watch.dismissed[cause.key], cause.size
    return before is not None and size is not None and size > GROWN * before


def _seen(item: WorkItem, cause: Cause) -> WorkItem:
    """An item whose cause stands. Of one that people have closed the cause stays as they saw it."""
    shown = item.cause if item.closed is not None else replace(cause, since=item.cause.since)
    return replace(item, cause=shown, gone_since=None)


def _missed(item: WorkItem, look: Look, watch: Watching) -> WorkItem:
    """An item whose cause was not seen."""
    if not look.saw(item.cause):
        return replace(item, gone_since=None)
    gone = watch.now if item.gone_since is None else max(item.gone_since, watch.since)
    cleared = watch.now if watch.now - gone >= item.cause.clears else None
    return replace(item, gone_since=gone, cleared_at=cleared)


def _event(item: WorkItem, at: datetime, act: WorkAct, closing: Closing | None = None) -> WorkEvent:
    return WorkEvent(
        item=item.id, site=item.cause.site, at=at, act=act, actor=BY_US, closing=closing
    )
