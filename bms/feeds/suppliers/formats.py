"""The formats of suppliers' meter files by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bms.errors import ConfigError
from bms.feeds.suppliers.aalborg import read_aalborg
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.csv_reader import read_csv
from bms.feeds.suppliers.eloverblik import read_eloverblik
from bms.feeds.suppliers.kredsloeb import read_kredsloeb
from bms.model.fact import Fact, MessageCode, fact
from bms.model.readings.metering import SupplierFile

Reader = Callable[[bytes, str], SupplierFile]
"""Takes content and file name (for messages), returns rows and mistakes.

Raises ``bms.errors.FeedError`` where the file is not of the format, and nothing else.
"""


class FormatCode(MessageCode):
    """The formats, described to people."""

    CSV = "format.csv"
    ELOVERBLIK = "format.eloverblik"
    KREDSLOEB = "format.kredsloeb"
    AALBORG = "format.aalborg"


@dataclass(frozen=True, slots=True)
class SupplierFormat:
    """A format. ``verified``: tested on real files or responses of the supplier; ``takes_mapping``:
    a mapping may replace its preset."""

    name: str
    code: FormatCode
    verified: bool
    takes_mapping: bool

    @property
    def fact(self) -> Fact:
        """What the format is, for people."""
        return fact(self.code)


FORMATS: tuple[SupplierFormat, ...] = (
    SupplierFormat(
        "csv",
        FormatCode.CSV,
        verified=True,
        takes_mapping=True,
    ),
    SupplierFormat(
        "eloverblik",
        FormatCode.ELOVERBLIK,
        verified=True,
        takes_mapping=False,
    ),
    SupplierFormat(
        "kredsloeb",
        FormatCode.KREDSLOEB,
        verified=False,
        takes_mapping=True,
    ),
    SupplierFormat(
        "aalborg",
        FormatCode.AALBORG,
        verified=False,
        takes_mapping=True,
    ),
)


def formats() -> tuple[SupplierFormat, ...]:
    """Returns every format."""
    return FORMATS


def reader(format: str, mapping: CsvMapping | None = None) -> Reader:  # noqa: A002 - the CLI's word
    """Returns the reader of a format. ``mapping`` replaces the preset of the format.

    Raises ``ConfigError`` for a format that does not exist, or that takes no mapping.
    """
    known = {found.name: found for found in FORMATS}
    if format not in known:
        raise ConfigError(f"no format {format!r}; there are {', '.join(sorted(known))}")
    if mapping is not None and not known[format].takes_mapping:
        raise ConfigError(f"the format {format} takes no mapping; leave the mapping out")
    match format:
        case "eloverblik":
            return read_eloverblik
        case "aalborg":
            return partial(read_aalborg, mapping=mapping)
        case "kredsloeb" if mapping is None:
            return read_kredsloeb
    return partial(read_csv, mapping=mapping or CsvMapping())
