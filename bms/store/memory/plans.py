"""Plans, models and prediction errors in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime

from bms.errors import NotFound, StoreError
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.epoch import to_micros
from bms.model.planning.plan import KeptPlan, Plan
from bms.model.planning.prediction import Foreseen, PredictionDay, UseForecastDay, UseStart
from bms.model.planning.problem import BuildingModel
from bms.store.ledger_rules import problem_gone
from bms.store.memory.evidence import MemoryEvidence
from bms.store.memory.owners import MemoryOwners


class MemoryPlans(MemoryEvidence, MemoryOwners):
    """Implements ``PlanStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._plans: dict[str, Plan] = {}
        self._kept_plans: dict[str, KeptPlan] = {}
        self._models: dict[str, BuildingModel] = {}
        self._predictions: dict[tuple[str, date, str, int], PredictionDay] = {}
        self._use_starts: dict[tuple[str, date, str], UseStart] = {}
        self._use_forecasts: dict[tuple[str, date, str, str, int], UseForecastDay] = {}

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises StoreError for another one."""
        to_micros(plan.created_at)
        self._hold_fence([plan.site])
        known = self._plans.setdefault(plan.id, plan)
        if known != plan:
            raise StoreError(f"another plan is kept as {plan.id} already; plans never change")
        if known is plan:
            kept = KeptPlan.of(plan)
            self._kept_plans[plan.id] = replace(kept, problem=plan.problem)
            what = (plan.site, plan.id, plan.created_at)
            self._prove(EvidenceKind.PLAN, *what, plan.digest, "its problem")

    def plan(self, plan_id: str) -> Plan:
        """See ``PlanStore``."""
        plan = self.kept_plan(plan_id).whole()
        if plan is None:
            raise NotFound(problem_gone(plan_id))
        return plan

    def kept_plan(self, plan_id: str) -> KeptPlan:
        """See ``PlanStore``."""
        if plan_id not in self._kept_plans:
            raise NotFound(f"there is no plan {plan_id}")
        return self._kept_plans[plan_id]

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.PLAN:
            self._plans.pop(row, None)
            if pruning.part is Part.ROW:
                self._kept_plans.pop(row)
            else:
                self._kept_plans[row] = replace(self._kept_plans[row], problem=None)
        super()._forget(pruning, row)

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        """See ``PlanStore``."""
        kept = reversed(list(self._plans.values()))
        plans = [plan for plan in kept if plan.site == site and plan.created_at <= at]
        return max(plans, key=lambda plan: plan.created_at, default=None)

    def plans_in_force(self, sites: Collection[str], at: datetime) -> dict[str, Plan]:
        """See ``PlanStore``."""
        found = {site: self.plan_in_force(site, at) for site in sites}
        return {site: plan for site, plan in found.items() if plan is not None}

    def plans_made(self, sites: Collection[str], at: datetime) -> dict[str, datetime]:
        """See ``PlanStore``."""
        return {site: plan.created_at for site, plan in self.plans_in_force(sites, at).items()}

    def save_model(self, model: BuildingModel) -> None:
        """Keep a model."""
        to_micros(model.identified_at)
        self._hold_fence([model.site])
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

    def predictions_of(self, sites: Collection[str], since: date) -> dict[str, list[PredictionDay]]:
        """See ``PlanStore``."""
        found = {site: self.predictions(site, since) for site in sites}
        return {site: rows for site, rows in found.items() if rows}

    def keep_use_starts(self, rows: Iterable[UseStart]) -> None:
        """See ``PlanStore``."""
        self._use_starts.update({(row.site, row.day, row.zone): row for row in rows})

    def use_starts(self, site: str, since: date) -> list[UseStart]:
        """See ``PlanStore``."""
        kept = sorted(dict(self._use_starts).items(), key=lambda item: item[0])
        return [row for _, row in kept if row.site == site and row.day >= since]

    def keep_use_forecasts(self, rows: Iterable[UseForecastDay]) -> None:
        """See ``PlanStore``."""
        for row in rows:
            key = (row.site, row.day, row.what.value, row.zone or "", row.lead_h)
            self._use_forecasts[key] = row

    def use_forecasts(self, site: str, since: date) -> list[UseForecastDay]:
        """See ``PlanStore``."""
        kept = sorted(dict(self._use_forecasts).items(), key=lambda item: item[0])
        return [row for _, row in kept if row.site == site and row.day >= since]

    def forget_occupancy(self, site: str | None, before: date) -> None:
        """See ``PlanStore``."""
        for key, row in list(self._use_forecasts.items()):
            if row.what is Foreseen.OCCUPANCY and site in (None, row.site) and row.day < before:
                del self._use_forecasts[key]
