"""Plans, the building models that they rest on, and how well these predicted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Protocol

from bms.model.planning.plan import KeptPlan, Plan
from bms.model.planning.prediction import PredictionDay, UseForecastDay, UseStart
from bms.model.planning.problem import BuildingModel


class PlanStore(Protocol):
    """Plans and models of sites. Synchronous: call it off the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises ``StoreError`` for another one
        of that id."""
        ...

    def plan(self, plan_id: str) -> Plan:
        """A plan with its problem. Raises ``NotFound``, also once the problem is gone."""
        ...

    def kept_plan(self, plan_id: str) -> KeptPlan:
        """What is left of a plan. Raises ``NotFound``."""
        ...

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        """The newest plan of the site that was made until ``at`` and has its problem: of two made
        at one moment the one kept last. One that was made before the clock went back is none of
        them (W14)."""
        ...

    def plans_in_force(self, sites: Collection[str], at: datetime) -> dict[str, Plan]:
        """``plan_in_force`` of each of these sites; those without one are missing."""
        ...

    def plans_made(self, sites: Collection[str], at: datetime) -> dict[str, datetime]:
        """When the plan in force of each of these sites was made; reads no plan."""
        ...

    def save_model(self, model: BuildingModel) -> None:
        """Keep a model; an older one does not take the place of a newer one."""
        ...

    def model(self, site: str) -> BuildingModel | None:
        """The model of the site that was identified last."""
        ...

    def keep_predictions(self, rows: Iterable[PredictionDay]) -> None:
        """Keep prediction errors; the same zone, lead and day again takes its place."""
        ...

    def predictions(self, site: str, since: date) -> list[PredictionDay]:
        """Prediction errors of a site from the local day ``since`` on, oldest day first."""
        ...

    def predictions_of(self, sites: Collection[str], since: date) -> dict[str, list[PredictionDay]]:
        """``predictions`` of each of these sites; those without any are missing."""
        ...

    def keep_use_starts(self, rows: Iterable[UseStart]) -> None:
        """Keep how cold zones were when use began; the same zone and day takes its place."""
        ...

    def use_starts(self, site: str, since: date) -> list[UseStart]:
        """Those of a site from the local day ``since`` on, oldest day first."""
        ...

    def keep_use_forecasts(self, rows: Iterable[UseForecastDay]) -> None:
        """Keep how far forecasts of load and use were off; of one day, zone and lead the last."""
        ...

    def use_forecasts(self, site: str, since: date) -> list[UseForecastDay]:
        """Those of a site from the local day ``since`` on: by day, what was foreseen, zone and
        lead."""
        ...

    def forget_occupancy(self, site: str | None, before: date) -> None:
        """Delete those of use, of local days before ``before``; of every site where it is None."""
        ...
