"""What makes files of reports for people."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Protocol

from bms.model.reporting.delivery import Delivery
from bms.model.reporting.request import FileForm
from bms.model.reporting.table import Report


class Reporter(Protocol):
    """Writes reports. Synchronous: call it off the event loop."""

    def write(self, report: Report, form: FileForm, out: IO[bytes]) -> None:
        """Write ``report`` as a file to ``out``, bit by bit.

        Raises ``ConfigError`` for a language or sheet that is not there, and for a form whose
        library is not installed.
        """
        ...

    def title(self, report: Report, language: str) -> str:
        """What the report is called, with its buildings and time, in one line."""
        ...


class ReportPost(Protocol):
    """The ways that reports go out. Synchronous: call it off the event loop."""

    def send(self, delivery: Delivery, title: str, file: Path) -> None:
        """Send the file of a report. Raises ``ConfigError`` or OSError where it was not taken."""
        ...
