"""How new the kept answers on a page are."""

from __future__ import annotations

from datetime import datetime

from api.pages.language import PageTranslator
from bms.model.savings.kept_answer import Freshness


def fresh_line(
    made_at: datetime, until: datetime, t: PageTranslator, *, newer: bool = False
) -> str:
    """When an answer was made, of readings until when, and whether a newer one is under way."""
    made = t("fresh_until", made=t.moment(made_at), until=t.moment(until))
    return f"{made} {t('fresh_newer')}" if newer else made


def fresh_city_line(freshness: Freshness, asked: int, t: PageTranslator) -> str | None:
    """How new the answers about ``asked`` buildings are; None where none is made."""
    if freshness.made_at is None:
        return None
    lines = [t("fresh_oldest", made=t.moment(freshness.made_at))]
    if freshness.outdated:
        lines.append(t("fresh_outdated", count=freshness.outdated))
    if freshness.answers < asked:
        lines.append(t("fresh_missing", count=asked - freshness.answers))
    return " ".join(lines)
