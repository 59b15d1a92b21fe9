"""Plans and models in SQL: nouns as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ScalarSelect, String, column, values
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, desc, select

from bms.errors import NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.planning.plan import KeptPlan, Plan
from bms.model.planning.problem import BuildingModel, Problem
from bms.store.database.connection import Transactions
from bms.store.database.tables import StoredModel, StoredPlan
from bms.store.ledger_rules import problem_gone
from bms.store.personal_text import put_together, taken_apart
from bms.store.sql.owners import SqlOwners

WITH_TEXTS = '{"problem":'
"""How the column of the problem begins where what people said stands with it: both go together."""
DECODED = 1000
"""Plans in force that are kept as nouns: they never change, and a tick looks at its own often."""


class SqlPlans(SqlOwners):
    """The part of ``PlanStore`` that keeps plans and models."""

    def __init__(self, link: Transactions) -> None:
        super().__init__(link)
        self._decoded: dict[str, Plan] = {}

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises StoreError for another one."""
        body, texts = taken_apart(to_json(KeptPlan.of(plan)))
        problem = to_json(plan.problem)
        if texts is not None:
            problem = f'{WITH_TEXTS}{problem},"texts":{texts}}}'
        with self._link.writing(durable=True) as session:
            self._hold_fence(session, [plan.site])
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
        return _kept(row)

    def plan_in_force(self, site: str, at: datetime) -> Plan | None:
        """See ``PlanStore``."""
        return self.plans_in_force([site], at).get(site)

    def plans_in_force(self, sites: Collection[str], at: datetime) -> dict[str, Plan]:
        """See ``PlanStore``."""
        if not sites:
            return {}
        named, newest = _newest_of(StoredPlan.id, sites, at)
        with self._link.reading() as session:
            rows = session.execute(sql_select(named.c.site, newest)).all()
            plans = self._nouns(session, [id_ for _, id_ in rows if id_ is not None])
        return {site: plans[id_] for site, id_ in rows if id_ in plans}

    def plans_made(self, sites: Collection[str], at: datetime) -> dict[str, datetime]:
        """See ``PlanStore``."""
        if not sites:
            return {}
        named, newest = _newest_of(StoredPlan.created_at, sites, at)
        with self._link.reading() as session:
            rows = session.execute(sql_select(named.c.site, newest)).all()
        return {site: made for site, made in rows if made is not None}

    def _nouns(self, session: Session, ids: Collection[str]) -> dict[str, Plan]:
        """The plans of these ids: those that were looked at last are not read again."""
        decoded = self._decoded
        known = {id_: decoded[id_] for id_ in ids if id_ in decoded}
        missing = [id_ for id_ in ids if id_ not in known]
        if missing:
            wanted = select(StoredPlan).where(col(StoredPlan.id).in_(missing))
            whole = {row.id: _kept(row).whole() for row in session.exec(wanted)}
            known |= {id_: plan for id_, plan in whole.items() if plan is not None}
            kept = {id_: plan for id_, plan in decoded.items() if id_ not in known} | known
            self._decoded = dict(list(kept.items())[-DECODED:])
        return known

    def save_model(self, model: BuildingModel) -> None:
        """Keep a model; earlier ones stay in the database."""
        row = StoredModel(site=model.site, identified_at=model.identified_at, body=to_json(model))
        with self._link.writing(durable=True) as session:
            self._hold_fence(session, [model.site])
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


def _kept(row: StoredPlan) -> KeptPlan:
    if row.problem is None:
        return from_json(KeptPlan, row.body)
    if not row.problem.startswith(WITH_TEXTS):
        return replace(from_json(KeptPlan, row.body), problem=from_json(Problem, row.problem))
    kept = json.loads(row.problem)
    plan = from_json(KeptPlan, put_together(row.body, json.dumps(kept["texts"])))
    return replace(plan, problem=from_json(Problem, json.dumps(kept["problem"])))


def _newest_of(wanted: Any, sites: Collection[str], at: datetime) -> tuple[CTE, ScalarSelect[Any]]:
    """The names of the sites as a table, and a column of the plan in force of each."""
    asked = values(column("site", String), name="asked").data([(site,) for site in sites])
    named = asked.cte("asked")
    newest = (
        select(wanted)
        .where(StoredPlan.site == named.c.site, StoredPlan.created_at <= at)
        .where(col(StoredPlan.problem).is_not(None))
        .order_by(desc(StoredPlan.created_at), desc(col(StoredPlan.seq)))
        .limit(1)
        .correlate(named)
        .scalar_subquery()
    )
    return named, newest
