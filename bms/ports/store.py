"""The seams of the product on one page. What implements them is wired in ``bms.runtime``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bms.model.assets.site import Device, Mode, Point
from bms.model.control.booking import Booking
from bms.model.control.command import Command, Override, Receipt, ReleaseReceipt
from bms.model.control.device_clock import NoTime, ShownTime
from bms.model.control.retention import Erased, Erasure
from bms.model.kept_baseline import KeptBaseline
from bms.model.lease import Lease
from bms.model.peak_charge import PeakCharge
from bms.model.planning.feed import FeedSeries, WeatherSeries
from bms.model.planning.heat_charges import CoolingRule
from bms.model.planning.plan import BuildingModel, NoModel, Plan, Problem, Schedule
from bms.model.planning.prediction import PredictionDay, UseStart
from bms.model.readings.reading import Ingested, Reading
from bms.model.readings.rollup import Level, Rollups
from bms.model.readings.series import Floats, Micros, Series
from bms.model.readings.spool import SpoolState
from bms.model.readings.trend_log import LogAnswer
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.savings import SiteSavings
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.words import Words


class Clock(Protocol):
    """Building time and the wire's time (DESIGN, law 9)."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Driver(Protocol):
    """One device on the network.

    ``read`` gives exactly one reading per point, in their order, stamped with ``at`` (building
    time); what cannot be read is None with a quality. ``write`` reads back. ``release`` goes the
    way that the point declares; ``at`` decides what a timetable says. None of them raises for what
    a device does: outcomes are values. Each call ends within a few of the device's time-outs.
    """

    async def read(self, points: Sequence[Point], at: datetime) -> list[Reading]: ...

    async def write(self, point: Point, command: Command) -> Receipt: ...

    async def release(self, point: Point, at: datetime) -> ReleaseReceipt: ...

    async def close(self) -> None: ...


@runtime_checkable
class WatchingDriver(Driver, Protocol):
    """A driver that can also be told of changes; not every protocol can."""

    async def watch(self, points: Sequence[Point], on_reading: Callable[[Reading], None]) -> None:
        """Call ``on_reading`` with each reading that comes in, until cancelled."""
        ...


@runtime_checkable
class LogDriver(Driver, Protocol):
    """A driver of devices that keep logs by themselves."""

    async def logged(self, point: Point, after: datetime, before: datetime, most: int) -> LogAnswer:
        """What the point's ``trend_log`` has between two moments, both excluded.

        From the oldest on, about ``most`` entries [1] at once. Raises nothing for what a device
        does.
        """
        ...


@runtime_checkable
class ClockDriver(Driver, Protocol):
    """A driver of devices that have a clock. Neither raises for what a device does."""

    async def clock(self) -> ShownTime | NoTime: ...

    async def set_clock(self) -> ShownTime | NoTime:
        """Tell the device the time where its ``set_clock`` allows it, and read what it shows."""
        ...


class DeviceHealth(Protocol):
    """How a device has been doing since this process began to ask it."""

    @property
    def answers(self) -> int:
        """Answers that could be used [1]."""
        ...

    @property
    def latency_s(self) -> float | None:
        """Moving mean of the time to an answer [s]; None before the first one."""
        ...

    @property
    def errors(self) -> Mapping[str, int]:
        """Failed exchanges by code: the protocol's own, ``silence`` or ``garbled``."""
        ...

    @property
    def last_good(self) -> datetime | None:
        """Building time of the last answer that could be used."""
        ...

    @property
    def left_alone(self) -> bool:
        """Whether its circuit breaker is open: it was silent and is not asked now."""
        ...

    @property
    def clock_drift_s(self) -> float | None:
        """How much its clock was ahead of building time when it was last read [s]."""
        ...


