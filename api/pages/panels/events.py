"""Non-routine events of a building: what is open, and what people decided."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.language import PageTranslator
from api.pages.panels.points import meter_name
from bms.model.assets.site import Site
from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.event import Decision, NonRoutineEvent, standing
from bms.ports.storage.ledgers import LedgerStore
from bms.services.assessment.non_routine_events import OpenEvent, open_events


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    id: str
    words: str
    proposal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """An entry in words; ``stands`` is false once a later one supersedes it."""

    meter: str
    period: str
    kwh: str
    decision: str
    author: str
    entered: str
    reason: str
    stands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsView:
    """``without`` tells the saving without the adjustments, None where there are none."""

    open: tuple[OpenRow, ...]
    ledger: tuple[LedgerRow, ...]
    without: str | None


def events_view(
    ledgers: LedgerStore, site: Site, savings: SiteSavings, t: PageTranslator
) -> EventsView:
    """The events of a site, newest entries first."""
    entries = ledgers.events(site.id)
    kept = {entry.id for entry in standing(entries)}
    return EventsView(
        open=tuple(_open(row, t) for row in open_events(site, savings, entries)),
        ledger=tuple(_entry(entry, entry.id in kept, site, t) for entry in reversed(entries)),
        without=_without(savings, t),
    )


def _open(row: OpenEvent, t: PageTranslator) -> OpenRow:
    proposal = row.finding.proposal
    return OpenRow(
        id=row.id,
        words=t.describe(row.finding.fact),
        proposal=None if proposal is None else t.describe(proposal.fact),
    )


def _entry(entry: NonRoutineEvent, stands: bool, site: Site, t: PageTranslator) -> LedgerRow:
    confirmed = entry.decision is Decision.CONFIRMED
    kwh = f"{t.number(entry.kwh_adjustment)} ± {t.number(entry.kwh_se)}"
    return LedgerRow(
        meter=meter_name(site, entry.meter.partition("/")[2], t),
        period=f"{t.day(entry.start, year=True)} – {t.day(entry.end, year=True)}",
        kwh=kwh if confirmed else "",
        decision=t(f"event_{entry.decision.value}" if stands else "event_superseded"),
        author=entry.author,
        entered=t.day(entry.entered_at, year=True),
        reason=entry.reason,
        stands=stands,
    )


def _without(savings: SiteSavings, t: PageTranslator) -> str | None:
    plain = savings.unadjusted
    if plain is None or plain.saving_kwh is None or plain.saving_high_kwh is None:
        return None
    return t(
        "events_without",
        kwh=plain.saving_kwh,
        half=plain.saving_high_kwh - plain.saving_kwh,
        verdict=t(f"verdict_{plain.verdict.value}"),
        adjustment=plain.adjustment_kwh,
    )
