"""Numbers, days, times and ages in the manner of a language (Unicode CLDR by Babel)."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime, timedelta
from functools import cache
from math import isfinite
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.numbers import NumberPattern, parse_pattern

MISSING = "–"
"""Stands for what is not known."""
NUMBER = "#,##0.###"
MOMENT = "medium"
DAY = "medium"
CLOCK = "HH:mm"
MINUTES, HOURS = timedelta(minutes=90), timedelta(hours=48)
"""Ages from which on hours, and days, say enough."""
LAST_LETTERS = {0xE6: "{a", 0xE4: "{a", 0xF8: "{b", 0xF6: "{b", 0xE5: "{c"}
"""Signs after z for ae, o with stroke and a with ring (and their Swedish forms), in their order."""
NEVER = 1e12
"""Threshold of Babel's choice between units: none but the given one is taken."""


class LocalFormat:
    """Writes values of one locale; times are local to ``zone``, or as they are without one."""

    def __init__(self, locale: Locale, zone: ZoneInfo | None) -> None:
        self.locale = locale
        self.zone = zone

    @property
    def decimal_comma(self) -> bool:
        """Whether decimals stand behind a comma."""
        return bool(self.locale.number_symbols["latn"]["decimal"] == ",")

    def local(self, moment: datetime) -> datetime:
        """Returns the moment in the time zone of the texts."""
        return moment if self.zone is None else moment.astimezone(self.zone)

    def pattern(self, value: float, pattern: str = NUMBER) -> str:
        """Returns a number by a CLDR pattern; ``%`` multiplies by a hundred."""
        if not isfinite(value):
            return MISSING
        text = str(_parsed(pattern).apply(value, self.locale))
        zero = _zero(pattern, self.locale)
        return zero if text.lstrip("-") == zero else text.replace("-", "−", 1)

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Returns a number with its thousands parted, rounded; a dash for what is not known."""
        if value is None:
            return MISSING
        return self.pattern(value, "#,##0" + ("." + "0" * decimals if decimals else ""))

    def significant(self, value: float, digits: int = 3) -> str:
        """Returns a number with at most so many significant digits."""
        return self.pattern(value, "@" + "#" * (digits - 1)) if value else self.number(value)

    def day(self, day: date, *, weekday: bool = True, year: bool = False) -> str:
        """Returns a day as in ``Wed 28 Jan``; of a moment, its local day."""
        day = self._day(day)
        text = format_skeleton("yMMMd" if year else "MMMd", day, locale=self.locale)
        return f"{format_date(day, 'EEE', locale=self.locale)} {text}" if weekday else text

    def month(self, day: date, *, year: bool = False) -> str:
        """Returns the month of a day as in ``Jan`` or ``Jan 2026``."""
        return format_skeleton("yMMM" if year else "MMM", self._day(day), locale=self.locale)

    def collated(self, text: str) -> tuple[str, str]:
        """Returns a key that sorts texts as the language does: in Danish the three letters after z
        (and aa) come last (DS 377); elsewhere accents count after letters."""
        small = text.casefold()
        if self.locale.language in ("da", "nb", "nn", "no"):
            small = small.replace("aa", chr(0xE5)).translate(LAST_LETTERS)
        plain = unicodedata.normalize("NFKD", small)
        return "".join(sign for sign in plain if not unicodedata.combining(sign)), text

    def weekday(self, day: date) -> str:
        """Returns the weekday of a day as in ``Wed``."""
        return format_date(self._day(day), "EEE", locale=self.locale)

    def dated(self, day: date, pattern: str) -> str:
        """Returns a day by a CLDR pattern, the usual one of the language where it is empty."""
        return format_date(day, pattern or DAY, locale=self.locale)

    def timed(self, moment: datetime, pattern: str) -> str:
        """Returns a local time by a CLDR pattern, the usual one where it is empty."""
        return format_datetime(self.local(moment), pattern or MOMENT, locale=self.locale)

    def clock(self, moment: datetime) -> str:
        """Returns hours and minutes, as in ``08:12``."""
        return self.timed(moment, CLOCK)

    def moment(self, moment: datetime, *, year: bool = False) -> str:
        """Returns day and time, as in ``Wed 28 Jan 08:12``; with the year on request."""
        return f"{self.day(moment, year=year)} {self.clock(moment)}"

    def age(self, age: timedelta) -> str:
        """Returns how long ago something was, in whole minutes, hours or days."""
        if age < MINUTES:
            return self._ago(age, "minute", "short")
        return self._ago(age, "hour" if age < HOURS else "day", "long")

    def _ago(
        self, age: timedelta, unit: Literal["minute", "hour", "day"], form: Literal["short", "long"]
    ) -> str:
        return format_timedelta(
            -age, unit, NEVER, add_direction=True, format=form, locale=self.locale
        )

    def _day(self, day: date) -> date:
        return self.local(day).date() if isinstance(day, datetime) else day


@cache
def _parsed(pattern: str) -> NumberPattern:
    return parse_pattern(pattern)


@cache
def _zero(pattern: str, locale: Locale) -> str:
    return str(_parsed(pattern).apply(0, locale))
