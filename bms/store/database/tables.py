"""The tables as SQLModel classes, and how moments and long texts lie in their columns.

Readings are by far the most rows and are kept small: the point is a number from ``points``, the
time is whole microseconds, the time of receipt is its distance from the time of the source, and on
SQLite the table is its own index (WITHOUT ROWID), on PostgreSQL a partition per calendar month.
"""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    TypeDecorator,
    text,
)
from sqlmodel import Field, SQLModel

from bms.model.epoch import from_micros, to_micros
from bms.model.readings.measurement import COUNTED, Quality
from bms.model.readings.rollup import Level

#: Numbers of the qualities in the database. They never change; new ones are added at the end.
QUALITY_CODES: dict[Quality, int] = {
    Quality.GOOD: 0,
    Quality.UNCERTAIN: 1,
    Quality.ESTIMATED: 2,
    Quality.ABSENT: 3,
    Quality.OUT_OF_RANGE: 4,
    Quality.NO_REPLY: 5,
    Quality.DEVICE_ERROR: 6,
    Quality.WRONG_DEVICE: 7,
    Quality.BAD: 8,
    Quality.CALCULATED: 9,
    Quality.CORRECTED: 10,
}
#: Numbers of the qualities whose values count in series, roll-ups and consumption.
COUNTED_CODES: tuple[int, ...] = tuple(QUALITY_CODES[quality] for quality in COUNTED)
QUALITY_OF_CODE: dict[int, Quality] = {code: quality for quality, code in QUALITY_CODES.items()}

#: Numbers of the levels of roll-ups in the database; they never change either.
LEVEL_CODES: dict[Level, int] = {Level.QUARTER: 0, Level.HOUR: 1, Level.DAY: 2}

#: A row of ``StoredReading``: (point, time [us], value, quality code, lag [us], detail).
RawReading = tuple[int, int, float | None, int, int | None, str | None]

#: A row of ``StoredStale``: (point, first [us], until [us]).
Mark = tuple[int, int, int]

