"""The language of a page: asked for, remembered, or the browser's; else Danish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from babel import Locale
from fastapi import Request

from bms.messages import Translator

COOKIE = "bms_lang"
DEFAULT = "da"


def language_of(request: Request, offered: Sequence[str]) -> str:
    """Returns ``?lang=``, the cookie or ``Accept-Language``; Danish when none is offered."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wish is not None and wish in offered:
            return wish
    accepted = (tag.split("-")[0] for tag in preferences(request.headers.get("accept-language")))
    return next((tag for tag in accepted if tag in offered), DEFAULT)


def preferences(header: str | None) -> list[str]:
    """Returns the language tags of ``Accept-Language``, the best liked first (RFC 9110, 12.5.4).

    What is not acceptable (``q=0``) or not readable is left out.
    """
    weighed = sorted(_weighed(header or ""), key=lambda pair: pair[1], reverse=True)
    return [tag for tag, weight in weighed if weight > 0]


def _weighed(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        try:
            yield tag.strip().lower(), float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue


def language_name(language: str) -> str:
    """Returns what a language calls itself, with a capital."""
    name = Locale(language).get_language_name(language) or language
    return name[:1].upper() + name[1:]


class PageTranslator(Translator):
    """The messages of the pages, and facts, numbers and times, in the language of a page."""

    def __call__(self, code: str, /, **parameters: Any) -> str:
        """Returns a message of context ``page``."""
        return self.text(code, "page", **parameters)

    def one_of(self, code: str, otherwise: str) -> str:
        """Returns a message of the pages, or ``otherwise`` where there is none of this code."""
        return self.text(code, "page") if self.has(code, "page") else otherwise

    def soon(self, moment: datetime, now: datetime) -> str:
        """Returns a time of these days: today only the clock, else with its weekday."""
        if self.local(moment).date() == self.local(now).date():
            return self.clock(moment)
        return f"{self.weekday(moment)} {self.clock(moment)}"

    def since(self, moment: datetime, now: datetime) -> str:
        """Returns how long ago ``moment`` was, "just now" within half a minute."""
        age = now - moment
        return self.age(age) if age.total_seconds() >= 30 else self("age_now")
