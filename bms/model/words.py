"""Text for people in the two languages of the product."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The same sentence in Danish and English, with a code that programs may rely on."""

    code: str
    """Stable name of the sentence."""
    da: str
    """In Danish."""
    en: str
    """In English."""

    def __str__(self) -> str:
        return self.en
