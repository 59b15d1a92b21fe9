"""Answers with readings, and bodies of readings that are pushed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import (
    AwareDatetime,
    Field,
    field_validator,
)

from api.schemas.base import Answer, Body
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit
from bms.ports.storage.readings import Fold

MOST_PUSHED = 10_000
"""Readings [1] of one push."""


@dataclass(slots=True)
class ReadingRow:
    """One of thousands: a tenth of the time of a model, neither checked nor frozen."""

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
