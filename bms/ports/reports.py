"""What makes files of reports for people."""

from __future__ import annotations

from typing import IO, Protocol

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
