"""The words that a person at a building reads: Danish where the terminal is Danish.

Reasons that come from a device or a service are printed as they are, in English.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum

from bms.model.fact import Fact
from bms.model.readings.reading import Quality
from bms.model.words import Words


class Language(StrEnum):
    """What is spoken on the command line."""

    DA = "da"
    EN = "en"

    def of(self, words: Words | Fact, timezone: str | None = None) -> str:
        """Returns the sentence of a fact; its times local to ``timezone``, or in the time zones
        that they carry where that is None."""
        if isinstance(words, Fact):
            from bms.messages import translator  # Babel is loaded where something is said

            return translator(self, timezone).describe(words)
        return words.da if self is Language.DA else words.en


def language(environ: Mapping[str, str] = os.environ) -> Language:
    """That of the locale: the first of LC_ALL, LC_MESSAGES and LANG that says something."""
    told = next(filter(None, map(environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return Language.DA if told.lower().split("_")[0].split(".")[0] == "da" else Language.EN


def _words(*rows: tuple[str, str, str]) -> Mapping[str, Words]:
    return {code: Words(code, da, en) for code, da, en in rows}


SAID = _words(
    ("point", "punkt", "point"),
    ("value", "værdi", "value"),
    ("unit", "enhed", "unit"),
    ("quality", "kvalitet", "quality"),
    ("outcome", "udfald", "outcome"),
    ("now", "nu", "now"),
    ("points", "{} punkter", "{} points"),
    ("exchanges", "{}: {} udvekslinger", "{}: {} exchanges"),
    ("released", "givet tilbage", "released"),
    ("still held", "holdes endnu", "still held"),
    ("wanted", "ønsket {} {}", "wanted {} {}"),
    ("wrote", "skrev {} {}: {}", "wrote {} {}: {}"),
    ("reads back", "læst tilbage {} {}", "reads back {} {}"),
    ("until", "indtil {}, så gives det tilbage", "until {}, then it is given back"),
    ("held", "holdes{} af {}", "held{} by {}"),
    ("at value", " på {} {}", " at {} {}"),
    ("at priority", " med prioritet {}", " at priority {}"),
    ("later", "det kan lykkes igen senere", "it may work again later"),
    ("never", "det hjælper ikke at prøve igen", "trying again will not help"),
    ("Accepted", "Skrevet", "Accepted"),
    ("Clamped", "Begrænset", "Clamped"),
    ("Refused", "Afvist", "Refused"),
    ("Overridden", "Overstyret", "Overridden"),
    ("Failed", "Mislykket", "Failed"),
)
_QUALITIES = {
    Quality.GOOD: "god",
    Quality.UNCERTAIN: "usikker",
    Quality.ESTIMATED: "anslået",
    Quality.ABSENT: "ingen værdi",
    Quality.OUT_OF_RANGE: "urimelig",
    Quality.NO_REPLY: "intet svar",
    Quality.DEVICE_ERROR: "enhedsfejl",
}
QUALITIES = {quality: Words(quality, da, quality) for quality, da in _QUALITIES.items()}
