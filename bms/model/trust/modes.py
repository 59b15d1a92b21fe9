"""How far a site is trusted to us: steps back that we make ourselves, and days beside the plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from bms.model.fact import Fact, MessageCode, TermCode


class StepBackReason(MessageCode):
    """Which bound was passed (``bms.services.modes.bounds``)."""

    PREDICTIONS_OFF = "step_back_predictions_off"
    PREDICTIONS_MISSING = "step_back_predictions_missing"
    TOO_COLD = "step_back_too_cold"
    DATA_OLD = "step_back_data_old"
    WRITES_FAIL = "step_back_writes_fail"


class AutoScope(StrEnum):
    """What ``auto`` was approved for. ``limited``: the site had no thermal model; its plans do
    without one until predictions have held for as long as is asked of other sites."""

    FULL = "full"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBack:
    """We have put a site from ``auto`` back to ``advise`` at ``at`` because of ``reason``. It stays
    there until a named person agrees (``agreed_by``, ``agreed_at``)."""

    id: str
    site: str
    at: datetime
    reason: Fact
    agreed_at: datetime | None = None
    agreed_by: str | None = None


class Application(TermCode):
    """What people did with the advice of a plan on a day."""

    APPLIED = "advice_applied"
    PARTLY = "advice_partly_applied"
    NOT = "advice_not_applied"
    UNKNOWN = "advice_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowDay:
    """A local day of a site at which nothing was written: what the plan that stood at its beginning
    expected, beside what happened. Energy [kWh], comfort violations in use [K h].

    ``plan_kwh`` and ``own_kwh`` are what the model expects of the plan and of own control over the
    horizon of the plan, ``plan_kh`` and ``own_kh`` likewise; ``happened_kh`` is that of the day,
    ``followed`` the share [1] of the time in which the advised setpoints stood at the building;
    None where that is not known.
    """

    site: str
    day: date
    plan: str
    plan_kwh: float | None
    own_kwh: float | None
    plan_kh: float | None
    own_kh: float | None
    happened_kh: float | None
    followed: float | None
    application: Application

    @property
    def saving_kwh(self) -> float | None:
        """What the plan was expected to save against own control [kWh]; None where not known."""
        if self.plan_kwh is None or self.own_kwh is None:
            return None
        return self.own_kwh - self.plan_kwh
