"""Answers about meters: quality, consumption and cooling. Units stand in the names of fields."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import (
    Field,
)

from api.schemas.base import Answer, FactAnswer
from api.schemas.sites import Latest
from bms.metering.night_minimum import NightMinimum
from bms.metering.quality import MeterQuality
from bms.model.assets.equipment import MeterDirection
from bms.model.readings.metering import Consumption, FlawKind
from bms.model.readings.units import Commodity, Unit


class MeterRowAnswer(Answer):
    """``id`` is `site/meter`; a virtual meter is computed from others."""

    id: str
    site: str
    meter: str
    commodity: Commodity
    billed: bool
    direction: MeterDirection | None = Field(description="None of a virtual meter")
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

    flaw: FlawKind
    start: datetime
    end: datetime
    amount: float | None
    words: FactAnswer = Field(validation_alias="fact")


class SpellAnswer(Answer):
    """A run of hours without known use."""

    start: datetime
    end: datetime
    reason: MeterEventAnswer | None


class NightMinimumAnswer(Answer):
    """The least flow of the last nights and of the usual night; ``since`` when it has risen."""

    m3_per_h: float
    usual_m3_per_h: float
    nights: int
    since: date | None
    yearly_m3: float | None
    words: FactAnswer = Field(validation_alias="fact")


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
    counts: dict[FlawKind, int] = Field(description="events of each flaw")
    events: list[MeterEventAnswer]
    worst: SpellAnswer | None = Field(description="the longest run of missing steps")
    last_reading: datetime | None
    silent_for_s: float | None = Field(description="age of the last reading at the end")
    without_value: int = Field(description="readings that came as missing")
    estimated: int = Field(description="readings that the supplier estimated; they do not count")
    verdict: FactAnswer
    night: NightMinimumAnswer | None = Field(description="of water: what runs all night")

    @classmethod
    def of(
        cls,
        name: str,
        use: Consumption,
        quality: MeterQuality,
        timezone: str,
        night: NightMinimum | None = None,
    ) -> Self:
        """Returns the answer of a meter; times in its sentences are local to ``timezone``."""
        context = {"timezone": timezone}
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
            events=[
                MeterEventAnswer.model_validate(event, context=context) for event in quality.events
            ],
            worst=None if worst is None else SpellAnswer.model_validate(worst, context=context),
            last_reading=quality.last_reading,
            silent_for_s=None if silent is None else silent.total_seconds(),
            without_value=quality.without_value,
            estimated=quality.estimated,
            verdict=FactAnswer.of(quality.verdict, timezone),
            night=None
            if night is None
            else NightMinimumAnswer.model_validate(night, context=context),
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
