"""The file of ``BMS_CALENDARS``: which calendar belongs to which hall, and the reading of them.

```yaml
calendars:
  - {site: school, zone: gym, file: gym.ics}
  - {site: library, url: "https://booking.example.org/ical/7f3a"}
  - {site: school, url_file: /run/secrets/closed, kind: closed}
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bms.errors import ConfigError, FeedError
from bms.feeds.calendars.ics import MAX_BYTES, spans_in
from bms.feeds.client.cached_fetch import Dataset, DatasetFetcher
from bms.feeds.client.disk_cache import DiskCache
from bms.model.assets.site import Site
from bms.model.control.booking import BookedTime, BookingKind
from bms.model.outside_file import MOST_SECRET, read_outside
from bms.model.yaml_data import mistakes_of, read_yaml_file
from bms.outgoing.http import HttpClient, HttpResponse, HttpxClient
from bms.ports.clock import Clock

MOST_BYTES = 5_000_000
"""Bytes [1] of the file of calendars: 650 buildings of eight halls in rows of 230 are 1.2 MB, and
four times as much where each has a long address."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[\x21-\x7e]{1,2000}$")]


class _CalendarPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CalendarRow(_CalendarPart):
    """A calendar of a hall; of the whole site without ``zone``."""

    site: Name
    zone: Name | None = None
    kind: BookingKind = BookingKind.IN_USE
    file: Path | None = None
    url: Address | None = Field(None, repr=False)
    url_file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(each is not None for each in (self.file, self.url, self.url_file)) != 1:
            raise ValueError("give one of file, url and url_file")
        return self


class CalendarFile(_CalendarPart):
    """The whole file."""

    calendars: tuple[CalendarRow, ...] = ()


def read_calendar_file(path: Path, sites: Mapping[str, Site]) -> tuple[CalendarRow, ...]:
    """Returns the calendars of a file; paths in it count from its folder.

    Raises ``ConfigError``, also for a site that nobody knows.
    """
    try:
        said = read_yaml_file(path, "BMS_CALENDARS", MOST_BYTES) or {}
        rows = CalendarFile.model_validate(said).calendars
    except ValidationError as error:
        raise ConfigError(f"BMS_CALENDARS: {path}: {mistakes_of(error)}") from error
    for row in rows:
        zones = {zone.id for zone in sites[row.site].zones} if row.site in sites else set()
        if row.site not in sites or (row.zone is not None and row.zone not in zones):
            place = row.site if row.site not in sites else f"{row.site}/{row.zone}"
            raise ConfigError(f"BMS_CALENDARS: {path}: there is no {place}")
    return tuple(_from(row, path.parent) for row in rows)


def _from(row: CalendarRow, folder: Path) -> CalendarRow:
    """The row with its files named from ``folder`` on."""
    named = {
        name: None if path is None else folder / path
        for name, path in (("file", row.file), ("url_file", row.url_file))
    }
    return row.model_copy(update=named)


def hall_calendars(
    file: Path,
    sites: Mapping[str, Site],
    folder: Path,
    clock: Clock,
    client: HttpClient | None = None,
) -> tuple[IcsFile, ...]:
    """Returns the calendars of a file; pauses between requests are kept in ``folder``.

    Raises ``ConfigError``.
    """
    cache, client = DiskCache(folder), client or HttpxClient(user_agent="bms/0.1")
    return tuple(
        IcsFile(row, timezone)
        if row.file is not None
        else CalendarAddress(row, timezone, client, cache, clock)
        for row in read_calendar_file(file, sites)
        for timezone in [sites[row.site].timezone]
    )


@dataclass(frozen=True, slots=True)
class IcsFile:
    """Implements ``bms.ports.feeds.HallCalendar`` for a file."""

    row: CalendarRow
    timezone: str

    @property
    def site(self) -> str:
        return self.row.site

    @property
    def zone(self) -> str | None:
        return self.row.zone

    @property
    def kind(self) -> BookingKind:
        return self.row.kind

    @property
    def key(self) -> str:
        """What tells it from others, without its address."""
        row = self.row
        text = f"{row.site} {row.zone} {row.kind} {row.file} {row.url} {row.url_file}"
        return sha256(text.encode()).hexdigest()[:8]

    def spans(self, start: datetime, end: datetime) -> tuple[BookedTime, ...]:
        """Returns when something is booked in ``[start, end)``. Raises ``FeedError``."""
        return spans_in(_bytes_of(self.row.file or Path()), start, end, self.timezone)


@dataclass(frozen=True, slots=True)
class CalendarAddress(IcsFile):
    """The same at an address. What a server answers is read and not kept: it has names and titles
    in it."""

    client: HttpClient
    cache: DiskCache
    clock: Clock

    def spans(self, start: datetime, end: datetime) -> tuple[BookedTime, ...]:
        """Returns when something is booked in ``[start, end)``. Raises ``FeedError``."""
        row = self.row
        address = row.url or _address(row.url_file)
        dataset = Dataset(
            key=f"calendar_{self.key}",
            name=f"calendar of {row.site}{f'/{row.zone}' if row.zone else ''}",
            quota=f"calendar_{self.key}",
            read=lambda body: spans_in(body, start, end, self.timezone),
        )
        fetcher = DatasetFetcher(_AtAddress(self.client, address), self.cache, self.clock)
        return fetcher.fetch_uncached(dataset, "calendar")


@dataclass(frozen=True, slots=True)
class _AtAddress:
    """Asks at an address that stands in no file of ours: whoever knows it can read the calendar."""

    client: HttpClient
    address: str

    def get(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        return self.client.get(self.address, {**headers, "Accept": "text/calendar"})


def _address(file: Path | None) -> str:
    return _bytes_of(file or Path(), MOST_SECRET).decode("ascii", "replace").strip()


def _bytes_of(path: Path, most: int = MAX_BYTES) -> bytes:
    try:
        return read_outside(path, most)
    except OSError as error:
        raise FeedError(f"{path} cannot be read: {error.strerror}") from error
