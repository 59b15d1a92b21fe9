"""Message catalogues, and the one place that turns facts into sentences."""

from bms.messages.catalogue import FOLDER
from bms.messages.local_format import MISSING
from bms.messages.translator import Translator, languages, translator

__all__ = ["FOLDER", "MISSING", "Translator", "languages", "translator"]
