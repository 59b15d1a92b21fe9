"""Message catalogues: one gettext file (``.po``) a language, parsed as it stands.

A message is found by its context (``msgctxt``: ``fact``, ``term``, ``page``, ``cli``, ``report``)
and its code (``msgid``). There are no compiled files: a catalogue of a thousand messages is parsed
once a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.pofile import PoFileError, read_po

FOLDER = Path(__file__).parent / "catalogues"
"""The catalogues that ship with the product."""
SOURCE = "en"
"""The language that is complete by definition; others fall back to it message by message."""


@dataclass(frozen=True, slots=True)
class Message:
    """The forms of a message: one, or one per plural form of the language."""

    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The messages of one language by context and code."""

    locale: Locale
    """With its territory where the header names one: en_GB writes 1 Mar 2026 and 14:00."""
    messages: dict[tuple[str, str], Message]

    def find(self, context: str, code: str) -> Message | None:
        """Returns the message, or None where this language has none."""
        return self.messages.get((context, code))

    def form(self, message: Message, count: float | None) -> str:
        """Returns the form for ``count`` (CLDR plural rule of the language)."""
        if count is None or len(message.forms) == 1:
            return message.forms[0]
        tags = ("one", "other") if len(message.forms) == 2 else tuple(self.locale.plural_form.tags)
        rule = self.locale.plural_form(abs(count))
        return message.forms[tags.index(rule) if rule in tags else -1]


@cache
def languages(folder: Path = FOLDER) -> tuple[str, ...]:
    """Returns the codes of the languages that have a catalogue, sorted."""
    return tuple(sorted(file.stem for file in folder.glob("*.po")))


@cache
def catalogue(language: str, folder: Path = FOLDER) -> Catalogue:
    """Returns the catalogue of a language.

    Raises ``KeyError`` where there is none, ``ValueError`` where its file is not a catalogue.
    """
    if language not in languages(folder):
        raise KeyError(language)
    try:
        with (folder / f"{language}.po").open("rb") as file:
            parsed = read_po(file, abort_invalid=True)
    except PoFileError as error:
        raise ValueError(f"{language}.po, line {error.lineno + 1}: {error}") from error
    if parsed.locale is None:
        raise ValueError(f"{language}.po names no language that is known")
    messages: dict[tuple[str, str], Message] = {}
    for each in parsed:
        code = each.id if isinstance(each.id, str) else each.id[0]
        text = each.string or ""
        forms = (text,) if isinstance(text, str) else tuple(text)
        if code and all(forms):
            messages[(each.context or "", code)] = Message(forms)
    return Catalogue(parsed.locale, messages)
