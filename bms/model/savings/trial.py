"""A switchback trial: a building that alternates, at random, between our control and its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from bms.model.fact import Fact

DAY = timedelta(days=1)


class Arm(StrEnum):
    """Who controls the building in a block of days."""

    OPTIMISED = "optimised"
    OWN_CONTROL = "own_control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was drawn before the first day, and never changes.

    Block ``i`` has ``block_days`` whole local days from ``first + i * block_days`` on and the arm
    ``arms[i]``; it begins at local midnight. The first ``washout_days`` of every block are not
    analysed: the building still remembers the block before. ``temp_c`` [degC] and ``rest`` (weekend
    or closed) of every day are what was known at the draw; with ``seed`` and ``limit``, the
    imbalance up to which a draw was accepted [1], they give the set of draws that might have been
    made instead. ``imbalance`` is that of the draw that was made.
    """

    id: str
    site: str
    timezone: str
    first: date
    block_days: int
    washout_days: int
    arms: tuple[Arm, ...]
    temp_c: tuple[float, ...]
    rest: tuple[bool, ...]
    seed: int
    limit: float
    imbalance: float
    started_at: datetime
    by: str
    reason: str

    def __post_init__(self) -> None:
        if not 0 <= self.washout_days < self.block_days:
            raise ValueError(
                f"blocks of {self.block_days} days leave nothing to analyse after "
                f"{self.washout_days} days of wash-out"
            )
        if not len(self.temp_c) == len(self.rest) == self.days:
            raise ValueError(
                f"trial {self.id}: {self.days} days need a temperature and a kind each"
            )

    @property
    def days(self) -> int:
        """Number of local days [d]."""
        return self.block_days * len(self.arms)

    @property
    def start(self) -> datetime:
        """Local midnight before the first day, in UTC."""
        return self._midnight(self.first)

    @property
    def end(self) -> datetime:
        """Local midnight after the last day, in UTC."""
        return self._midnight(self.first + self.days * DAY)

    def block_at(self, moment: datetime) -> int | None:
        """The block that ``moment`` lies in, from 0; None outside of the trial."""
        day = (moment.astimezone(ZoneInfo(self.timezone)).date() - self.first).days
        return day // self.block_days if 0 <= day < self.days else None

    def block_start(self, block: int) -> datetime:
        """Local midnight before the first day of a block, in UTC."""
        return self._midnight(self.first + block * self.block_days * DAY)

    def block_end(self, block: int) -> datetime:
        """Local midnight after the last day of a block, in UTC."""
        return self._midnight(self.first + (block + 1) * self.block_days * DAY)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.timezone)).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnd:
    """A decision that ends a trial before its time."""

    trial: str
    site: str
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTrial:
    """A trial as the store has it; ``ended`` where somebody stopped it."""

    trial: Trial
    ended: TrialEnd | None = None

    @property
    def until(self) -> datetime:
        """When it is over: as drawn, or when it was stopped."""
        return self.trial.end if self.ended is None else min(self.trial.end, self.ended.at)

    def open(self, at: datetime) -> bool:
        """Whether it runs at ``at`` or will."""
        return at < self.until

    def runs(self, at: datetime) -> bool:
        """Whether one of its blocks is on at ``at``."""
        return self.trial.start <= at < self.until


class Subject(StrEnum):
    """What a trial measures: use of the billed meters [kWh/day], and discomfort [K h/day]."""

    ELECTRICITY = "electricity"
    HEAT = "heat"
    GAS = "gas"
    COMFORT = "comfort"


class EffectUnit(StrEnum):
    """Unit of an effect: energy, or discomfort."""

    KWH_PER_DAY = "kWh/day"
    KELVIN_HOURS_PER_DAY = "K·h/day"


@dataclass(frozen=True, slots=True)
class Bounds:
    """An estimate with its interval; an end that the data do not bound is None."""

    value: float
    low: float | None
    high: float | None

    @property
    def above_zero(self) -> bool:
        return self.low is not None and self.low > 0

    @property
    def below_zero(self) -> bool:
        return self.high is not None and self.high < 0

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies inside."""
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How much less of ``subject`` there is a day while we control, against own control.

    ``saving`` [unit] is what is claimed: its interval holds those of the ``regression`` and of
    the ``lot`` (randomisation inference). ``share`` is the same of the use under own control (a
    fraction); None where there is too little use to share. ``p_value`` is of no effect, by lot.
    ``missing`` days had no data, ``washed_out`` ones were not looked at; means are of the others.
    """

    subject: Subject
    unit: EffectUnit
    confidence: float
    days_own: int
    days_optimised: int
    missing: int
    washed_out: int
    mean_own: float
    mean_optimised: float
    saving: Bounds
    regression: Bounds
    lot: Bounds
    p_value: float
    share: Bounds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AaCheck:
    """The same trial on days on which both arms were own control: there must be no effect.

    ``windows`` such stretches of the past were tried, ``covered`` of them hold no effect.
    """

    subject: Subject
    windows: int
    covered: int


class TrialOutcome(StrEnum):
    """What a trial shows of a subject."""

    LESS = "less"
    MORE = "more"
    NOT_TOLD = "not_told"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a trial shows; ``days_done`` of ``days`` are over.

    ``disobeyed`` are own-control days on which we wrote, ``idle`` optimised days on which we did
    not: people, or a plan that was missing. Both count in the arm that was drawn.
    """

    trial: str
    site: str
    days: int
    days_done: int
    effects: tuple[Effect, ...]
    findings: tuple[tuple[Subject, TrialOutcome], ...]
    checks: tuple[AaCheck, ...]
    disobeyed: tuple[date, ...]
    idle: tuple[date, ...]
    reasons: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableEffect:
    """The least effect that a trial of so many weeks shows 4 times of 5 (fraction, kWh/day or
    K h/day); None where the building's past is too short."""

    subject: Subject
    weeks: int
    block_days: int
    blocks: int
    share: float | None
    per_day: float | None
