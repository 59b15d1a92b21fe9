"""Facts, terms and the texts of pages, command line and reports in one language."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bms.messages.catalogue import FOLDER, SOURCE, Catalogue, Message, catalogue, languages
from bms.messages.local_format import LocalFormat
from bms.messages.placeholders import Placeholders
from bms.model.fact import Fact

__all__ = ["Translator", "languages", "translator"]


class Translator(LocalFormat):
    """Puts facts, numbers and times into words of one language; times are local to ``timezone``.

    A message that the language lacks is taken from English. Raises ``KeyError`` for a language
    without catalogue.
    """

    def __init__(
        self, language: str, timezone: str | None = None, *, folder: Path = FOLDER
    ) -> None:
        self.language = language
        own = catalogue(language, folder)
        source = catalogue(SOURCE, folder)
        self._catalogues = (own, source)
        super().__init__(own.locale, None if timezone is None else ZoneInfo(timezone))
        self._placeholders = {
            each.locale: Placeholders(LocalFormat(each.locale, self.zone), self.describe, self.term)
            for each in self._catalogues
        }

    def describe(self, fact: Fact | str) -> str:
        """Returns the sentence of a fact; what a person wrote instead of one, as it is.

        A code without message (of a newer version, in stored data) is shown with its parameters.
        """
        if isinstance(fact, str):
            return fact
        if self._found("fact", fact.code) is None:
            return str(fact)
        return self.text(fact.code, "fact", **fact.parameters)

    def term(self, code: str) -> str:
        """Returns the word of a term; its code where the catalogue has none."""
        return self.text(code, "term") if self.has(code, "term") else code

    def has(self, code: str, context: str) -> bool:
        """Whether there is such a message, in this language or in English."""
        return self._found(context, code) is not None

    def text(self, code: str, context: str, /, **parameters: Any) -> str:
        """Returns a message with its placeholders filled.

        Raises ``KeyError`` where there is no such message or a placeholder lacks its parameter.
        """
        found = self._found(context, code)
        if found is None:
            raise KeyError(f"no message {context}:{code}")
        owner, message = found
        count = parameters.get("count")
        text = owner.form(message, count if isinstance(count, int | float) else None)
        return self._placeholders[owner.locale].fill(text, parameters)

    def _found(self, context: str, code: str) -> tuple[Catalogue, Message] | None:
        for each in self._catalogues:
            message = each.find(context, code)
            if message is not None:
                return each, message
        return None


@cache
def translator(language: str, timezone: str | None = None) -> Translator:
    """Returns the translator of a language of the product, made once.

    Raises ``KeyError`` for a language without catalogue.
    """
    return Translator(language, timezone)