class Exchange(Protocol):
    """A request to a device and what came back, without the framing of the wire."""

    @property
    def to(self) -> str:
        """Whom or what was asked: a unit, a service."""
        ...

    @property
    def request(self) -> bytes: ...

    @property
    def answer(self) -> bytes | str:
        """The reply, or in words what stood in its place."""
        ...

    @property
    def at(self) -> float:
        """When it began [s], on a clock of the wire: only differences mean anything."""
        ...

    @property
    def took_s(self) -> float:
        """Time to the answer [s]."""
        ...


class Drivers(Protocol):
    """Gives the driver of a device and keeps its connection."""

    def driver(self, device: Device) -> Driver: ...

    def health(self) -> Mapping[str, DeviceHealth]:
        """By device id, for the devices that this process has asked over a network."""
        ...

    def trace(self, device_id: str) -> Sequence[Exchange]:
        """The last exchanges with a device, oldest first; none where there is no network."""
        ...

    async def close(self) -> None: ...


class Planner(Protocol):
    """The optimiser as the services see it. Pure and slow: call it in a pool."""

    def identify(self, problem: Problem) -> BuildingModel | NoModel: ...

    def plan(self, problem: Problem) -> Schedule: ...


class PredictionErrors(Protocol):
    """Predicted less measured temperature [K], shape (zones, starts, horizons); NaN where it
    cannot be told. ``starts`` are the moments of prediction."""

    @property
    def zones(self) -> tuple[str, ...]: ...

    @property
    def starts(self) -> tuple[datetime, ...]: ...

    @property
    def horizons_h(self) -> tuple[float, ...]: ...

    @property
    def errors(self) -> Floats: ...


@runtime_checkable
class Judge(Protocol):
    """A planner that can also tell how far a model was off. Pure and slow: call it in a pool."""

    def prediction_errors(self, problem: Problem, model: BuildingModel) -> PredictionErrors:
        """On the history of the problem, 1, 6 and 24 h ahead, restarted every hour, with the inputs
        as they were measured."""
        ...


class Checker(Protocol):
    """The independent checker: every objection to a schedule; none means it may be written."""

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Words, ...]: ...


