"""Days beside the plan on the page of a building that is not written to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.pages.language import PageTranslator
from bms.model.assets.site import Mode, Site
from bms.model.trust.modes import ShadowDay
from bms.ports.storage.trust import TrustStore
from bms.services.periods import local_date

SHOWN = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowDayRow:
    """A day in words. Energy [kWh], comfort violations [K h]."""

    day: str
    saving: str
    plan: str
    own: str
    happened: str
    application: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowDaysView:
    """``rows`` are newest first; ``advised``: people are shown plans, and may apply them."""

    rows: tuple[ShadowDayRow, ...]
    advised: bool


def shadow_days_view(
    trust: TrustStore, site: Site, mode: Mode, now: datetime, t: PageTranslator
) -> ShadowDaysView | None:
    """The last days of a site beside the plan; None where plans are written and no day is kept."""
    known = trust.shadow_days(site.id, local_date(now, site.timezone) - SHOWN)
    if mode is Mode.AUTO and not known:
        return None
    rows = tuple(_row(each, t) for each in reversed(known))
    return ShadowDaysView(rows=rows, advised=mode is Mode.ADVISE)


def _row(known: ShadowDay, t: PageTranslator) -> ShadowDayRow:
    unknown = t("unknown")
    followed = "" if known.followed is None else f" ({t.number(100 * known.followed)} %)"
    return ShadowDayRow(
        day=t.day(known.day),
        saving=unknown if known.saving_kwh is None else t.number(known.saving_kwh),
        plan=unknown if known.plan_kh is None else t.number(known.plan_kh, 1),
        own=unknown if known.own_kh is None else t.number(known.own_kh, 1),
        happened=unknown if known.happened_kh is None else t.number(known.happened_kh, 1),
        application=t.text(known.application.value, "term") + followed,
    )