#: Numbers of rows that are only ever added; SQLite counts all its rows in 64 bits.
RowNumber: Any = BigInteger().with_variant(Integer(), "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware moment as whole microseconds after the epoch. Refuses naive moments."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


def packed(text: str) -> bytes:
    """A long text, compressed."""
    return zlib.compress(text.encode(), level=1)


def unpacked(body: bytes) -> str:
    """The text that ``packed`` compressed."""
    return zlib.decompress(body).decode()


class PackedText(TypeDecorator[str]):
    """A long text, compressed: a plan with its problem takes a fifth of its length."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else packed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else unpacked(value)


class StoredPoint(SQLModel, table=True):
    """The dictionary of points: ``site/point`` and its number.

    ``privacy`` and ``kept_days`` [d] are as the site file last said, None where none did yet; no
    ``kept_days`` beside a ``privacy`` are for good.
    """

    __tablename__: ClassVar[str] = "points"
    key: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    privacy: str | None = None
    kept_days: int | None = None


class StoredReading(SQLModel, table=True):
    """One reading. ``time`` [us after the epoch]; ``lag`` [us] is receipt minus ``time``."""

    __tablename__: ClassVar[str] = "readings"
    __table_args__ = {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (time)"}
    point: int = Field(primary_key=True)
    time: int = Field(primary_key=True, sa_type=BigInteger)
    value: float | None = None
    quality: int = Field(sa_type=SmallInteger)
    lag: int | None = Field(default=None, sa_type=BigInteger)
    detail: str | None = None


class StoredCorrection(SQLModel, table=True):
    """An earlier version of a reading and the one that replaced it."""

    __tablename__: ClassVar[str] = "corrections"
    __table_args__ = (Index("corrections_by_point", "point", "time"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    point: int
    time: int = Field(sa_type=BigInteger)
    old_value: float | None = None
    old_quality: int = Field(sa_type=SmallInteger)
    old_lag: int | None = Field(default=None, sa_type=BigInteger)
    old_detail: str | None = None
    new_value: float | None = None
    new_quality: int = Field(sa_type=SmallInteger)
    new_lag: int | None = Field(default=None, sa_type=BigInteger)
    new_detail: str | None = None


class StoredRollup(SQLModel, table=True):
    """Hours of a local month of a point, or days of the year that begins with the month.

    They are packed by ``bms.store.rollups.buckets``.

    On SQLite it keeps its row numbers: bodies are too long for a table that is its own index.
    """

    __tablename__: ClassVar[str] = "rollups"
    level: int = Field(primary_key=True, sa_type=SmallInteger)
    point: int = Field(primary_key=True)
    month: int = Field(primary_key=True)
    body: bytes


class StoredStale(SQLModel, table=True):
    """A local day from ``first`` until before ``until`` [us] whose roll-ups are out of date."""

    __tablename__: ClassVar[str] = "stale"
    __table_args__ = {"sqlite_with_rowid": False}
    point: int = Field(primary_key=True)
    first: int = Field(primary_key=True, sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)


class StoredHorizon(SQLModel, table=True):
    """Readings of a point from before ``before`` [us] were deleted; none is taken any more."""

    __tablename__: ClassVar[str] = "horizons"
    __table_args__ = (Index("horizons_by_moment", "before"),)
    point: int = Field(primary_key=True)
    before: int = Field(sa_type=BigInteger)


class StoredCalendar(SQLModel, table=True):
    """The time zone of the local days and months of ``rollups``: one row."""

    __tablename__: ClassVar[str] = "calendar"
    id: int = Field(primary_key=True)
    timezone: str


class StoredErasure(SQLModel, table=True):
    """The ledger of deletions (``bms.model.control.retention.Erased``). Rows are only added."""

    __tablename__: ClassVar[str] = "erasures"
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    site: str
    privacy: str
    points: int
    readings: int = Field(sa_type=BigInteger)
    corrections: int = Field(sa_type=BigInteger)
    hours: int = Field(sa_type=BigInteger)
    first: datetime | None = Field(default=None, sa_type=UtcTime)
    last: datetime | None = Field(default=None, sa_type=UtcTime)
    until: datetime = Field(sa_type=UtcTime)
    digest: str
    actor: str
    at: datetime = Field(sa_type=UtcTime)
    reason: str


_OF_TRIALS = text("kind IN ('trial', 'trial_end', 'trial_result')")


class StoredEvidence(SQLModel, table=True):
    """An entry of a hash chain (``bms.model.control.evidence``); ``proves`` is the key of its row.

    Digests are 32 bytes; ``salt`` is gone once the personal fields of the row are.
    """

    __tablename__: ClassVar[str] = "evidence"
    __table_args__ = (
        Index(
            *("evidence_of_trials", "chain", "number", "kind", "proves", "content"),
            sqlite_where=_OF_TRIALS,
            postgresql_where=_OF_TRIALS,
        ),
        {"sqlite_with_rowid": False},
    )
    chain: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str
    proves: str
    content: bytes
    apart: bytes | None = None
    salt: bytes | None = None
    hash: bytes


class StoredHead(SQLModel, table=True):
    """The last entry of a chain; whoever appends moves it on, and finds it where it was."""

    __tablename__: ClassVar[str] = "evidence_heads"
    chain: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    hash: str


class StoredRemoval(SQLModel, table=True):
    """A checkpoint (``bms.model.control.evidence.Removal``). Rows are only added."""

    __tablename__: ClassVar[str] = "removals"
    __table_args__ = (Index("removals_by_site", "site"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    site: str
    kind: str
    part: str
    first: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    rows: int = Field(sa_type=BigInteger)
    digest: str
    actor: str
    at: datetime = Field(sa_type=UtcTime)
    reason: str


class StoredPlan(SQLModel, table=True):
    """A plan as JSON of ``bms.model.planning.plan.Plan`` without its problem and what people said,
    and both of these (``bms.store.sql.plans``)."""

    __tablename__: ClassVar[str] = "plans"
    __table_args__ = (Index("plans_by_site", "site", "created_at"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str = Field(unique=True)
    site: str
    created_at: datetime = Field(sa_type=UtcTime)
    body: str = Field(sa_type=PackedText)
    problem: str | None = Field(default=None, sa_type=PackedText)


class StoredModel(SQLModel, table=True):
    """An identified model as JSON of ``bms.model.planning.plan.BuildingModel``."""

    __tablename__: ClassVar[str] = "models"
    __table_args__ = (Index("models_by_site", "site", "identified_at"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    site: str
    identified_at: datetime = Field(sa_type=UtcTime)
    body: str


class StoredReceipt(SQLModel, table=True):
    """What became of a write or a release: its kind and its JSON; how often the same came of it
    again, when last, and in what that differs (``bms.store.receipt_renewals``). ``named`` is what
    people said in it (``bms.store.personal_text``), empty once it was removed."""

    __tablename__: ClassVar[str] = "receipts"
    __table_args__ = (Index("receipts_by_site", "site", "at"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    site: str
    at: datetime = Field(sa_type=UtcTime)
    kind: str
    body: str
    renewals: int = 0
    renewed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    renewed: str | None = None
    named: str | None = None


class StoredOwner(SQLModel, table=True):
    """Who owns a site (``bms.model.control.ownership``).

    ``until`` [us after the epoch, clock of the database]; ``stands_s`` is how long what it writes
    may stand after that, ``waits_s`` how long it has to wait for what an earlier owner wrote [s,
    building time]. ``places`` are digests of what it writes to, ``heir`` is to whom it is offered,
    with the ``bequest`` that one has to know.
    """

    __tablename__: ClassVar[str] = "site_owner"
    __table_args__ = (Index("site_owner_by_owner", "owner"),)
    site: str = Field(primary_key=True)
    owner: str
    place: str
    selection: str
    places: str
    token: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)
    released: bool
    stands_s: float
    waits_s: float
    heir: str | None = None
    accepted: bool
    bequest: str | None = Field(default=None, sa_type=Text)


class StoredStandingReceipt(SQLModel, table=True):
    """The receipt that stands at a point, and what a renewal has to be like."""

    __tablename__: ClassVar[str] = "standing_receipts"
    point: str = Field(primary_key=True)
    receipt: int = Field(sa_type=BigInteger)
    likeness: str


class StoredControlStart(SQLModel, table=True):
    """When a value of ours first acted at a site. Rows are only added; they outlive the receipt."""

    __tablename__: ClassVar[str] = "control_starts"
    site: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcTime)


class StoredMode(SQLModel, table=True):
    """A mode that a person set. Rows are only added; the last one stands."""

    __tablename__: ClassVar[str] = "modes"
    __table_args__ = (Index("modes_by_site", "site", "seq"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    site: str
    mode: str
    actor: str
    at: datetime = Field(sa_type=UtcTime)
    reason: str


class StoredOverride(SQLModel, table=True):
    """An override and, once it is over, its removal; ``fact`` is its reason as JSON of
    ``bms.model.fact.Fact`` where no person wrote one."""

    __tablename__: ClassVar[str] = "overrides"
    __table_args__ = (Index("overrides_by_site", "site"),)
    id: str = Field(primary_key=True)
    site: str
    point: str | None = None
    since: datetime = Field(sa_type=UtcTime)
    until: datetime | None = Field(default=None, sa_type=UtcTime)
    reason: str
    actor: str
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    removed_by: str | None = None
    fact: str | None = None


class StoredAudit(SQLModel, table=True):
    """What a person did. Rows are only added."""

    __tablename__: ClassVar[str] = "audit"
    __table_args__ = (
        Index("audit_by_site", "site", "seq"),
        Index("audit_by_subject", "subject"),
    )
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    at: datetime = Field(sa_type=UtcTime)
    actor: str
    action: str
    site: str
    subject: str
    reason: str


class StoredKey(SQLModel, table=True):
    """An API key: never the secret, only its digest."""

    __tablename__: ClassVar[str] = "keys"
    id: str = Field(primary_key=True)
    digest: str
    scope: str
    name: str
    created: datetime = Field(sa_type=UtcTime)
    revoked: datetime | None = Field(default=None, sa_type=UtcTime)
    expires: datetime | None = Field(default=None, sa_type=UtcTime)


class StoredTrial(SQLModel, table=True):
    """A switchback trial as JSON of ``bms.model.savings.trial.Trial``, and what people said in it.
    Rows are only added."""

    __tablename__: ClassVar[str] = "trials"
    __table_args__ = (Index("trials_by_site", "site"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str = Field(unique=True)
    site: str
    started_at: datetime = Field(sa_type=UtcTime)
    body: str
    named: str | None = None


class StoredTrialEnd(SQLModel, table=True):
    """A trial that somebody stopped. Rows are only added."""

    __tablename__: ClassVar[str] = "trial_ends"
    __table_args__ = (Index("trial_ends_by_site", "site"),)
    trial: str = Field(primary_key=True)
    site: str
    at: datetime = Field(sa_type=UtcTime)
    actor: str
    reason: str


class StoredTrialResult(SQLModel, table=True):
    """The sealed result of a trial as JSON of ``SealedResult``. Rows are only added."""

    __tablename__: ClassVar[str] = "trial_results"
    __table_args__ = (Index("trial_results_by_site", "site"),)
    trial: str = Field(primary_key=True)
    site: str
    at: datetime = Field(sa_type=UtcTime)
    body: str


class StoredCommissioning(SQLModel, table=True):
    """A signed commissioning of a point, its tests as JSON. Rows are only added."""

    __tablename__: ClassVar[str] = "commissionings"
    __table_args__ = (
        Index("commissionings_by_point", "site", "point", "seq"),
        Index("commissionings_by_id", "id"),
    )
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str
    site: str
    point: str
    at: datetime = Field(sa_type=UtcTime)
    declared: str
    passed: int = Field(sa_type=SmallInteger)
    body: str
    actor: str


class StoredStepBack(SQLModel, table=True):
    """A step back from ``auto``, its reason as JSON of ``bms.model.fact.Fact``, and who agreed that
    the site goes on."""

    __tablename__: ClassVar[str] = "steps_back"
    __table_args__ = (Index("steps_back_by_site", "site"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str
    site: str
    at: datetime = Field(sa_type=UtcTime)
    fact: str
    agreed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    agreed_by: str | None = None


class StoredShadowDay(SQLModel, table=True):
    """A local day, counted from 0001-01-01, at which the plan was not written, as JSON of
    ``bms.model.trust.modes.ShadowDay``."""

    __tablename__: ClassVar[str] = "shadow_days"
    site: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    body: str


class StoredEvent(SQLModel, table=True):
    """An entry of the ledger of non-routine events (``bms.model.savings.event``). Rows are only
    added.

    ``starts`` and ``ends`` are its period; no two entries supersede the same one.
    """

    __tablename__: ClassVar[str] = "events"
    __table_args__ = (Index("events_by_site", "site", "seq"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str = Field(unique=True)
    site: str
    meter: str
    starts: datetime = Field(sa_type=UtcTime)
    ends: datetime = Field(sa_type=UtcTime)
    kwh: float
    kwh_se: float
    kind: str
    decision: str
    author: str
    entered_at: datetime = Field(sa_type=UtcTime)
    reason: str
    supersedes: str | None = Field(default=None, unique=True)


class StoredMeasure(SQLModel, table=True):
    """What was done to a building (``bms.model.savings.measure``); ``body`` is without its author.
    Rows are only added; the author may be blanked."""

    __tablename__: ClassVar[str] = "measures"
    __table_args__ = (Index("measures_by_site", "site", "seq"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str = Field(unique=True)
    site: str
    entered_at: datetime = Field(sa_type=UtcTime)
    body: str
    author: str


class StoredMeasureEnd(SQLModel, table=True):
    """Until when a measure acted. Rows are only added."""

    __tablename__: ClassVar[str] = "measure_ends"
    __table_args__ = (Index("measure_ends_by_site", "site"),)
    measure: str = Field(primary_key=True)
    site: str
    at: datetime = Field(sa_type=UtcTime)
    ends: datetime = Field(sa_type=UtcTime)
    actor: str
    reason: str


class StoredGoal(SQLModel, table=True):
    """Budget and target of a year that somebody set (``bms.model.savings.goal``). Rows are only
    added; who and why may be blanked."""

    __tablename__: ClassVar[str] = "goals"
    __table_args__ = (Index("goals_by_site", "site", "seq"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    site: str
    year: int
    commodity: str
    budget: float | None
    target: float | None
    at: datetime = Field(sa_type=UtcTime)
    actor: str
    reason: str


class StoredBaseline(SQLModel, table=True):
    """A baseline that was kept, as JSON of ``bms.model.savings.avoided_use.FrozenBaseline``. Rows
    are only added."""

    __tablename__: ClassVar[str] = "baselines"
    __table_args__ = (Index("baselines_by_site", "site", "seq"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    site: str
    at: datetime = Field(sa_type=UtcTime)
    author: str
    reason: str
    body: str


class StoredAnswer(SQLModel, table=True):
    """An answer that a job makes (``bms.model.savings.kept_answer``)."""

    __tablename__: ClassVar[str] = "answers"
    __table_args__ = (Index("answers_by_subject", "subject"),)
    kind: str = Field(primary_key=True)
    question: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    edition: int
    made_at: datetime = Field(sa_type=UtcTime)
    version: str
    outdated_at: datetime | None = Field(default=None, sa_type=UtcTime)
    body: str = Field(sa_type=PackedText)


class StoredPrediction(SQLModel, table=True):
    """How far the predictions of a zone were off on a local day, counted from 0001-01-01."""

    __tablename__: ClassVar[str] = "predictions"
    site: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    zone: str = Field(primary_key=True)
    lead_h: int = Field(primary_key=True)
    n: int
    rmse_k: float | None = None
    bias_k: float | None = None
    expected_k: float | None = None
    model_at: datetime = Field(sa_type=UtcTime)
    drifting: bool


class StoredUseStart(SQLModel, table=True):
    """How cold a zone was when people came on a local day, counted from 0001-01-01."""

    __tablename__: ClassVar[str] = "use_starts"
    site: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    zone: str = Field(primary_key=True)
    shortfall_k: float
    margin_k: float


class StoredUseForecast(SQLModel, table=True):
    """How far what was foreseen of a building's use was off on a local day, counted from
    0001-01-01; ``zone`` is empty for the whole building."""

    __tablename__: ClassVar[str] = "use_forecasts"
    site: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    what: str = Field(primary_key=True)
    zone: str = Field(primary_key=True)
    lead_h: int = Field(primary_key=True)
    n: int
    bias: float
    rmse: float


class StoredBooking(SQLModel, table=True):
    """A booking or closure (``bms.model.control.booking``) and, once it is over, its removal."""

    __tablename__: ClassVar[str] = "bookings"
    __table_args__ = (Index("bookings_by_site", "site", "ends"),)
    id: str = Field(primary_key=True)
    site: str
    zone: str | None = None
    starts: datetime = Field(sa_type=UtcTime)
    ends: datetime = Field(sa_type=UtcTime)
    kind: str
    reason: str
    author: str
    made_at: datetime = Field(sa_type=UtcTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    removed_by: str | None = None
    people: float | None = None


class StoredWorkItem(SQLModel, table=True):
    """An item of the work list as JSON of ``bms.model.work.item.WorkItem`` without its events; how
    it was closed, and when its cause was gone for its delay. ``size`` is that of its cause."""

    __tablename__: ClassVar[str] = "work_items"
    __table_args__ = (Index("work_items_by_site", "site", "closed_at"),)
    id: str = Field(primary_key=True)
    site: str
    cause: str
    opened_at: datetime = Field(sa_type=UtcTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    closing: str | None = None
    cleared_at: datetime | None = Field(default=None, sa_type=UtcTime)
    size: float | None = None
    body: str


class StoredWorkEvent(SQLModel, table=True):
    """What was done with an item (``bms.model.work.item.WorkEvent``). Rows are only added."""

    __tablename__: ClassVar[str] = "work_events"
    __table_args__ = (Index("work_events_by_item", "item", "seq"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    item: str
    site: str
    at: datetime = Field(sa_type=UtcTime)
    act: str
    until: datetime | None = Field(default=None, sa_type=UtcTime)
    closing: str | None = None
    measure: str | None = None
    actor: str
    note: str
    assignee: str


class StoredDetection(SQLModel, table=True):
    """What the fault rules answered last of a site, as JSON of ``Detection``."""

    __tablename__: ClassVar[str] = "detections"
    site: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    body: str = Field(sa_type=PackedText)


class StoredWatched(SQLModel, table=True):
    """Since when and until when the causes of a site were looked at without a gap."""

    __tablename__: ClassVar[str] = "work_watched"
    site: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcTime)
    until: datetime = Field(sa_type=UtcTime)


class StoredNotice(SQLModel, table=True):
    """What became of a notice (``bms.model.work.notice.NoticeRecord``); ``items`` are a JSON array.
    Rows are only added."""

    __tablename__: ClassVar[str] = "notices"
    __table_args__ = (Index("notices_by_moment", "at"),)
    seq: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str = Field(unique=True)
    at: datetime = Field(sa_type=UtcTime)
    channel: str
    occasion: str
    items: str
    failed: int = Field(sa_type=SmallInteger)
    recipient: str
    address: str
    error: str


class StoredTold(SQLModel, table=True):
    """The items that a recipient was told of; ``recipient`` is a digest of its name."""

    __tablename__: ClassVar[str] = "told_items"
    recipient: str = Field(primary_key=True)
    item: str = Field(primary_key=True)


class StoredPerson(SQLModel, table=True):
    """Somebody who signs in (``bms.model.access.people``); who was revoked has no password."""

    __tablename__: ClassVar[str] = "people"
    __table_args__ = (Index("people_by_name", "name"), Index("people_by_subject", "subject"))
    id: str = Field(primary_key=True)
    name: str
    grants: str
    created: datetime = Field(sa_type=UtcTime)
    password: str | None = None
    subject: str | None = None
    revoked: datetime | None = Field(default=None, sa_type=UtcTime)


class StoredSession(SQLModel, table=True):
    """The session of a person or a key: never its token, only the digest."""

    __tablename__: ClassVar[str] = "sessions"
    __table_args__ = (Index("sessions_by_id", "id"), Index("sessions_by_whose", "of"))
    digest: str = Field(primary_key=True)
    id: str
    of: str
    name: str
    way: str
    grants: str
    begun: datetime = Field(sa_type=UtcTime)
    seen: datetime = Field(sa_type=UtcTime)
    until: datetime = Field(sa_type=UtcTime)
    ended: datetime | None = Field(default=None, sa_type=UtcTime)
