"""The seams of the product on one page. What implements them is wired in ``bms.runtime``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bms.model.assets.site import Mode
from bms.model.control.booking import Booking
from bms.model.control.command import Override, Receipt, ReleaseReceipt
from bms.model.control.retention import Erased, Erasure
from bms.model.planning.plan import Plan
from bms.model.planning.prediction import PredictionDay, UseStart
from bms.model.planning.problem import BuildingModel
from bms.model.readings.reading import Ingested, Reading
from bms.model.readings.rollup import Level, Rollups
from bms.model.readings.series import Floats, Micros, Series
from bms.model.readings.spool import SpoolState
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.savings import KeptBaseline
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd


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
