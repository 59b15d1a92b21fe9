"""What was written to the building, and who stood in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from api.pages.language import PageTranslator
from api.pages.panels.points import value_text, what_of
from bms.model.assets.site import Site
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Clamped,
    Command,
    Failed,
    Overridden,
    Refused,
    Released,
    StillHeld,
    Waiting,
)
from bms.model.fact import Fact
from bms.model.readings.units import Unit
from bms.ports.safety import Journal
from bms.ports.storage.decisions import DecisionStore
from bms.services.held_points import held_points

MOST_ROWS = 25
KINDS: dict[type[AnyReceipt], str] = {
    Accepted: "accepted",
    Clamped: "clamped",
    Refused: "refused",
    Overridden: "overridden",
    Waiting: "waiting",
    Failed: "failed",
    Released: "released",
    StillHeld: "still_held",
}
OURS = ("accepted", "clamped", "waiting")
BAD = ("refused", "overridden", "failed", "still_held")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRow:
    """One change; ``attention`` marks what a person should look at."""

    time: str
    point: str
    kind: str
    outcome: str
    value: str
    detail: str
    attention: bool


@dataclass(slots=True)
class _Spell:
    """The same outcome at the same point, again and again."""

    point: str
    kind: str
    value: float | None
    receipt: AnyReceipt
    first: datetime
    last: datetime


def receipt_rows(
    receipts: Sequence[tuple[datetime, AnyReceipt]], site: Site, t: PageTranslator
) -> tuple[ReceiptRow, ...]:
    """The newest first; what repeats itself (a renewal, a hand that stays) is one row."""
    units = {point.id: point.unit for point in site.points}
    newest = sorted(_spells(receipts), key=lambda spell: spell.last, reverse=True)[:MOST_ROWS]
    return tuple(_row(spell, site, units.get(spell.point, Unit.COUNT), t) for spell in newest)


def overridden_points(
    site: Site, now: datetime, decisions: DecisionStore, journal: Journal
) -> frozenset[str]:
    """Points that people hold: by an override, or at the building."""
    overrides = decisions.overrides(site.id, now)
    local = journal.local_overrides().values()
    return frozenset(held_points(site, overrides=overrides, local_overrides=local))


def _spells(receipts: Sequence[tuple[datetime, AnyReceipt]]) -> list[_Spell]:
    """A spell ends when our hold of the point begins or ends."""
    done: list[_Spell] = []
    running: dict[str, list[_Spell]] = {}
    for at, receipt in receipts:
        point, kind, value = receipt_point(receipt), KINDS[type(receipt)], receipt_value(receipt)
        here = running.setdefault(point, [])
        same = next((s for s in here if (s.kind, s.value) == (kind, value)), None)
        if same is not None:
            same.last, same.receipt = at, receipt
            continue
        if any((kind in OURS) != (s.kind in OURS) or kind in OURS for s in here):
            here.clear()
        here.append(_Spell(point, kind, value, receipt, at, at))
        done.append(here[-1])
    return done


def _row(spell: _Spell, site: Site, unit: Unit, t: PageTranslator) -> ReceiptRow:
    detail = [_detail(spell.receipt, t)]
    if spell.last > spell.first:
        first = t.moment(spell.first)
        ours = spell.kind in OURS
        detail.append(t("renewed", time=first) if ours else t("repeated", time=first))
    return ReceiptRow(
        time=t.moment(spell.last),
        point=what_of(spell.point, site, t),
        kind=spell.kind,
        outcome=t(f"outcome_{spell.kind}"),
        value="" if spell.value is None else value_text(spell.value, unit, t),
        detail=" · ".join(part for part in detail if part),
        attention=spell.kind in BAD,
    )


def receipt_point(receipt: AnyReceipt) -> str:
    """The id of the point that a receipt is about."""
    if isinstance(receipt, Released | StillHeld):
        return receipt.point
    return receipt.command.point


def receipt_value(receipt: AnyReceipt) -> float | None:
    """What stood after it, where that is known."""
    match receipt:
        case Accepted(read_back=value) | Clamped(read_back=value):
            return value
        case Overridden(value=found) | Released(effective=found) | Waiting(value=found):
            return found
        case _:
            return None


def _detail(receipt: AnyReceipt, t: PageTranslator) -> str:
    match receipt:
        case Overridden(priority=int(priority)):
            return t("by_priority", priority=priority)
        case Overridden(by=why) | Refused(reason=why) | Clamped(limit=why):
            return t.describe(why)
        case Failed(error=why) | StillHeld(error=why) | Released(by=Fact() as why):
            return t.describe(why)
        case Accepted(command=Command(reason=str(typed))):
            return typed
        case Accepted(command=Command(reason=Fact() as why)):
            return t.describe(_shortened(why))
        case _:
            return ""


def _shortened(why: Fact) -> Fact:
    """The whole id of a plan says nothing more to a reader than its beginning."""
    plan = why.parameters.get("plan")
    if not isinstance(plan, str):
        return why
    return replace(why, parameters={**why.parameters, "plan": plan[:8]})
