"""Commissionings, steps back from ``auto`` and days beside the plan, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from sqlmodel import Session, col, desc, func, select
from sqlmodel.sql.expression import SelectOfScalar

from bms.errors import StoreError
from bms.model.assets.site import Mode
from bms.model.codec import from_json, to_json
from bms.model.control.audit import Action
from bms.model.fact import Fact
from bms.model.trust.commissioning import CommissionedPoint, Commissioning
from bms.model.trust.modes import AutoScope, ShadowDay, StepBack
from bms.store.database.connection import Linked
from bms.store.database.tables import (
    StoredAudit,
    StoredCommissioning,
    StoredMode,
    StoredShadowDay,
    StoredStepBack,
)
from bms.store.ledger_rules import commissioning_reason
from bms.store.sql.audit import note


class SqlTrust(Linked):
    """Implements ``TrustStore``."""

    def add_commissionings(self, made: Iterable[Commissioning]) -> None:
        """See ``TrustStore``."""
        with self._link.writing(durable=True) as session:
            for each in made:
                _add_commissioning(session, each)

    def commissionings(self, site: str) -> list[Commissioning]:
        """See ``TrustStore``."""
        wanted = (
            select(StoredCommissioning)
            .where(StoredCommissioning.site == site)
            .order_by(col(StoredCommissioning.seq))
        )
        with self._link.reading() as session:
            return [_commissioning(row) for row in session.exec(wanted)]

    def commissioned(self, sites: Collection[str]) -> dict[str, dict[str, CommissionedPoint]]:
        """See ``TrustStore``."""
        table = StoredCommissioning
        newest = (
            select(func.max(table.seq))
            .where(col(table.site).in_(sites))
            .group_by(col(table.site), col(table.point))
        )
        wanted = select(table.point, table.at, table.declared, table.passed)
        found: dict[str, dict[str, CommissionedPoint]] = {site: {} for site in sites}
        with self._link.reading() as session:
            rows = session.exec(wanted.where(col(table.seq).in_(newest)))
            for point, at, declared, passed in rows:
                found[point.partition("/")[0]][point] = CommissionedPoint(
                    point=point, at=at, declared=declared, passed=bool(passed)
                )
        return found

    def step_back(self, step: StepBack, *, actor: str) -> None:
        """See ``TrustStore``."""
        site, at, why = step.site, step.at, str(step.reason)
        with self._link.writing(durable=True) as session:
            if session.exec(_open_steps(site)).first() is not None:
                return
            session.add(StoredStepBack(id=step.id, site=site, at=at, fact=to_json(step.reason)))
            mode = Mode.ADVISE.value
            session.add(StoredMode(site=site, mode=mode, actor=actor, at=at, reason=why))
            note(session, Action.STEP_BACK, mode, at=at, actor=actor, site=site, reason=why)

    def approve(
        self, site: str, scope: AutoScope, *, actor: str, at: datetime, reason: str
    ) -> None:
        """See ``TrustStore``."""
        mode = Mode.AUTO.value
        with self._link.writing(durable=True) as session:
            told = partial(note, session, at=at, actor=actor, site=site, reason=reason)
            for row in session.exec(_open_steps(site).with_for_update()):
                row.agreed_at, row.agreed_by = at, actor
                told(Action.AGREE, row.id)
            session.add(StoredMode(site=site, mode=mode, actor=actor, at=at, reason=reason))
            told(Action.SET_MODE, mode)
            told(Action.APPROVE, scope.value)

    def auto_scope(self, site: str) -> AutoScope | None:
        """See ``TrustStore``."""
        approved = StoredAudit.action == Action.APPROVE.value
        wanted = (
            select(StoredAudit.subject)
            .where(StoredAudit.site == site, approved)
            .order_by(desc(col(StoredAudit.seq)))
        )
        with self._link.reading() as session:
            scope = session.exec(wanted.limit(1)).first()
        return None if scope is None else AutoScope(scope)

    def steps_back(self, site: str) -> list[StepBack]:
        """See ``TrustStore``."""
        wanted = (
            select(StoredStepBack)
            .where(StoredStepBack.site == site)
            .order_by(col(StoredStepBack.seq))
        )
        with self._link.reading() as session:
            return [_step(row) for row in session.exec(wanted)]

    def keep_shadow_days(self, rows: Iterable[ShadowDay]) -> None:
        """See ``TrustStore``."""
        with self._link.writing(durable=False) as session:
            for row in rows:
                session.merge(
                    StoredShadowDay(site=row.site, day=row.day.toordinal(), body=to_json(row))
                )

    def shadow_days(self, site: str, since: date) -> list[ShadowDay]:
        """See ``TrustStore``."""
        wanted = (
            select(StoredShadowDay.body)
            .where(StoredShadowDay.site == site, StoredShadowDay.day >= since.toordinal())
            .order_by(col(StoredShadowDay.day))
        )
        with self._link.reading() as session:
            return [from_json(ShadowDay, body) for body in session.exec(wanted)]


def _open_steps(site: str) -> SelectOfScalar[StoredStepBack]:
    return select(StoredStepBack).where(
        StoredStepBack.site == site, col(StoredStepBack.agreed_at).is_(None)
    )


def _add_commissioning(session: Session, made: Commissioning) -> None:
    """The body leaves the name of the person to its own column."""
    body = to_json(replace(made, by=""))
    known = session.exec(
        select(StoredCommissioning).where(StoredCommissioning.id == made.id)
    ).first()
    if known is not None:
        if known.body != body:
            raise StoreError(f"another commissioning is kept as {made.id}")
        return
    session.add(
        StoredCommissioning(
            id=made.id,
            site=made.site,
            point=made.point,
            at=made.at,
            declared=made.declared,
            passed=int(made.passed),
            body=body,
            actor=made.by,
        )
    )
    reason = commissioning_reason(made)
    note(
        session,
        Action.COMMISSION,
        made.point,
        at=made.at,
        actor=made.by,
        site=made.site,
        reason=reason,
    )


def _commissioning(row: StoredCommissioning) -> Commissioning:
    return replace(from_json(Commissioning, row.body), by=row.actor)


def _step(row: StoredStepBack) -> StepBack:
    return StepBack(
        id=row.id,
        site=row.site,
        at=row.at,
        reason=from_json(Fact, row.fact),
        agreed_at=row.agreed_at,
        agreed_by=row.agreed_by,
    )
