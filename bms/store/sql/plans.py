"""Plans and models in SQL: nouns as JSON."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from sqlmodel import col, desc, select

from bms.errors import NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.planning.plan import Plan
from bms.model.planning.problem import BuildingModel
from bms.store.database.connection import Linked, Transactions
from bms.store.database.tables import StoredModel, StoredPlan

DECODED = 16
"""Plans in force that are kept as nouns: they never change, and a tick looks at its own often."""


class SqlPlans(Linked):
    """The part of ``PlanStore`` that keeps plans and models."""

    def __init__(self, link: Transactions) -> None:
        super().__init__(link)
        self._decoded = lru_cache(maxsize=DECODED)(self.plan)

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises StoreError for another one."""
        body = to_json(plan)
        with self._link.writing(durable=True) as session:
            known = session.exec(select(StoredPlan.body).where(StoredPlan.id == plan.id)).first()
            if known is None:
                row = StoredPlan(id=plan.id, site=plan.site, created_at=plan.created_at, body=body)
                session.add(row)
            elif known != body:
                raise StoreError(f"another plan is kept as {plan.id} already; plans never change")

    def plan(self, plan_id: str) -> Plan:
        """Raises NotFound."""
        with self._link.reading() as session:
            body = session.exec(select(StoredPlan.body).where(StoredPlan.id == plan_id)).first()
        if body is None:
            raise NotFound(f"there is no plan {plan_id}")
        return from_json(Plan, body)

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        """See ``PlanStore``."""
        newest = (
            select(StoredPlan.id)
            .where(StoredPlan.site == site, StoredPlan.created_at <= at)
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
