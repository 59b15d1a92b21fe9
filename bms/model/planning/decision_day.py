"""What the decisions of plans were to bring, and what the heat meter showed of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bms.model.planning.plan import DecisionKind

STORING_DAYS = 5
"""Days on which heat was stored before their share is planned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionDay:
    """A local day that was run by its plan: what it was to bring by kind [DKK] and in heat [kWh],
    and what came beside own control, corrected to the weather of the day. ``cold_kh`` [K h] is how
    far below their bands the rooms were in use."""

    day: date
    predicted: dict[DecisionKind, float]
    predicted_dkk: float
    came_dkk: float
    predicted_kwh: float
    came_kwh: float
    plan: str = ""
    cold_kh: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KindWorth:
    """What a kind of decision has been worth: what it was to bring, and what came of it [DKK];
    ``share`` 0.. is the part that came, within ``share_error`` (one standard error)."""

    kind: DecisionKind
    days: int
    predicted_dkk: float
    came_dkk: float
    share: float
    share_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLedger:
    """The days of a site, oldest first, and what each kind has been worth over them."""

    site: str
    days: tuple[DecisionDay, ...]
    kinds: tuple[KindWorth, ...]

    @property
    def predicted_dkk(self) -> float:
        """What all decisions were to bring [DKK]."""
        return sum(each.predicted_dkk for each in self.days)

    @property
    def came_dkk(self) -> float:
        """What came of them by the meter [DKK]."""
        return sum(each.came_dkk for each in self.days)

    @property
    def storing_share(self) -> float | None:
        """The part of what storing was to bring that came; None while too few days tell."""
        found = (each for each in self.kinds if each.kind is DecisionKind.STORING)
        return next((each.share for each in found if each.days >= STORING_DAYS), None)
