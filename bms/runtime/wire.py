"""Settings → a wired city. The only place that knows every implementation."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bms.clock import FileClock, SystemClock
from bms.config import Settings
from bms.errors import ConfigError, SiteFileError
from bms.feeds.archive import ArchiveFeed
from bms.feeds.live import live_feed, live_tariffs
from bms.feeds.provider_settings import price_keys, provider_addresses
from bms.feeds.sign_in.settings import access_rules, provider_of
from bms.feeds.tariffs.factors import DANISH_NORMAL_YEAR, load_factors
from bms.journal import FileHandsOff, FileJournal
from bms.journal.clock_trust import FileCalendarBook
from bms.journal.evidence_heads import FileHeads
from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import BuildingModel, NoModel, Problem
from bms.model.private_umask import PRIVATE
from bms.model.reporting.request import FileForm
from bms.model.reporting.table import Report
from bms.ports.clock import Clock
from bms.ports.drivers import Drivers
from bms.ports.feeds import Feed, HallCalendar, Tariffs
from bms.ports.planner import PredictionErrors
from bms.ports.storage.whole import Store
from bms.reports.forms.cells import ReportCells
from bms.reports.forms.write import write
from bms.runtime.city import City, Stores
from bms.runtime.evidence import keep_heads
from bms.runtime.live_sites import LiveSites
from bms.runtime.site_files import tariff_book, usable_sites
from bms.services.collect.calendar_bookings import HallBookings
from bms.services.collect.importance import importances
from bms.services.guard.launcher import GuardLauncher
from bms.services.rooms.missing_temperature import RoomWatch
from bms.store.archive.archived_retention import ArchivedRetention
from bms.store.database.availability import Availability
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.store_and_forward import ForwardingReadings, SpooledRetention
from bms.store.sql.store import SqlStore
from drivers.fieldbus.write_budget_log import FileWriteCounter
from drivers.mbus.kept_telegrams import FileTelegrams
from drivers.registry import NetworkDrivers

if TYPE_CHECKING:
    from optimizer.planner import Optimizer


log = logging.getLogger(__name__)


class LazyOptimizer:
    """Implements the ports of ``bms.ports.planner``."""

    @cached_property
    def _optimizer(self) -> Optimizer:
        from optimizer.planner import Optimizer

        return Optimizer()

    def identify(self, problem: Problem) -> BuildingModel | NoModel:
        """The building's thermal model, or why there is none."""
        return self._optimizer.identify(problem)

    def plan(self, problem: Problem) -> Schedule:
        """The schedule for the problem; always one."""
        return self._optimizer.plan(problem)

    def learn_starts(self, problem: Problem) -> Problem:
        """The problem with what its history tells of the warm-ups of its zones."""
        return self._optimizer.learn_starts(problem)

    def prediction_errors(self, problem: Problem, model: BuildingModel) -> PredictionErrors:
        """How far ``model`` was off on the history of the problem, 1, 6 and 24 h ahead."""
        return self._optimizer.prediction_errors(problem, model)

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        """Every objection to the schedule; none means that it may be written."""
        from optimizer.checker.check import check  # without scipy: the tick asks, too

        return check(problem, schedule)


@dataclass(frozen=True, slots=True)
class FileReporter:
    """``bms.reports`` as the services see it."""

    def write(self, report: Report, form: FileForm, out: IO[bytes]) -> None:
        """As ``bms.ports.reports.Reporter`` has it."""
        write(report, form, out)

    def title(self, report: Report, language: str) -> str:
        """As ``bms.ports.reports.Reporter`` has it."""
        words = ReportCells.of(report, language)
        return f"{words.title(report)}: {words.about(report)}"


def feed_of(settings: Settings, clock: Clock) -> Feed:
    """Weather and prices as the settings want them.

    Raises ``ConfigError`` for live ones in the building time of a simulator.
    """
    if settings.feed == "archive":
        return ArchiveFeed()
    if settings.clock_file is not None:
        raise ConfigError(
            "BMS_FEED=live is the weather of today, and BMS_CLOCK_FILE the time of a simulator; "
            "leave one of them out"
        )
    return live_feed(
        settings.feeds,
        clock,
        contact=settings.contact,
        open_meteo_too=settings.open_meteo,
        addresses=provider_addresses(settings),
        keys=price_keys(settings),
    )


def tariffs_of(settings: Settings, clock: Clock) -> Tariffs:
    """The tariff book; with live prices the newest price list comes first."""
    book = tariff_book(settings)
    if settings.feed == "archive":
        return book
    return live_tariffs(
        settings.feeds,
        clock,
        book,
        contact=settings.contact,
        addresses=provider_addresses(settings),
    )


def clock_of(settings: Settings) -> Clock:
    """The computer's time, or that of the simulator that owns the clock file."""
    return FileClock(settings.clock_file) if settings.clock_file else SystemClock()


