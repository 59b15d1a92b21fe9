"""Switchback trials in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bms.errors import NotFound, StoreError
from bms.model.codec import to_json
from bms.model.control.audit import Action
from bms.model.control.evidence import EvidenceKind, Pruning
from bms.model.epoch import to_micros
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import SealedResult
from bms.store.memory.audit import MemoryAudit
from bms.store.personal_text import taken_apart, without_texts


class MemoryTrials(MemoryAudit):
    """Implements ``TrialStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._trials: dict[str, Trial] = {}
        self._ends: dict[str, TrialEnd] = {}
        self._results: dict[str, SealedResult] = {}

    def add_trial(self, trial: Trial) -> None:
        """See ``TrialStore``."""
        to_micros(trial.started_at)
        known = self._trials.setdefault(trial.id, trial)
        if known is not trial:
            if known != trial:
                raise StoreError(f"another trial is kept as {trial.id}; trials never change")
            return
        what, texts = without_texts(trial)
        self._prove(EvidenceKind.TRIAL, trial.site, trial.id, trial.started_at, what, *texts)
        self.note(
            Action.START_TRIAL,
            trial.id,
            at=trial.started_at,
            actor=trial.by,
            site=trial.site,
            reason=trial.reason,
        )

    def end_trial(self, end: TrialEnd) -> None:
        """See ``TrialStore``."""
        to_micros(end.at)
        if end.trial not in self._trials:
            raise NotFound(f"there is no trial {end.trial}")
        if self._ends.setdefault(end.trial, end) is end:
            self._prove(
                EvidenceKind.TRIAL_END, end.site, end.trial, end.at, end.at, end.by, end.reason
            )
            self.note(
                Action.END_TRIAL,
                end.trial,
                at=end.at,
                actor=end.by,
                site=end.site,
                reason=end.reason,
            )

    def _forget(self, pruning: Pruning, row: str) -> None:
        if pruning.kind is EvidenceKind.TRIAL:
            self._trials[row] = without_texts(self._trials[row])[0]
        if pruning.kind is EvidenceKind.TRIAL_END:
            self._ends[row] = replace(self._ends[row], by="", reason="")
        super()._forget(pruning, row)

    def seal_trial(self, result: SealedResult) -> None:
        """See ``TrialStore``."""
        to_micros(result.at)
        if result.trial not in self._trials:
            raise NotFound(f"there is no trial {result.trial}")
        if self._results.setdefault(result.trial, result) is result:
            self._prove(EvidenceKind.TRIAL_RESULT, result.site, result.trial, result.at, result)

    def trials(self, site: str) -> list[KeptTrial]:
        """See ``TrialStore``."""
        return [self._kept(trial) for trial in list(self._trials.values()) if trial.site == site]

    def _kept(self, trial: Trial) -> KeptTrial:
        result = self._results.get(trial.id)
        return KeptTrial(
            trial=trial,
            ended=self._ends.get(trial.id),
            result=result,
            design_text=taken_apart(to_json(trial))[0],
            result_text="" if result is None else to_json(result),
        )

    def trials_of(self, sites: Collection[str]) -> dict[str, list[KeptTrial]]:
        """See ``TrialStore``."""
        return {site: self.trials(site) for site in sites}

    def trial_sites(self) -> list[str]:
        """See ``TrialStore``."""
        return sorted({trial.site for trial in list(self._trials.values())})
