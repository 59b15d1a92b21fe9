"""Plans, models and prediction errors in memory."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from bms.errors import NotFound, StoreError
from bms.model.epoch import to_micros
from bms.model.planning.plan import Plan
from bms.model.planning.prediction import PredictionDay, UseStart
from bms.model.planning.problem import BuildingModel


class MemoryPlans:
    """Implements ``PlanStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._plans: dict[str, Plan] = {}
        self._models: dict[str, BuildingModel] = {}
        self._predictions: dict[tuple[str, date, str, int], PredictionDay] = {}
        self._use_starts: dict[tuple[str, date, str], UseStart] = {}

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises StoreError for another one."""
        to_micros(plan.created_at)
        if self._plans.setdefault(plan.id, plan) != plan:
            raise StoreError(f"another plan is kept as {plan.id} already; plans never change")

    def plan(self, plan_id: str) -> Plan:
        """Raises NotFound."""
        if plan_id not in self._plans:
            raise NotFound(f"there is no plan {plan_id}")
        return self._plans[plan_id]

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        """See ``PlanStore``."""
        kept = reversed(list(self._plans.values()))
        plans = [plan for plan in kept if plan.site == site and plan.created_at <= at]
        return max(plans, key=lambda plan: plan.created_at, default=None)

    def save_model(self, model: BuildingModel) -> None:
        """Keep a model."""
        to_micros(model.identified_at)
        current = self._models.get(model.site)
        if current is None or current.identified_at <= model.identified_at:
            self._models[model.site] = model

    def model(self, site: str) -> BuildingModel | None:
        """The model that was identified last."""
        return self._models.get(site)

    def keep_predictions(self, rows: Iterable[PredictionDay]) -> None:
        """See ``DecisionStore``."""
        for row in rows:
            to_micros(row.model_at)
            self._predictions[row.site, row.day, row.zone, row.lead_h] = row

    def predictions(self, site: str, since: date) -> list[PredictionDay]:
        """See ``PlanStore``."""
        kept = sorted(dict(self._predictions).items(), key=lambda item: item[0])
        return [row for _, row in kept if row.site == site and row.day >= since]

    def keep_use_starts(self, rows: Iterable[UseStart]) -> None:
        """See ``PlanStore``."""
        self._use_starts.update({(row.site, row.day, row.zone): row for row in rows})

    def use_starts(self, site: str, since: date) -> list[UseStart]:
        """See ``PlanStore``."""
        kept = sorted(dict(self._use_starts).items(), key=lambda item: item[0])
        return [row for _, row in kept if row.site == site and row.day >= since]