def make_home(home: Path) -> None:
    """Make the folder of database and journal, for our user alone: readings of rooms are personal
    data. Raises ``ConfigError`` when that cannot be."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = home.stat()
        if seen.st_mode & PRIVATE and seen.st_uid == os.geteuid():
            home.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"the folder {home} cannot be made: {error.strerror}; "
            "name one that is yours to write in BMS_HOME"
        ) from error


def stores_of(settings: Settings, sites: Sequence[Site]) -> tuple[Stores, ForwardingReadings]:
    """The database of the settings, with readings waiting in the home while it is away.

    Raises ``ConfigError`` or ``StoreError`` for a database that waiting does not mend.
    """
    availability = Availability()
    store = SqlStore(settings.database, timezone=settings.timezone, availability=availability)
    folders = SpoolFolders(
        settings.spool,
        limit_bytes=settings.spool_mb * 1_000_000,
        importance=importances(sites),
    )
    readings = ForwardingReadings(store, folders, availability)

    def close() -> None:
        store.close()
        readings.close()

    stores = replace(
        Stores.of(store),
        readings=readings,
        retention=ArchivedRetention(SpooledRetention(store, readings), settings.archive),
        close=close,
    )
    return stores, readings


def read_sites(settings: Settings, *, strict: bool = False) -> LiveSites:
    """The sites whose files are right; each mistake of the others is logged. Raises
    ``SiteFileError`` where not one file is right, and for one mistake where ``strict``."""
    usable = usable_sites(settings)
    if strict and usable.mistakes:
        raise SiteFileError(usable.mistakes)
    for mistake in usable.mistakes:
        log.error("left out: %s", mistake)
    return LiveSites(usable.sites, usable.mistakes)


def wire(
    settings: Settings,
    *,
    sites: Sequence[Site] | None = None,
    clock: Clock | None = None,
    drivers: Drivers | None = None,
    feed: Feed | None = None,
    store: Store | None = None,
    strict: bool = False,
) -> City:
    """A city of the settings' sites, or of the parts that are handed in.

    A site file with a mistake is left out and named in the log. Raises ``ConfigError`` where not
    one is right (``strict``: where one is wrong) and for a home that cannot be made,
    ``StoreError`` for an unusable database; one that is away is waited for.
    """
    live = LiveSites(sites) if sites is not None else read_sites(settings, strict=strict)
    ticking = clock or clock_of(settings)
    optimizer = LazyOptimizer()
    make_home(settings.home)
    waiting: ForwardingReadings | None = None
    if store is None:
        stores, waiting = stores_of(settings, tuple(live.values()))
    else:
        stores = Stores.of(store)
    known = load_factors()
    return City(
        sites=live,
        settings=settings,
        clock=ticking,
        stores=stores,
        drivers=drivers
        or NetworkDrivers(
            clock=ticking,
            timezone=settings.timezone,
            write_counter=FileWriteCounter.beside(settings.journal),
            meter_answers=FileTelegrams.beside(settings.journal),
        ),
        planner=optimizer,
        checker=optimizer,
        feed=feed or feed_of(settings, ticking),
        tariffs=tariffs_of(settings, ticking) if feed is None else tariff_book(settings),
        journal=FileJournal(settings.journal),
        hands_off=FileHandsOff.beside(settings.journal),
        keeper=GuardLauncher(settings.journal, settings.clock_file, timezone=settings.timezone),
        rooms=RoomWatch(stores.readings),
        reporter=FileReporter(),
        known_heads=FileHeads(settings.evidence_heads),
        forwarding=waiting,
        calendar=FileCalendarBook(settings.calendar),
        access=access_rules(settings.access),
        provider=provider_of(settings),
        factors=known.factors,
        normal_year=known.normal_years[DANISH_NORMAL_YEAR],
        calendars=HallBookings(calendars_of(settings, live, ticking)),
        **notices_of(settings, live),
    )


def calendars_of(
    settings: Settings, sites: Mapping[str, Site], clock: Clock
) -> tuple[HallCalendar, ...]:
    """The calendars of halls; none without a file of them. Raises ``ConfigError``."""
    if settings.calendars is None:
        return ()
    from bms.feeds.calendars.halls import hall_calendars

    return hall_calendars(settings.calendars, sites, settings.feeds, clock)


def notices_of(settings: Settings, sites: Mapping[str, Site]) -> dict[str, Any]:
    """Who is told of the work list, as fields of a ``City``; nobody without a file of notices."""
    if settings.notices is None:
        return {}
    from bms.notices.file import read_notice_file
    from bms.notices.senders import FileSender

    file = read_notice_file(settings.notices, settings.timezone, frozenset(sites))
    return {
        "sender": FileSender(file, sites),
        "recipients": file.recipients,
        "subscriptions": file.subscriptions,
        "base_url": file.base_url,
    }


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[City]:
    """A wired city whose database is closed afterwards. Raises what ``wire`` raises."""
    city = wire(settings)
    try:
        yield city
    finally:
        keep_heads(city)
        city.stores.close()
