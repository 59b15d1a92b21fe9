"""Facts in the languages of the product, as the edge puts them."""

from __future__ import annotations

from bms.messages import translator
from bms.model.fact import Fact

TIMEZONE = "Europe/Copenhagen"


def danish(fact: Fact, timezone: str = TIMEZONE) -> str:
    return translator("da", timezone).describe(fact)


def english(fact: Fact, timezone: str = TIMEZONE) -> str:
    return translator("en", timezone).describe(fact)
