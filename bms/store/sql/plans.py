"""Plans, models and receipts in SQL: nouns as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from sqlmodel import col, desc, select

from bms.errors import NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.control.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.planning.plan import Plan
from bms.model.planning.problem import BuildingModel
from bms.store.database.connection import Linked, Transactions
from bms.store.database.tables import ModelRow, PlanRow, ReceiptRow
from bms.store.records import site_of

DECODED = 16
"""Plans in force that are kept as nouns: they never change, and a tick looks at its own often."""

_KINDS: dict[str, type[Receipt | ReleaseReceipt]] = {
    kind.__name__.lower(): kind
    for kind in (Accepted, Clamped, Refused, Overridden, Failed, Released, StillHeld)
}


class SqlPlans(Linked):
    """The part of ``PlanStore`` that keeps plans, models and receipts."""

    def __init__(self, link: Transactions) -> None:
        super().__init__(link)
        self._decoded = lru_cache(maxsize=DECODED)(self.plan)

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises StoreError for another one."""
        body = to_json(plan)
        with self._link.writing(durable=True) as session:
            known = session.exec(select(PlanRow.body).where(PlanRow.id == plan.id)).first()
            if known is None:
                row = PlanRow(id=plan.id, site=plan.site, created_at=plan.created_at, body=body)
                session.add(row)
            elif known != body:
                raise StoreError(f"another plan is kept as {plan.id} already; plans never change")

    def plan(self, plan_id: str) -> Plan:
        """Raises NotFound."""
        with self._link.reading() as session:
            body = session.exec(select(PlanRow.body).where(PlanRow.id == plan_id)).first()
        if body is None:
            raise NotFound(f"there is no plan {plan_id}")
        return from_json(Plan, body)

    def plan_in_force(self, site: str) -> Plan | None:
        """The newest plan of the site; of two made at the same moment the one kept last."""
        newest = (
            select(PlanRow.id)
            .where(PlanRow.site == site)
            .order_by(desc(PlanRow.created_at), desc(col(PlanRow.seq)))
            .limit(1)
        )
        with self._link.reading() as session:
            found = session.exec(newest).first()
        return None if found is None else self._decoded(found)

    def save_model(self, model: BuildingModel) -> None:
        """Keep a model; earlier ones stay in the database."""
        row = ModelRow(site=model.site, identified_at=model.identified_at, body=to_json(model))
        with self._link.writing(durable=True) as session:
            session.add(row)

    def model(self, site: str) -> BuildingModel | None:
        """The model that was identified last."""
        newest = (
            select(ModelRow.body)
            .where(ModelRow.site == site)
            .order_by(desc(ModelRow.identified_at), desc(col(ModelRow.seq)))
            .limit(1)
        )
        with self._link.reading() as session:
            body = session.exec(newest).first()
        return None if body is None else from_json(BuildingModel, body)

    def add_receipts(self, receipts: Iterable[Receipt | ReleaseReceipt], at: datetime) -> None:
        """Keep what became of writes and releases."""
        rows = [
            ReceiptRow(
                site=site_of(receipt),
                at=at,
                kind=type(receipt).__name__.lower(),
                body=to_json(receipt),
            )
            for receipt in receipts
        ]
        if rows:
            with self._link.writing(durable=True) as session:
                session.add_all(rows)

    def receipts(
        self, site: str, since: datetime
    ) -> list[tuple[datetime, Receipt | ReleaseReceipt]]:
        """Receipts of a site at or after ``since``, oldest first."""
        wanted = (
            select(ReceiptRow.at, ReceiptRow.kind, ReceiptRow.body)
            .where(ReceiptRow.site == site, ReceiptRow.at >= since)
            .order_by(col(ReceiptRow.at), col(ReceiptRow.seq))
        )
        with self._link.reading() as session:
            rows = session.exec(wanted).all()
        return [(at, from_json(_KINDS[kind], body)) for at, kind, body in rows]