class Feed(Protocol):
    """Weather, spot prices and emission factors; the past as observed, the future as forecast.

    Raises ``bms.errors.FeedError`` when nothing can be served.
    """

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        """Hourly or finer; [degC] and [W/m2]."""
        ...

    def spot(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Day-ahead price of electricity [DKK/kWh], quarter-hours, without tariffs and VAT."""
        ...

    def emissions(self, area: str, *, start: datetime, end: datetime, now: datetime) -> FeedSeries:
        """Location-based emission factor of electricity [kg CO2/kWh]."""
        ...


@runtime_checkable
class RememberingFeed(Feed, Protocol):
    """A feed that also remembers what it foresaw."""

    def forecasts(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime
    ) -> Mapping[int, Series]:
        """Outdoor temperatures [degC] of past hours as they were forecast, by lead time [h]: made
        at least so many hours ahead. NaN where nothing was."""
        ...


class Tariffs(Protocol):
    """Energy prices and factors of a site by time. Result on the grid asked for."""

    def electricity(self, tariff: str, spot: Series) -> Series:
        """Price to pay [DKK/kWh] on the grid of ``spot``: spot, grid, transmission, tax."""
        ...

    def heat(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Energy price of district heating [DKK/kWh]."""
        ...

    def heat_emissions(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Emission factor of district heating [kg CO2/kWh]."""
        ...

    def cooling_rule(self, tariff: str, day: date) -> CoolingRule | None:
        """What a supplier of district heating takes for poor cooling; None where it takes nothing
        or nothing is known."""
        ...

    def peak_charge(self, tariff: str, day: date) -> PeakCharge | None:
        """What an electricity or heat tariff takes for the highest power; None where it takes
        nothing or nothing is known."""
        ...


class Fold(StrEnum):
    """How readings become one value per step of a grid."""

    MEAN = "mean"
    LAST = "last"
    DELTA = "delta"


class Store(Protocol):
    """Where things are kept. Synchronous: call it in a thread.

    Raises ``bms.errors.StoreUnavailable`` when the database is away, ``NotFound`` for unknown ids.
    """

    def add_readings(self, readings: Iterable[Reading], *, durable: bool = False) -> Ingested:
        """Idempotent on (point, time); another value is a correction, and the last stands.

        ``durable``: what is acknowledged outlives a power cut, not only the death of our process.
        """
        ...

    def readings(self, point: str, start: datetime, end: datetime) -> list[Reading]: ...

    def good(self, point: str, start: datetime, end: datetime) -> tuple[Micros, Floats]:
        """Times [us since 1970, UTC] and values of the good readings with start <= time < end,
        oldest first; shapes (n,).

        Where readings were deleted for their age, the first and last of each hour are left.
        """
        ...

    def latest(self, points: Sequence[str]) -> dict[str, Reading]: ...

    def series(
        self, point: str, start: datetime, end: datetime, step: timedelta, fold: Fold = Fold.MEAN
    ) -> Series:
        """``DELTA`` turns a cumulative register into use per step; gaps stay NaN in every fold.

        Where the readings were deleted for their age, the grids of whole hours are still known.
        """
        ...

    def rollups(
        self, points: Sequence[str], start: datetime, end: datetime, level: Level
    ) -> Rollups:
        """Every bucket that holds a moment with start <= moment < end, in the order of ``points``.

        Always right, however late the readings came. Where readings were deleted for their age,
        hours and days are still known and quarters are not. Raises ValueError for naive moments
        and outside of the years 1970 to 2199.
        """
        ...

    def refresh_rollups(self, points: Sequence[str], before: datetime) -> int:
        """Keep the roll-ups of local days that ended until ``before``, so that asking is fast.

        Gives the number of days that had changed. It alters no answer.
        """
        ...

    def forget(self, erasure: Erasure) -> Erased:
        """Delete readings for good, all or nothing, with a line in the ledger of what went.

        From then on readings of these points from before that day are refused as expired.
        """
        ...

    def scrub(self) -> None:
        """Take what was deleted out of the files of the database too, as far as it can.

        It may take minutes, in which others cannot write.
        """
        ...

    def erasures(self, since: datetime) -> list[Erased]:
        """The ledger from ``since`` on, oldest first. No line is ever changed or removed."""
        ...

    def add_plan(self, plan: Plan) -> None: ...

    def plan(self, plan_id: str) -> Plan: ...

    def plan_in_force(self, site: str) -> Plan | None:
        """The newest plan of the site."""
        ...

    def save_model(self, model: BuildingModel) -> None: ...

    def model(self, site: str) -> BuildingModel | None: ...

    def add_receipts(self, receipts: Iterable[Receipt | ReleaseReceipt], at: datetime) -> None: ...

    def receipts(
        self, site: str, since: datetime
    ) -> list[tuple[datetime, Receipt | ReleaseReceipt]]:
        """Oldest first."""
        ...

    def mode(self, site: str) -> Mode | None:
        """The mode that a person set, None where the site file decides."""
        ...

    def set_mode(self, site: str, mode: Mode, *, actor: str, at: datetime, reason: str) -> None: ...

    def add_override(self, override: Override) -> None: ...

    def remove_override(self, override_id: str, *, actor: str, at: datetime) -> None: ...

    def overrides(self, site: str, at: datetime) -> list[Override]:
        """Those in force at ``at``."""
        ...

    def add_trial(self, trial: Trial) -> None:
        """Keep a switchback trial; the same one again changes nothing, another one of that id
        raises ``StoreError``. Trials and their ends are never changed or removed."""
        ...

    def end_trial(self, end: TrialEnd) -> None:
        """Keep that a trial was stopped; the first word stands. Raises ``NotFound``."""
        ...

    def trials(self, site: str) -> list[KeptTrial]:
        """Every trial of a site, in the order in which they were started."""
        ...

    def add_booking(self, booking: Booking) -> None:
        """Keep a booking or closure, with a line in the audit; the same one again changes nothing,
        another one of that id raises ``StoreError``."""
        ...

    def remove_booking(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """Take back a booking of the site, with a line in the audit; twice is once. Raises
        ``NotFound``."""
        ...

    def bookings(self, site: str, start: datetime, end: datetime | None = None) -> list[Booking]:
        """Those that stand and overlap ``[start, end)``, by their start."""
        ...

    def keep_predictions(self, rows: Iterable[PredictionDay]) -> None:
        """Keep how far predictions were off; the same zone, lead and day again takes its place."""
        ...

    def predictions(self, site: str, since: date) -> list[PredictionDay]:
        """The record of a site from the local day ``since`` on, oldest day first."""
        ...

    def keep_use_starts(self, rows: Iterable[UseStart]) -> None:
        """Keep how cold zones were when people came; the same zone and day takes its place."""
        ...

    def use_starts(self, site: str, since: date) -> list[UseStart]:
        """Those of a site from the local day ``since`` on, oldest day first."""
        ...

    def add_event(self, event: NonRoutineEvent) -> None:
        """Add an entry to the ledger of non-routine events; the same one again changes nothing.

        Raises ``StoreError`` for another entry of that id, and where it ``supersedes`` one of
        another meter or one that was superseded already, ``NotFound`` where there is no such one.
        """
        ...

    def events(self, site: str) -> list[NonRoutineEvent]:
        """The ledger of a site in the order it was written. No entry is changed or removed."""
        ...

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """Put a baseline away; nothing changes where it stands already for its meter and period."""
        ...

    def baselines(self, site: str) -> list[KeptBaseline]:
        """Every baseline that was put away, oldest first. None is ever changed or removed."""
        ...

    def add_key(self, key_id: str, digest: str, scope: str, name: str, at: datetime) -> None:
        """``digest`` is the SHA-256 of the secret; ``scope`` is ``read``, ``operate`` or
        ``controller:<device id>``."""
        ...

    def key(self, key_id: str) -> tuple[str, str, str] | None:
        """(digest, scope, name) of a key that is not revoked."""
        ...

    def keys(self) -> list[tuple[str, str, str, datetime, datetime | None]]:
        """(id, scope, name, created, revoked)."""
        ...

    def revoke_key(self, key_id: str, at: datetime) -> None: ...

    def close(self) -> None: ...


class Forwarding(Protocol):
    """Readings that wait on disk until the database is back. Synchronous: call it in a thread."""

    def forward(self) -> Ingested:
        """Hand on what waits, oldest first; a database that is away is no error.

        Gives what became of it, with what still waits. Raises ``bms.errors.StoreError`` where the
        database refuses.
        """
        ...

    def state(self) -> SpoolState:
        """What waits and what was lost."""
        ...


class Journal(Protocol):
    """The release journal: on disk before a write leaves."""

    def intend(self, leases: Sequence[tuple[Command, Point, Device]]) -> None:
        """Append and sync. Raises ``GuardError`` when the disk refuses."""
        ...

    def settle(self, commands: Mapping[str, str]) -> None:
        """Points that are back at their own control: point id → id of the command that ended."""
        ...

    def leases(self) -> dict[str, Lease]:
        """The open leases by point id, as every process that shares the journal left them."""
        ...


class GuardKeeper(Protocol):
    """Keeps the guard process alive."""

    async def ensure(self) -> None:
        """Return once a guard runs. Raises ``GuardError`` when none can be started."""
        ...

    async def close(self) -> None:
        """A clean exit: end the guard that we started, unless a lease is still open."""
        ...


class Reporter(Protocol):
    """Turns savings into files."""

    def savings_csv(self, rows: Sequence[SiteSavings], decimal_comma: bool = False) -> bytes: ...
