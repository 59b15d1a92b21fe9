"""Placeholders of messages, filled in the manner of a language.

``{name}`` takes the parameter as it is, ``{share:0 %}`` and ``{power:0.0}`` are number patterns and
``{start:d. MMMM HH:mm}`` is a date pattern of Unicode CLDR (UTS 35).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from math import isfinite
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from bms.model.fact import Day, Fact, Moment, Term

MISSING = "–"
"""Stands for what is not known."""
NUMBER = "#,##0.###"
MOMENT = "medium"
DAY = "medium"


class Placeholders(Formatter):
    """Fills the placeholders of one language.

    ``describe`` and ``term`` put a fact or a term that is itself a parameter into words. Times are
    shown in ``zone``, or in the time zone they carry where that is None.
    """

    def __init__(
        self,
        locale: Locale,
        zone: ZoneInfo | None,
        describe: Callable[[Fact], str],
        term: Callable[[str], str],
    ) -> None:
        self._locale = locale
        self._zone = zone
        self._describe = describe
        self._term = term

    def fill(self, text: str, parameters: Mapping[str, Any]) -> str:
        """Returns the text with its placeholders filled.

        Raises ``KeyError`` for a placeholder without parameter.
        """
        return self.vformat(text, (), parameters)

    def format_field(self, value: Any, format_spec: str) -> str:
        match value:
            case None:
                return MISSING
            case bool() | str():
                return format(str(value), format_spec)
            case int() | float():
                return self._number(value, format_spec)
            case Term():
                return self._term(value.term)
            case Fact():
                return self._describe(value)
            case Moment():
                return self._moment(value.at, format_spec)
            case datetime():
                return self._moment(value, format_spec)
            case Day() | date():
                day = value.on if isinstance(value, Day) else value
                return format_date(day, format_spec or DAY, locale=self._locale)
            case Sequence():
                told = [self.format_field(each, format_spec) for each in value]
                return format_list(told, locale=self._locale)
        raise TypeError(f"no way to show a {type(value).__name__} in a message")

    def _number(self, value: float, pattern: str) -> str:
        if not isfinite(value):
            return MISSING
        show = format_percent if "%" in pattern else format_decimal
        told, zero = (show(each, pattern or NUMBER, locale=self._locale) for each in (value, 0))
        return zero if told.lstrip("-−") == zero else told

    def _moment(self, moment: datetime, pattern: str) -> str:
        local = moment if self._zone is None else moment.astimezone(self._zone)
        return format_datetime(local, pattern or MOMENT, locale=self._locale)
