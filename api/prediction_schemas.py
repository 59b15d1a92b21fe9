"""Answers about how far predictions were off."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from api.schemas.base import Answer
from bms.model.words import Words


class PredictionRow(Answer):
    """Errors of a zone's predicted temperature, ``lead_h`` ahead, on a local day."""

    zone: str
    lead_h: int
    day: date
    n: int = Field(description="predictions that could be compared with what was measured")
    rmse_k: float | None
    bias_k: float | None = Field(description="predicted less measured")
    expected_k: float | None = Field(description="on held-out days when the model was learned")
    model_at: datetime
    drifting: bool = Field(description="from this day on the model was not planned with")


class PredictionsAnswer(Answer):
    """The record of the last days, oldest first; ``drift`` says what no longer holds now."""

    drift: tuple[Words, ...]
    predictions: list[PredictionRow]
