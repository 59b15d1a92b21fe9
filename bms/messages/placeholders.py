"""Placeholders of messages, filled in the manner of a language.

``{name}`` takes the parameter as it is, ``{share:0 %}`` and ``{power:0.0}`` are number patterns and
``{start:d. MMMM HH:mm}`` is a date pattern of Unicode CLDR (UTS 35).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from string import Formatter
from typing import Any

from babel.lists import format_list

from bms.messages.local_format import MISSING, NUMBER, LocalFormat
from bms.model.fact import Day, Fact, Moment, Term


class Placeholders(Formatter):
    """Fills the placeholders of one language.

    ``describe`` and ``term`` put a fact or a term that is itself a parameter into words.
    """

    def __init__(
        self, form: LocalFormat, describe: Callable[[Fact], str], term: Callable[[str], str]
    ) -> None:
        self._form = form
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
                return self._form.pattern(value, format_spec or NUMBER)
            case Term():
                return self._term(value.term)
            case Fact():
                return self._describe(value)
            case Moment():
                return self._form.timed(value.at, format_spec)
            case datetime():
                return self._form.timed(value, format_spec)
            case Day() | date():
                day = value.on if isinstance(value, Day) else value
                return self._form.dated(day, format_spec)
            case Sequence():
                texts = [self.format_field(each, format_spec) for each in value]
                return format_list(texts, locale=self._form.locale)
        raise TypeError(f"no way to show a {type(value).__name__} in a message")
