"""Answers and bodies of the API. Units stand in the name of a field or beside the value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from api.deps import FULL_ID, SITE_ID
from bms.metering.quality import MeterQuality
from bms.model.assets.site import (
    Comfort,
    HeatSource,
    Mode,
    Point,
    Power,
    Privacy,
    ReleaseKind,
    Role,
)
from bms.model.planning.plan import Expected, Plan, PlanStatus, SetpointPlan, ZoneForecast
from bms.model.readings.metering import Consumption, Flaw, Quantity
from bms.model.readings.reading import Quality, Reading
from bms.model.readings.units import Commodity, Unit
from bms.model.savings.savings import SiteSavings, Span
from bms.model.savings.trial import Arm, KeptTrial
from bms.model.words import Words
from bms.ports.store import DeviceHealth, Fold
from bms.services.assessment.monthly_savings import YearToDate, year_to_date
from bms.services.assessment.savings_book import Told
from bms.services.control.trial_block import turn_at

MOST_PUSHED = 10_000
"""Readings [1] of one push."""

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class Answer(BaseModel):
    """A row of an answer, made from nouns."""

    model_config = ConfigDict(from_attributes=True)


class Body(BaseModel):
    """What a client sends; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class SiteRow(Answer):
    id: str
    name_da: str
    name_en: str
    use: str
    area_m2: float
    timezone: str
    mode: Mode


class SitePage(Answer):
    sites: list[SiteRow]
    next: str | None


class ZoneAnswer(Answer):
    id: str
    name: str
    area_m2: float
    comfort: Comfort
    people: float | None
    volume_m3: float | None


class MeterAnswer(Answer):
    id: str
    commodity: Commodity
    billed: bool


class VentilationAnswer(Answer):
    id: str
    zones: tuple[str, ...]
    flow_m3_h: float
    fan_kw: float
    recovery: float
    least_flow_pct: float


class DeviceAnswer(Answer):
    id: str
    protocol: str


class DeviceHealthAnswer(Answer):
    """How a device has been doing since this process began to ask it."""

    answers: int
    latency_s: float | None = Field(description="moving mean of the time to an answer")
    errors: dict[str, int] = Field(
        description="failed exchanges by code: the protocol's own, `silence` or `garbled`"
    )
    last_good: datetime | None = Field(description="building time of the last good answer")
    left_alone: bool = Field(description="its circuit breaker is open: it was silent")
    clock_drift_s: float | None = Field(
        description="how much its clock was ahead of building time when it was last read"
    )

    @classmethod
    def of(cls, health: DeviceHealth) -> Self:
        return cls(
            answers=health.answers,
            latency_s=health.latency_s,
            errors=dict(health.errors),
            last_good=health.last_good,
            left_alone=health.left_alone,
            clock_drift_s=health.clock_drift_s,
        )


class DeviceHealthRow(DeviceAnswer):
    health: DeviceHealthAnswer | None = Field(
        description="null until this process has asked the device"
    )


class DevicePage(Answer):
    devices: list[DeviceHealthRow]
    next: str | None


class OverrideAnswer(Answer):
    id: str
    site: str
    point: str | None
    since: datetime
    until: datetime | None
    reason: str
    actor: str


class TrialAnswer(Answer):
    """The switchback trial that is on or will be; ``arm`` is whose day it is now."""

    id: str
    start: datetime
    end: datetime
    arm: Arm | None
    until: datetime | None
    by: str
    reason: str

    @classmethod
    def of(cls, kept: Sequence[KeptTrial], now: datetime) -> Self | None:
        """None where no trial is open."""
        known = next((each.trial for each in kept if each.open(now)), None)
        if known is None:
            return None
        turn = turn_at(kept, now)
        return cls(
            id=known.id,
            start=known.start,
            end=known.end,
            arm=None if turn is None else turn.arm,
            until=None if turn is None else turn.until,
            by=known.by,
            reason=known.reason,
        )


class SiteAnswer(SiteRow):
    latitude: float
    longitude: float
    heat_source: HeatSource
    power: Power
    zones: list[ZoneAnswer]
    ventilation: list[VentilationAnswer]
    meters: list[MeterAnswer]
    devices: list[DeviceAnswer]
    overrides: list[OverrideAnswer]
    trial: TrialAnswer | None = None


class Latest(Answer):
    time: datetime
    value: float | None
    quality: Quality
    detail: str | None


class WriteAnswer(Answer):
    minimum: float
    maximum: float
    resolution: float
    release: ReleaseKind


