"""The words of reports and charts, and how their numbers and times are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bms.messages import Translator


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportText:
    """The messages of reports, in the language of a translator."""

    translator: Translator

    def word(self, code: str, /, **parameters: Any) -> str:
        """Returns a message of context ``report``."""
        return self.translator.text(code, "report", **parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartText(ReportText):
    """Title and description of a chart, and the translator of whatever is drawn in it.

    The time axis is local to the time zone of the translator.
    """

    title: str
    description: str
