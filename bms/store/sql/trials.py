"""Switchback trials in SQL: what was drawn and what was stopped, both only added to."""

from __future__ import annotations

from sqlmodel import Session, col, select

from bms.errors import NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.store.database.connection import Linked
from bms.store.database.tables import AuditRow, TrialEndRow, TrialRow
from bms.store.records import Action


class SqlTrials(Linked):
    """The part of ``TrialStore`` that keeps switchback trials."""

    def add_trial(self, trial: Trial) -> None:
        """See ``TrialStore``."""
        body = to_json(trial)
        with self._link.writing(durable=True) as session:
            known = _row(session, trial.id)
            if known is not None:
                if known.body != body:
                    raise StoreError(f"another trial is kept as {trial.id}; trials never change")
                return
            row = TrialRow(id=trial.id, site=trial.site, started_at=trial.started_at, body=body)
            session.add(row)
            session.add(
                AuditRow(
                    at=trial.started_at,
                    actor=trial.by,
                    action=Action.START_TRIAL.value,
                    site=trial.site,
                    subject=trial.id,
                    reason=trial.reason,
                )
            )

    def end_trial(self, end: TrialEnd) -> None:
        """See ``TrialStore``."""
        with self._link.writing(durable=True) as session:
            if _row(session, end.trial) is None:
                raise NotFound(f"there is no trial {end.trial}")
            if session.get(TrialEndRow, end.trial) is not None:
                return
            row = TrialEndRow(
                trial=end.trial, site=end.site, at=end.at, actor=end.by, reason=end.reason
            )
            session.add(row)
            session.add(
                AuditRow(
                    at=end.at,
                    actor=end.by,
                    action=Action.END_TRIAL.value,
                    site=end.site,
                    subject=end.trial,
                    reason=end.reason,
                )
            )

    def trials(self, site: str) -> list[KeptTrial]:
        """See ``TrialStore``."""
        wanted = select(TrialRow.body).where(TrialRow.site == site).order_by(col(TrialRow.seq))
        ended = select(TrialEndRow).where(TrialEndRow.site == site)
        with self._link.reading() as session:
            trials = [from_json(Trial, body) for body in session.exec(wanted)]
            ends = {row.trial: _end(row) for row in session.exec(ended)}
        return [KeptTrial(trial=trial, ended=ends.get(trial.id)) for trial in trials]


def _row(session: Session, trial_id: str) -> TrialRow | None:
    return session.exec(select(TrialRow).where(TrialRow.id == trial_id)).first()


def _end(row: TrialEndRow) -> TrialEnd:
    return TrialEnd(trial=row.trial, site=row.site, at=row.at, by=row.actor, reason=row.reason)
