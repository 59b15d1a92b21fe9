"""Commissionings, steps back from ``auto`` and days beside the plan, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime

from bms.errors import StoreError
from bms.model.assets.site import Mode
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.evidence import EvidenceKind, Pruning
from bms.model.epoch import to_micros
from bms.model.trust.commissioning import CommissionedPoint, Commissioning
from bms.model.trust.modes import AutoScope, ShadowDay, StepBack
from bms.store.ledger_rules import commissioning_reason
from bms.store.memory.decisions import MemoryDecisions


class MemoryTrust(MemoryDecisions):
    """Implements ``TrustStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._commissionings: dict[str, Commissioning] = {}
        self._steps: dict[str, StepBack] = {}
        self._shadow_days: dict[tuple[str, date], ShadowDay] = {}

    def add_commissionings(self, made: Iterable[Commissioning]) -> None:
        """See ``TrustStore``."""
        for each in made:
            to_micros(each.at)
            known = self._commissionings.setdefault(each.id, each)
            if known is not each:
                if known != each:
                    raise StoreError(f"another commissioning is kept as {each.id}")
                continue
            what = replace(each, by="")
            self._prove(EvidenceKind.COMMISSIONING, each.site, each.id, each.at, what, each.by)
            self.note(
                Action.COMMISSION,
                each.point,
                at=each.at,
                actor=each.by,
                site=each.site,
                reason=commissioning_reason(each),
            )

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.COMMISSIONING:
            self._commissionings[row] = replace(self._commissionings[row], by="")
        if pruning.kind is EvidenceKind.AGREEMENT:
            self._steps[row] = replace(self._steps[row], agreed_by="")
        super()._forget(pruning, row)

    def commissionings(self, site: str) -> list[Commissioning]:
        """See ``TrustStore``."""
        return [each for each in list(self._commissionings.values()) if each.site == site]

    def commissioned(self, sites: Collection[str]) -> dict[str, dict[str, CommissionedPoint]]:
        """See ``TrustStore``."""
        return {
            site: {
                each.point: CommissionedPoint(
                    point=each.point, at=each.at, declared=each.declared, passed=each.passed
                )
                for each in self.commissionings(site)
            }
            for site in sites
        }

    def step_back(self, step: StepBack, *, actor: str) -> None:
        """See ``TrustStore``."""
        if any(known.agreed_at is None for known in self.steps_back(step.site)):
            return
        site, at, why = step.site, step.at, str(step.reason)
        self._steps[step.id] = step
        self._prove(EvidenceKind.STEP_BACK, site, step.id, at, (at, step.reason))
        self._say_mode(site, Mode.ADVISE, at, actor, why)
        self.note(Action.STEP_BACK, Mode.ADVISE.value, at=at, actor=actor, site=site, reason=why)

    def approve(
        self, site: str, scope: AutoScope, *, actor: str, at: datetime, reason: str
    ) -> None:
        """See ``TrustStore``."""
        to_micros(at)
        for step in self.steps_back(site):
            if step.agreed_at is None:
                self._steps[step.id] = replace(step, agreed_at=at, agreed_by=actor)
                self._prove(EvidenceKind.AGREEMENT, site, step.id, at, at, actor)
                self.note(Action.AGREE, step.id, at=at, actor=actor, site=site, reason=reason)
        self.set_mode(site, Mode.AUTO, actor=actor, at=at, reason=reason)
        self.note(Action.APPROVE, scope.value, at=at, actor=actor, site=site, reason=reason)

    def auto_scope(self, site: str) -> AutoScope | None:
        """See ``TrustStore``."""
        last = self.audit(AuditSearch(site=site, action=Action.APPROVE, most=1))
        return AutoScope(last[0].subject) if last else None

    def steps_back(self, site: str) -> list[StepBack]:
        """See ``TrustStore``."""
        return [step for step in list(self._steps.values()) if step.site == site]

    def keep_shadow_days(self, rows: Iterable[ShadowDay]) -> None:
        """See ``TrustStore``."""
        self._shadow_days.update({(row.site, row.day): row for row in rows})

    def shadow_days(self, site: str, since: date) -> list[ShadowDay]:
        """See ``TrustStore``."""
        kept = sorted(dict(self._shadow_days).items(), key=lambda item: item[0])
        return [row for _, row in kept if row.site == site and row.day >= since]
