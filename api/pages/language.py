"""The language of a page: asked for, remembered, or the browser's; else Danish."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from fastapi import Request

from api.pages.texts import WORDS
from bms.messages import translator
from bms.model.fact import Fact
from bms.model.words import Words
from bms.reports import svg

LANGUAGES = ("da", "en")
COOKIE = "bms_lang"
MISSING = "–"


def language_of(request: Request) -> str:
    """``?lang=``, the cookie, ``Accept-Language``; Danish when none of them says."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return wish
    accepted = (
        part.split(";")[0] for part in request.headers.get("accept-language", "").split(",")
    )
    first = (tag.strip().lower()[:2] for tag in accepted)
    return next((tag for tag in first if tag in LANGUAGES), "da")


class Tongue:
    """Words, numbers and times in one language; times are local to ``timezone``."""

    def __init__(self, language: str, timezone: str = "Europe/Copenhagen") -> None:
        self.language = language
        self._zone = ZoneInfo(timezone)
        self._translator = translator(language, timezone)

    def say(self, words: Words | Fact) -> str:
        """The sentence of a fact."""
        if isinstance(words, Fact):
            return self._translator.describe(words)
        return words.da if self.language == "da" else words.en

    def __call__(self, code: str, **values: object) -> str:
        """Words of the pages by their code."""
        danish, english = WORDS[code]
        return (danish if self.language == "da" else english).format(**values)

    def one_of(self, code: str, otherwise: str) -> str:
        """Words of the pages by a code that may have none."""
        return self(code) if code in WORDS else otherwise

    def number(self, value: float | None, decimals: int = 0) -> str:
        """A number as people write it; a dash for what is not known."""
        if value is None or value != value:
            return MISSING
        return svg.number(value, self.language, decimals)

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone)

    def clock(self, moment: datetime) -> str:
        """Hours and minutes."""
        return f"{self.local(moment):%H:%M}"

    def day(self, moment: datetime, *, year: bool = False) -> str:
        """Weekday, day and month."""
        local = self.local(moment)
        weekday = svg.WEEKDAYS[self.language][local.weekday()]
        month = svg.MONTHS[self.language][local.month - 1]
        dot = "." if self.language == "da" else ""
        return f"{weekday} {local.day}{dot} {month}" + (f" {local.year}" if year else "")

    def calendar_day(self, day: date) -> str:
        """Day and month of a local date."""
        dot = "." if self.language == "da" else ""
        return f"{day.day}{dot} {svg.MONTHS[self.language][day.month - 1]}"

    def month(self, day: date, *, year: bool = False) -> str:
        """The month of a local date."""
        name = svg.MONTHS[self.language][day.month - 1]
        return f"{name} {day.year}" if year else name

    def moment(self, moment: datetime) -> str:
        """Day and time."""
        return f"{self.day(moment)} {self.clock(moment)}"

    def soon(self, moment: datetime, now: datetime) -> str:
        """A time of these days: today only the clock, else with its weekday."""
        local = self.local(moment)
        if local.date() == self.local(now).date():
            return self.clock(moment)
        return f"{svg.WEEKDAYS[self.language][local.weekday()]} {self.clock(moment)}"

    def age(self, seconds: float) -> str:
        """How long ago, in the largest unit that says it."""
        minutes = max(0, round(seconds / 60))
        if minutes < 1:
            return self("age_now")
        if minutes < 90:
            return self("age_minutes", n=minutes)
        if minutes < 48 * 60:
            return self("age_hours", n=round(minutes / 60))
        return self("age_days", n=round(minutes / 1440))
