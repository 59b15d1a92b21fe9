"""Plans, what controllers may fetch of them, and the record of predictions, as answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Self

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, Body, FactAnswer
from bms.model.fact import Fact
from bms.model.planning.decision_day import DecisionLedger
from bms.model.planning.plan import (
    DecisionKind,
    Expected,
    Plan,
    PlanStatus,
    SetpointPlan,
    ZoneForecast,
)
from bms.model.planning.prediction import Foreseen
from bms.model.trust.modes import Application, ShadowDay


class ChangeAnswer(Answer):
    """Why a point has another value from a moment on."""

    point: str
    at: datetime
    why: FactAnswer


class PlanAnswer(Answer):
    id: str
    site: str
    created_at: datetime
    start: datetime
    end: datetime
    step_s: int
    status: PlanStatus
    reasons: tuple[FactAnswer, ...]
    notes: tuple[FactAnswer, ...]
    objections: tuple[FactAnswer, ...]
    expected: Expected
    own_control: Expected
    setpoints: tuple[SetpointPlan, ...]
    forecast: tuple[ZoneForecast, ...]
    changes: tuple[ChangeAnswer, ...] = Field(description="why each value follows the one before")

    @classmethod
    def of(cls, plan: Plan) -> Self:
        answer, timezone = plan.schedule, plan.problem.timezone

        def answers(facts: Iterable[Fact]) -> tuple[FactAnswer, ...]:
            return tuple(FactAnswer.of(each, timezone) for each in facts)

        return cls(
            id=plan.id,
            site=plan.site,
            created_at=plan.created_at,
            start=answer.start,
            end=answer.end,
            step_s=answer.step_s,
            status=answer.status,
            reasons=answers(answer.reasons),
            notes=answers(plan.problem.notes),
            objections=answers(plan.objections),
            expected=answer.expected,
            own_control=answer.own_control,
            setpoints=answer.setpoints,
            forecast=answer.forecast,
            changes=tuple(
                ChangeAnswer(point=each.point, at=each.at, why=FactAnswer.of(each.why, timezone))
                for each in answer.changes
            ),
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
    reasons: tuple[FactAnswer, ...]


class AppliedValueBody(Body):
    """The value that acts at one of the controller's points."""

    point: str = Field(max_length=200, examples=["school/hall.setpoint"])
    effective: float = Field(allow_inf_nan=False, description="in the unit of the point")
    local_override: bool = Field(
        default=False, description="somebody at the building has put it there"
    )


class AppliedBody(Body):
    """What a controller had in effect at a moment."""

    plan: str | None = Field(
        default=None, max_length=200, description="the plan that it applied; null: own control"
    )
    time: AwareDatetime
    values: list[AppliedValueBody] = Field(min_length=1, max_length=1000)


class AppliedRow(Answer):
    """What the value at a point shows; only an ``accepted`` one counts as controlled."""

    point: str
    outcome: str
    controlled: bool
    wanted: float | None = Field(description="what the plan has there, in the unit of the point")
    effective: float | None
    reason: FactAnswer | None


class AppliedAnswer(Answer):
    device: str
    site: str
    plan: str | None
    time: datetime
    repeated: bool = Field(description="that very report was kept before; nothing has changed")
    values: list[AppliedRow]


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


class UseForecastRow(Answer):
    """What was foreseen ``lead_h`` before a local day began, against what came: other load behind a
    heat pump's meter [kW], or use as a share of the time. Without ``zone`` of the whole building.
    """

    what: Foreseen
    zone: str | None
    lead_h: int
    day: date
    n: int = Field(description="hours that could be compared")
    bias: float = Field(description="foreseen less seen")
    rmse: float


class DayBesideThePlan(Answer):
    """A local day at which nothing was written, beside the plan that stood at its beginning.

    ``plan_kwh`` and ``own_kwh`` [kWh], ``plan_kh`` and ``own_kh`` [K h] are what the model expected
    over the horizon of that plan with it and with own control, ``saving_kwh`` their difference;
    ``happened_kh`` [K h] are the comfort violations in use of the day as they were measured.
    """

    day: date
    plan: str
    plan_kwh: float | None
    own_kwh: float | None
    saving_kwh: float | None
    plan_kh: float | None
    own_kh: float | None
    happened_kh: float | None
    followed: float | None = Field(
        description="share of the time, 0 to 1, in which the advised values stood at the building"
    )
    application: Application = Field(description="what people did with the advice")

    @classmethod
    def of(cls, row: ShadowDay) -> Self:
        """The answer of a day that was kept."""
        return cls(
            day=row.day,
            plan=row.plan,
            plan_kwh=row.plan_kwh,
            own_kwh=row.own_kwh,
            saving_kwh=row.saving_kwh,
            plan_kh=row.plan_kh,
            own_kh=row.own_kh,
            happened_kh=row.happened_kh,
            followed=row.followed,
            application=row.application,
        )


class DaysBesideThePlan(Answer):
    """Days in ``observe`` and ``advise``, oldest first."""

    site: str
    days: list[DayBesideThePlan]


class KindAnswer(Answer):
    """What a kind of decision was to bring and what came of it, beside own control."""

    kind: DecisionKind
    days: int
    predicted_dkk: float
    came_dkk: float
    share: float = Field(description="the part that came, by a regression with a careful prior")
    share_error: float = Field(description="one standard error of the share")


class DecisionDayAnswer(Answer):
    """A local day that was run by its plan, by its heat meter and corrected to its weather."""

    day: date
    plan: str
    predicted: dict[DecisionKind, float] = Field(description="by kind [DKK]")
    predicted_dkk: float
    came_dkk: float
    predicted_kwh: float
    came_kwh: float
    cold_kh: float = Field(description="how far below their bands the rooms were in use [K h]")


class DecisionsAnswer(Answer):
    """What decisions of plans have been worth over the last 28 days, oldest day first."""

    site: str
    predicted_dkk: float
    came_dkk: float
    kinds: tuple[KindAnswer, ...]
    days: tuple[DecisionDayAnswer, ...]

    @classmethod
    def of(cls, ledger: DecisionLedger) -> Self:
        return cls(
            site=ledger.site,
            predicted_dkk=ledger.predicted_dkk,
            came_dkk=ledger.came_dkk,
            kinds=tuple(KindAnswer.model_validate(row) for row in ledger.kinds),
            days=tuple(DecisionDayAnswer.model_validate(row) for row in ledger.days),
        )


class PredictionsAnswer(Answer):
    """The record of the last days, oldest first; ``drift`` says what no longer holds now."""

    drift: tuple[FactAnswer, ...]
    predictions: list[PredictionRow]
    use: list[UseForecastRow]
