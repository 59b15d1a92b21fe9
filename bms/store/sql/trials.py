"""Switchback trials in SQL: what was drawn, stopped and found, all only added to."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import cache

from sqlmodel import Session, col, select

from bms.errors import NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.control.audit import Action
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import SealedResult
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredTrial, StoredTrialEnd, StoredTrialResult
from bms.store.personal_text import put_together, taken_apart
from bms.store.sql.audit import note

log = logging.getLogger(__name__)


class SqlTrials(Linked):
    """Implements ``TrialStore``."""

    def add_trial(self, trial: Trial) -> None:
        """See ``TrialStore``."""
        body, named = taken_apart(to_json(trial))
        with self._link.writing(durable=True) as session:
            known = _row(session, trial.id)
            if known is not None:
                if known.body != body or known.named not in ("", named):
                    raise StoreError(f"another trial is kept as {trial.id}; trials never change")
                return
            row = StoredTrial(id=trial.id, site=trial.site, started_at=trial.started_at, body=body)
            row.named = named
            session.add(row)
            note(
                session,
                Action.START_TRIAL,
                trial.id,
                at=trial.started_at,
                actor=trial.by,
                site=trial.site,
                reason=trial.reason,
            )

    def end_trial(self, end: TrialEnd) -> None:
        """See ``TrialStore``."""
        with self._link.writing(durable=True) as session:
            if _row(session, end.trial) is None:
                raise NotFound(f"there is no trial {end.trial}")
            if session.get(StoredTrialEnd, end.trial) is not None:
                return
            row = StoredTrialEnd(
                trial=end.trial, site=end.site, at=end.at, actor=end.by, reason=end.reason
            )
            session.add(row)
            note(
                session,
                Action.END_TRIAL,
                end.trial,
                at=end.at,
                actor=end.by,
                site=end.site,
                reason=end.reason,
            )

    def seal_trial(self, result: SealedResult) -> None:
        """See ``TrialStore``."""
        with self._link.writing(durable=True) as session:
            if _row(session, result.trial) is None:
                raise NotFound(f"there is no trial {result.trial}")
            if session.get(StoredTrialResult, result.trial) is not None:
                return
            row = StoredTrialResult(
                trial=result.trial, site=result.site, at=result.at, body=to_json(result)
            )
            session.add(row)

    def trials(self, site: str) -> list[KeptTrial]:
        """See ``TrialStore``."""
        return self.trials_of([site])[site]

    def trials_of(self, sites: Collection[str]) -> dict[str, list[KeptTrial]]:
        """See ``TrialStore``."""
        wanted = (
            select(StoredTrial.site, StoredTrial.id, StoredTrial.body, StoredTrial.named)
            .where(col(StoredTrial.site).in_(sites))
            .order_by(col(StoredTrial.seq))
        )
        ended = select(StoredTrialEnd).where(col(StoredTrialEnd.site).in_(sites))
        found_out = select(StoredTrialResult).where(col(StoredTrialResult.site).in_(sites))
        with self._link.reading() as session:
            rows = session.exec(wanted).all()
            ends = {row.trial: _end(row) for row in session.exec(ended)} if rows else {}
            results = {row.trial: row.body for row in session.exec(found_out)} if rows else {}
        found: dict[str, list[KeptTrial]] = {site: [] for site in sites}
        for site, name, body, named in rows:
            try:
                known = _known(body, named, ends.get(name), results.get(name, ""))
            except ValueError:
                known = None
            if known is None or (known.trial.site, known.trial.id) != (site, name):
                _cannot_be_read(name)
                continue
            found[site].append(known)
        return found

    def trial_sites(self) -> list[str]:
        """See ``TrialStore``."""
        with self._link.reading() as session:
            return sorted(session.exec(select(StoredTrial.site).distinct()))


def _known(body: str, named: str | None, ended: TrialEnd | None, result: str) -> KeptTrial:
    """Raises ``ValueError`` for a trial that is none."""
    try:
        whole = put_together(body, named)
    except (ValueError, LookupError, TypeError):  # names that were edited hide no trial
        whole = body
    return KeptTrial(
        trial=from_json(Trial, whole),
        ended=ended,
        result=_result(result),
        design_text=body,
        result_text=result,
    )


def _result(body: str) -> SealedResult | None:
    """The result of a row; None where somebody made it none, which the evidence tells."""
    try:
        return from_json(SealedResult, body) if body else None
    except ValueError:
        return None


@cache
def _cannot_be_read(name: str) -> None:
    """Say so once: one row that somebody edited hides no other one."""
    log.error("the trial %s cannot be read in the database; `bms audit verify` says more", name)


def _row(session: Session, trial_id: str) -> StoredTrial | None:
    return session.exec(select(StoredTrial).where(StoredTrial.id == trial_id)).first()


def _end(row: StoredTrialEnd) -> TrialEnd:
    return TrialEnd(trial=row.trial, site=row.site, at=row.at, by=row.actor, reason=row.reason)
