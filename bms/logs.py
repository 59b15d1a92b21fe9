"""Lines of the log: one each, whatever a device or a supplier has put into what they tell."""

from __future__ import annotations

import json
import logging
import sys
from enum import StrEnum

from bms.model.outside_text import printable


class LogFormat(StrEnum):
    """The form of a log line."""

    TEXT = "text"
    JSON = "json"


class OneLineFormatter(logging.Formatter):
    """Text lines. A message is one line without control characters; the lines of a traceback are
    indented, so that none of them can be taken for a message (CWE-117)."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the lines of a record."""
        first, *others = super().format(record).split("\n")
        if not record.exc_info and not record.stack_info:
            return printable("\n".join((first, *others)))
        return "\n".join((printable(first), *(f"    {printable(line)}" for line in others)))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message`` and,
    where there is one, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of a record."""
        row = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return json.dumps(row)


def log_to_stderr(
    level: int | str, form: LogFormat = LogFormat.TEXT, *, times: bool = False
) -> None:
    """Log to standard error from ``level`` on; text lines bear their time where ``times``."""
    handler = logging.StreamHandler(sys.stderr)
    line = "%(levelname)s %(message)s"
    text = OneLineFormatter(f"%(asctime)s {line}" if times else line)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else text)
    logging.basicConfig(level=level, handlers=[handler])