class PointAnswer(Answer):
    id: str
    role: Role
    unit: Unit
    zone: str | None
    meter: str | None
    ventilation: str | None
    device: str
    privacy: Privacy
    write: WriteAnswer | None
    latest: Latest | None

    @classmethod
    def of(cls, point: Point, latest: Reading | None) -> Self:
        rule = point.write
        return cls(
            id=point.id,
            role=point.role,
            unit=point.unit,
            zone=point.zone,
            meter=point.meter,
            ventilation=point.ventilation,
            device=point.device,
            privacy=point.privacy,
            write=None
            if rule is None
            else WriteAnswer(
                minimum=rule.minimum,
                maximum=rule.maximum,
                resolution=rule.resolution,
                release=rule.release.kind,
            ),
            latest=None if latest is None else Latest.model_validate(latest),
        )


class PointPage(Answer):
    points: list[PointAnswer]
    next: str | None


class ReadingRow(Answer):
    time: datetime
    value: float | None
    quality: Quality
    detail: str | None = None


class ReadingsAnswer(Answer):
    """``value`` is in ``unit``; with ``fold`` delta it is the use per step."""

    point: str
    unit: Unit
    start: datetime
    end: datetime
    step_s: int | None
    fold: Fold | None
    readings: list[ReadingRow]
    next: datetime | None


class SavingsAnswer(Answer):
    """The saving of a site with the periods that it is told for."""

    site: str
    baseline: Span
    reporting: Span
    control_start: datetime | None
    savings: SiteSavings
    year_to_date: YearToDate | None

    @classmethod
    def of(cls, told: Told) -> Self:
        return cls(
            site=told.savings.id,
            baseline=told.periods.baseline,
            reporting=told.periods.reporting,
            control_start=told.periods.control_start,
            savings=told.savings,
            year_to_date=year_to_date(told.savings),
        )


class PortfolioAnswer(Answer):
    """``portfolio`` is the sum of all sites, on every page."""

    portfolio: SiteSavings
    year_to_date: YearToDate | None
    sites: list[SavingsAnswer]
    next: str | None


class PlanAnswer(Answer):
    id: str
    site: str
    created_at: datetime
    start: datetime
    end: datetime
    step_s: int
    status: PlanStatus
    reasons: tuple[Words, ...]
    notes: tuple[Words, ...]
    objections: tuple[Words, ...]
    expected: Expected
    own_control: Expected
    setpoints: tuple[SetpointPlan, ...]
    forecast: tuple[ZoneForecast, ...]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        answer = plan.schedule
        return cls(
            id=plan.id,
            site=plan.site,
            created_at=plan.created_at,
            start=answer.start,
            end=answer.end,
            step_s=answer.step_s,
            status=answer.status,
            reasons=answer.reasons,
            notes=plan.problem.notes,
            objections=plan.objections,
            expected=answer.expected,
            own_control=answer.own_control,
            setpoints=answer.setpoints,
            forecast=answer.forecast,
        )


class ScheduleAnswer(Answer):
    """What a controller may apply until ``lease_end``; every fetch renews the lease.

    After ``lease_end``, or with no row for a point, the controller follows its own control.
    """

    device: str
    site: str
    plan: str | None
    lease_s: int
    lease_end: datetime
    setpoints: tuple[SetpointPlan, ...]
    reasons: tuple[Words, ...]


class PushedRow(Body):
    """One value of a point, or of a meter: its supplier's number, or `site/meter`."""

    point: str | None = Field(None, max_length=200)
    meter: str | None = Field(None, max_length=200)
    quantity: Quantity | None = Field(None, description="needed where a meter has several")
    time: AwareDatetime = Field(description="with its offset; the start of an interval")
    value: float | None = Field(strict=True, description="null where there is none")
    unit: str | None = Field(None, max_length=20, description="that of the point when left out")
    quality: Quality | None = Field(None, description="good, or absent, when left out")

    @field_validator("time", mode="before")
    @classmethod
    def _iso_8601(cls, value: object) -> datetime:
        if not isinstance(value, str):
            raise ValueError("a time is text such as 2026-03-01T10:00:00+01:00")
        return datetime.fromisoformat(value)


class PushBody(Body):
    readings: list[PushedRow] = Field(max_length=MOST_PUSHED)


class RefusedRow(Answer):
    """``index`` counts the readings of a JSON body from 0, ``line`` the lines of a CSV from 1."""

    index: int | None = None
    line: int | None = None
    message: str


class IngestAnswer(Answer):
    """What became of the rows. ``waiting`` are on disk until the database is back."""

    new: int
    known: int
    corrected: int
    waiting: int
    expired: int = Field(description="older than such readings are kept")
    refused_rows: int
    refused: list[RefusedRow] = Field(description="many rows of one reason are named once")


class MeterRowAnswer(Answer):
    """``id`` is `site/meter`; a virtual meter is computed from others."""

    id: str
    site: str
    meter: str
    commodity: Commodity
    billed: bool
    virtual: bool
    number: str | None = Field(description="what the supplier calls it")
    unit: Unit | None
    point: str | None
    latest: Latest | None


