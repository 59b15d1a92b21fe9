"""Plans and models in SQL: nouns as JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from sqlmodel import col, desc, select

from bms.errors import NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.planning.plan import KeptPlan, Plan
from bms.model.planning.problem import BuildingModel, Problem
from bms.store.database.connection import Linked, Transactions
from bms.store.database.tables import StoredModel, StoredPlan
from bms.store.records import problem_gone

DECODED = 16
"""Plans in force that are kept as nouns: they never change, and a tick looks at its own often."""


class SqlPlans(Linked):
    """The part of ``PlanStore`` that keeps plans and models."""

    def __init__(self, link: Transactions) -> None:
        super().__init__(link)
        self._decoded = lru_cache(maxsize=DECODED)(self.plan)

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises StoreError for another one."""
        body, problem = to_json(KeptPlan.of(plan)), to_json(plan.problem)
        with self._link.writing(durable=True) as session:
            known = session.exec(select(StoredPlan).where(StoredPlan.id == plan.id)).first()
            if known is None:
                session.add(
                    StoredPlan(
                        id=plan.id,
                        site=plan.site,
                        created_at=plan.created_at,
                        body=body,
                        problem=problem,
                    )
                )
            elif known.body != body or known.problem not in (None, problem):
                raise StoreError(f"another plan is kept as {plan.id} already; plans never change")

    def plan(self, plan_id: str) -> Plan:
        """See ``PlanStore``."""
        plan = self.kept_plan(plan_id).whole()
        if plan is None:
            raise NotFound(problem_gone(plan_id))
        return plan

    def kept_plan(self, plan_id: str) -> KeptPlan:
        """See ``PlanStore``."""
        with self._link.reading() as session:
            row = session.exec(select(StoredPlan).where(StoredPlan.id == plan_id)).first()
        if row is None:
            raise NotFound(f"there is no plan {plan_id}")
        kept = from_json(KeptPlan, row.body)
        problem = None if row.problem is None else from_json(Problem, row.problem)
        return replace(kept, problem=problem)

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        """See ``PlanStore``."""
        newest = (
            select(StoredPlan.id)
            .where(StoredPlan.site == site, StoredPlan.created_at <= at)
            .where(col(StoredPlan.problem).is_not(None))
            .order_by(desc(StoredPlan.created_at), desc(col(StoredPlan.seq)))
            .limit(1)
        )
        with self._link.reading() as session:
            found = session.exec(newest).first()
        return None if found is None else self._decoded(found)

    def save_model(self, model: BuildingModel) -> None:
        """Keep a model; earlier ones stay in the database."""
        row = StoredModel(site=model.site, identified_at=model.identified_at, body=to_json(model))
        with self._link.writing(durable=True) as session:
            session.add(row)

    def model(self, site: str) -> BuildingModel | None:
        """The model that was identified last."""
        newest = (
            select(StoredModel.body)
            .where(StoredModel.site == site)
            .order_by(desc(StoredModel.identified_at), desc(col(StoredModel.seq)))
            .limit(1)
        )
        with self._link.reading() as session:
            body = session.exec(newest).first()
        return None if body is None else from_json(BuildingModel, body)
