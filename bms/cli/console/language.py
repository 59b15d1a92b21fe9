"""The language of the command line: that of the locale, where it has a catalogue; else English."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bms.messages import FOLDER, Translator, languages

LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
OTHERWISE = "en"


class CommandTranslator(Translator):
    """The messages of the command line, and facts, numbers and times, in one language."""

    def __call__(self, code: str, /, **parameters: Any) -> str:
        """Returns a message of context ``cli``."""
        return self.text(code, "cli", **parameters)


def language_of(environ: Mapping[str, str], offered: tuple[str, ...]) -> str:
    """Returns the language of the first of LC_ALL, LC_MESSAGES and LANG that is set."""
    locale = next(filter(None, map(environ.get, LOCALE)), "")
    language = locale.lower().split("_")[0].split(".")[0]
    return language if language in offered else OTHERWISE


def translator_of_locale(
    timezone: str | None = None,
    environ: Mapping[str, str] = os.environ,
    folder: Path = FOLDER,
) -> CommandTranslator:
    """Returns the translator of the locale; times of facts are local to ``timezone``."""
    return CommandTranslator(language_of(environ, languages(folder)), timezone, folder=folder)
