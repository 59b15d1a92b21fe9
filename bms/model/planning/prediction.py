"""How far predictions were off, day by day: the record that says whether a model still holds.

And how cold rooms were when people came, which says how far a plan has to stay inside the band, and
how far what was foreseen of a building's use was off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class UseStart:
    """How cold a zone was when its first use of a local day began, on a day that we had warmed it
    up: ``shortfall_k`` [K] below the lower limit (negative: above), with a plan that stayed
    ``margin_k`` [K] inside the band."""

    site: str
    zone: str
    day: date
    shortfall_k: float
    margin_k: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionDay:
    """Errors of a zone's predicted temperature, ``lead_h`` [h] ahead, on a local day.

    ``n`` predictions could be compared with what was measured: ``rmse_k`` [K] and ``bias_k``
    (predicted less measured [K]); both None where ``n`` is 0. ``expected_k`` [K] is what the model
    showed on days held out when it was identified, at ``model_at``; None for leads that were not
    looked at then. ``drifting``: from this day on the model is not planned with.
    """

    site: str
    zone: str
    lead_h: int
    day: date
    n: int
    rmse_k: float | None
    bias_k: float | None
    expected_k: float | None
    model_at: datetime
    drifting: bool = False


class Foreseen(StrEnum):
    """What is foreseen of a building's use; the values are stored."""

    LOAD = "load"
    OCCUPANCY = "occupancy"


@dataclass(frozen=True, slots=True, kw_only=True)
class UseForecastDay:
    """What was foreseen ``lead_h`` [h] before a local day began, against what came on it.

    ``bias`` is foreseen less seen and ``rmse`` the root of the mean squared error, of the ``n``
    hours that could be compared: of the load in kW, of use as a share of the time (1 in use, 0
    not). ``zone`` None: the whole building.
    """

    site: str
    what: Foreseen
    zone: str | None
    lead_h: int
    day: date
    n: int
    bias: float
    rmse: float
