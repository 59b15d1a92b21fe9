"""A switchback trial: a building that alternates, at random, between our control and its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.model.assets.equipment import Meter
from bms.model.assets.point import Point
from bms.model.assets.site import Zone
from bms.model.savings.trial_result import Arm, SealedResult, Subject

DAY = timedelta(days=1)


Draw = tuple[date, int, int, tuple[Arm, ...]]
"""First day, days of a block and of its wash-out, and the arm of every block."""

ANALYSIS_VERSION = "switchback 3"
"""Name of the analysis; another one where the same days would give another result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDesign:
    """What a trial will be analysed with, sealed with its draw: nothing that is changed in the
    site file afterwards has a part in the result.

    ``primary`` is the one outcome of which a finding is told, at ``confidence``; comfort is not
    worse where the discomfort is proven to be less than ``comfort_margin_kh`` [K h/day] higher.
    ``meters`` are the billed ones and those of export and production, ``points`` theirs and those
    of the rooms' temperatures, ``zones`` have the comfort bands and the hours of use, ``closed``
    are the closed days from before the trial to its end. ``carry_over_days`` is the order of
    carry-over that is supposed: how many days a switch acts on at most; ``time_constant_h`` [h] is
    what it was taken from.
    ``latitude`` and ``longitude`` [deg] are those of the weather; None where it was not sealed.
    ``levers`` are the points of which the dose is taken, whether they ever report or not; where
    none were sealed it is taken of those that report; ``lever_digests`` are of where each of them
    is and what may be written there, none of designs that were sealed before;
    ``sources`` are digests of where each billed meter is read, ``places`` of where levers and the
    rooms' sensors are, and ``elsewhere`` the trials that the building had under another name.
    ``rates`` is a digest of what the tariffs said of the trial's hours, empty where it was not
    known.
    """

    version: str
    number: int
    confidence: float
    primary: Subject
    comfort_margin_kh: float
    carry_over_days: int
    time_constant_h: float | None
    meters: tuple[Meter, ...]
    points: tuple[Point, ...]
    zones: tuple[Zone, ...]
    closed: tuple[date, ...]
    price_area: str
    electricity_tariff: str
    heat_tariff: str
    latitude: float | None = None
    longitude: float | None = None
    levers: tuple[str, ...] = ()
    lever_digests: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    rates: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was drawn before the first day, and never changes.

    Block ``i`` has ``block_days`` whole local days from ``first + i * block_days`` on and the arm
    ``arms[i]``; it begins at local midnight. The first ``washout_days`` of every block are not
    analysed: the building still remembers the block before. ``temp_c`` [degC] and ``rest`` (weekend
    or closed) of every day are what was known at the draw; with ``seed`` and ``limit``, the
    imbalance up to which a draw was accepted [1], they give the set of draws that might have been
    made instead. ``imbalance`` is that of the draw that was made. ``seed`` comes from the operating
    system's randomness.
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
    sealed: SealedDesign
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
    def draw(self) -> Draw:
        """Which days are whose, and which of them are analysed."""
        return self.first, self.block_days, self.washout_days, self.arms

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

    def day_start(self, number: int) -> datetime:
        """Local midnight before a day, in UTC; the first one has the number 0."""
        return self._midnight(self.first + number * DAY)

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
    """A trial as the store has it; ``ended`` where somebody stopped it, ``result`` once it is
    sealed. ``design_text`` is the JSON of the trial as it is stored, without names, and
    ``result_text`` that of the result: digests are taken of these, so that a field that a later
    version adds changes none of them."""

    trial: Trial
    ended: TrialEnd | None = None
    result: SealedResult | None = None
    design_text: str = field(default="", compare=False)
    result_text: str = field(default="", compare=False)

    @property
    def withdrawn(self) -> bool:
        """Whether it was stopped before its first day."""
        return self.ended is not None and self.ended.at <= self.trial.start

    @property
    def stopped(self) -> bool:
        """Whether somebody ended it before its planned end."""
        return self.ended is not None and self.ended.at < self.trial.end

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
