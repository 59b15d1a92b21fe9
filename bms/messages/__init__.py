"""Message catalogues, and the one place that turns facts into sentences."""

from bms.messages.translator import Translator, languages, translator

__all__ = ["Translator", "languages", "translator"]