class MeterPage(Answer):
    meters: list[MeterRowAnswer]
    next: str | None


class MeterEventAnswer(Answer):
    """``amount`` is the use inside it, in the unit of the meter, where that is known."""

    flaw: Flaw
    start: datetime
    end: datetime
    amount: float | None
    words: Words


class SpellAnswer(Answer):
    """A run of hours without known use."""

    start: datetime
    end: datetime
    reason: MeterEventAnswer | None


class MeterQualityAnswer(Answer):
    """How far the readings of a meter can be trusted; ``total`` is its use in ``unit``."""

    id: str
    unit: Unit
    start: datetime
    end: datetime
    step_s: int
    coverage: float = Field(description="share of the steps whose use is known, 0 to 1")
    steps: int
    missing: int = Field(description="steps without known use")
    total: float | None
    counts: dict[Flaw, int] = Field(description="events of each flaw")
    events: list[MeterEventAnswer]
    worst: SpellAnswer | None = Field(description="the longest run of missing steps")
    last_reading: datetime | None
    silent_for_s: float | None = Field(description="age of the last reading at the end")
    without_value: int = Field(description="readings that came as missing")
    estimated: int = Field(description="readings that the supplier estimated; they do not count")
    verdict: Words

    @classmethod
    def of(cls, name: str, use: Consumption, quality: MeterQuality) -> Self:
        silent = quality.silent_for
        worst = quality.worst
        return cls(
            id=name,
            unit=use.unit,
            start=use.use.start,
            end=use.use.end,
            step_s=int(use.use.step.total_seconds()),
            coverage=quality.coverage,
            steps=quality.steps,
            missing=quality.missing,
            total=use.total,
            counts=dict(quality.counts),
            events=[MeterEventAnswer.model_validate(event) for event in quality.events],
            worst=None if worst is None else SpellAnswer.model_validate(worst),
            last_reading=quality.last_reading,
            silent_for_s=None if silent is None else silent.total_seconds(),
            without_value=quality.without_value,
            estimated=quality.estimated,
            verdict=quality.verdict,
        )


class CoolingAnswer(Answer):
    """How far the district heating water is cooled (afkøling), weighted by its volume.

    ``energy_ratio`` is the measured energy over what volume and cooling make: outside 0.9 to 1.1 a
    sensor, a unit or a meter is wrong.
    """

    id: str
    start: datetime
    end: datetime
    mean_k: float | None
    volume_m3: float
    coverage: float = Field(description="share of the known volume that the mean speaks of")
    energy_ratio: float | None


class UseRow(Answer):
    start: datetime
    end: datetime
    value: float | None


class ConsumptionAnswer(Answer):
    """Use per step in ``unit``, null where it cannot be known; the events say why.

    ``total`` is what passed the meter over the whole period, where that can be known.
    """

    id: str
    unit: Unit
    start: datetime
    end: datetime
    step: str
    total: float | None
    use: list[UseRow]
    events: list[MeterEventAnswer]


class OverrideBody(Body):
    point: Annotated[str, StringConstraints(pattern=FULL_ID)] | None = Field(
        None, description="one point; all of the site when left out"
    )
    until: AwareDatetime | None = Field(None, description="building time; open when left out")
    reason: Reason


class ModeBody(Body):
    mode: Mode
    reason: Reason
    approver: Reason | None = Field(None, description="who approved it; needed for auto")

    @model_validator(mode="after")
    def _auto_needs_an_approver(self) -> Self:
        if self.mode is Mode.AUTO and self.approver is None:
            raise ValueError("mode auto needs an approver: the name of who approved it")
        return self


class ReleaseBody(Body):
    site: Annotated[str, StringConstraints(pattern=SITE_ID)] | None = None
    all: Literal[True] | None = None
    reason: Reason

    @model_validator(mode="after")
    def _either_one_or_all(self) -> Self:
        if (self.site is None) == (self.all is None):
            raise ValueError('name one "site", or say "all": true')
        return self


class ReleaseRow(Answer):
    point: str
    outcome: Literal["released", "still_held"]
    effective: float | None = Field(None, description="in the unit of the point")
    error: str | None = None


class ReleaseAnswer(Answer):
    """``complete`` is false while something is still held; the guard goes on."""

    complete: bool
    points: list[ReleaseRow]


class OverrideMade(Answer):
    override: OverrideAnswer
    released: ReleaseAnswer


class ModeAnswer(Answer):
    site: str
    mode: Mode
    released: ReleaseAnswer


class Health(Answer):
    status: Literal["ok"] = "ok"


class Ready(Answer):
    status: Literal["ready"] = "ready"
    sites: int
    time: datetime
    waiting: int = Field(0, description="readings on disk that the database does not have yet")
    lost: int = Field(0, description="readings that waited, or should have, and are gone")
