"""What a switchback trial shows: effects with their intervals, dose, safety, and what is sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bms.model.fact import Fact


class Arm(StrEnum):
    """Who controls the building in a block of days."""

    OPTIMISED = "optimised"
    OWN_CONTROL = "own_control"


class Subject(StrEnum):
    """What a trial measures: use of the billed meters [kWh/day], what it costs [DKK/day] and emits
    [kg CO2/day], the highest hour of electricity of a day [kW], and discomfort [K h/day]."""

    ELECTRICITY = "electricity"
    HEAT = "heat"
    GAS = "gas"
    COST = "cost"
    CO2 = "co2"
    PEAK = "peak"
    COMFORT = "comfort"


class EffectUnit(StrEnum):
    """Unit of an effect."""

    KWH_PER_DAY = "kWh/day"
    KELVIN_HOURS_PER_DAY = "K·h/day"
    DKK_PER_DAY = "DKK/day"
    KG_PER_DAY = "kg/day"
    KW = "kW"


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


@dataclass(frozen=True, slots=True)
class Regression:
    """An estimate of θ by regression with its standard ``error`` and its degrees of ``freedom``;
    θ is a saving, or θ = δ/(1 - δ) for a share δ of the use."""

    value: float
    error: float
    freedom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How much less of ``subject`` there is a day while we control, against own control.

    ``saving`` [unit] is what is claimed: its interval holds those of the ``regression`` and of
    the ``lot`` (randomisation inference). ``share`` is the same of the use under own control (a
    fraction); None where there is too little use to share, ``share_by_lot`` that of the lot alone,
    ``relative`` its regression, from which buildings are pooled. ``p_value`` is of no effect,
    ``carry_over_p`` of none beyond the wash-out.
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
    carry_over_p: float | None = None
    share: Bounds | None = None
    share_by_lot: Bounds | None = None
    relative: Regression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AaCheck:
    """The same trial on days on which both arms were own control: there must be no effect.

    ``windows`` such stretches of the past were tried, ``covered`` of them hold no effect.
    """

    subject: Subject
    windows: int
    covered: int


class TrialOutcome(StrEnum):
    """What a trial shows of a subject. ``NOT_WORSE`` and ``WORSE`` are of comfort, against the
    margin that was set before; ``WITHHELD`` stands where no effect may be told."""

    LESS = "less"
    MORE = "more"
    NOT_TOLD = "not_told"
    NO_DATA = "no_data"
    NOT_WORSE = "not_worse"
    WORSE = "worse"
    WITHHELD = "withheld"


class TrialState(StrEnum):
    """Where a trial is. Only of one that is ``FINISHED`` are effects told; ``AWAITING_DATA`` is
    over, but not all of its days are in."""

    COMING = "coming"
    RUNNING = "running"
    STOPPED = "stopped"
    AWAITING_DATA = "awaiting_data"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDose:
    """How much of an arm was under our control: ``share`` is the mean over its ``days`` that are
    over of the share of hours and levers at which our value acted, 0..1; None before the first."""

    arm: Arm
    days: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDose:
    """The share of hours and levers at which our value acted on a day, and of those at which one
    acted that ``people`` had written, 0..1."""

    day: date
    arm: Arm
    share: float
    people: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """Discomfort of the days that we controlled [K h/day]: their mean and the worst of them."""

    days: int
    mean_kh: float
    worst_kh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a trial shows; ``days_done`` of ``days`` are over.

    ``effects``, ``findings`` and ``checks`` are empty until the planned end, and for good where the
    trial was stopped: who looks at an effect and stops when it pleases is fooled by chance.
    ``findings`` are of the primary outcome and of comfort. Every day counts in the arm that was
    drawn (intention to treat); ``dose`` and ``dose_days`` say how much of it was our control.
    """

    trial: str
    site: str
    state: TrialState
    primary: Subject
    confidence: float
    days: int
    days_done: int
    dose: tuple[ArmDose, ...]
    dose_days: tuple[DayDose, ...]
    safety: Safety | None
    effects: tuple[Effect, ...]
    findings: tuple[tuple[Subject, TrialOutcome], ...]
    checks: tuple[AaCheck, ...]
    reasons: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedResult:
    """The result of a trial as it was sealed at its end, and never changes.

    ``inputs`` are digests of the daily values of each subject that it rests on, ``design`` is that
    of what was drawn and sealed before (empty in results of older versions), and ``digest`` that of
    the result with all of them (SHA-256, hexadecimal digits).
    """

    trial: str
    site: str
    at: datetime
    result: TrialResult
    inputs: tuple[tuple[Subject, str], ...]
    digest: str
    design: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableEffect:
    """The least effect that a trial of so many weeks shows 4 times of 5 (fraction, or in the unit
    of the subject); None where the building's past is too short. ``share_high`` is the same where
    its noise is that of the worse stretches of the past."""

    subject: Subject
    weeks: int
    block_days: int
    blocks: int
    share: float | None
    share_high: float | None
    per_day: float | None
