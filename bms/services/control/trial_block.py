"""What a switchback trial asks of those who write: whose turn it is, and when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.savings.trial import Arm, KeptTrial, Trial, TrialEnd
from bms.ports.storage.trials import TrialStore


class TrialTurn(MessageCode):
    """Whose block of a switchback trial is on."""

    OWN_CONTROL = "trial_own_control"
    OPTIMISED = "trial_optimised"


@dataclass(frozen=True, slots=True)
class Turn:
    """The block of a trial that is on: its number from 0, whose it is, and until when."""

    trial: Trial
    block: int
    arm: Arm
    until: datetime

    @property
    def rests(self) -> bool:
        """Whether we keep our hands off."""
        return self.arm is Arm.OWN_CONTROL

    @property
    def words(self) -> Fact:
        """Whose block is on, and until when."""
        return fact(
            TrialTurn.OWN_CONTROL if self.rests else TrialTurn.OPTIMISED,
            trial=self.trial.id,
            block=self.block + 1,
            blocks=len(self.trial.arms),
            until=Moment(self.until),
        )


def turn_at(kept: Iterable[KeptTrial], at: datetime) -> Turn | None:
    """Whose turn it is at ``at``; None while no trial is on."""
    for known in kept:
        block = known.trial.block_at(at) if known.runs(at) else None
        if block is not None:
            trial = known.trial
            return Turn(trial, block, trial.arms[block], trial.block_end(block))
    return None


def next_rest(kept: Iterable[KeptTrial], at: datetime) -> datetime | None:
    """When the next block of own control begins after ``at``; None where none is drawn."""
    starts = [
        known.trial.block_start(block)
        for known in kept
        if known.open(at)
        for block, arm in enumerate(known.trial.arms)
        if arm is Arm.OWN_CONTROL
    ]
    return min((start for start in starts if start > at), default=None)


def end_trials(site: str, trials: TrialStore, *, at: datetime, by: str, reason: str) -> list[Trial]:
    """End what runs at a site or has yet to begin: somebody took the site out of our hands."""
    over = [known.trial for known in trials.trials(site) if known.open(at)]
    for trial in over:
        trials.end_trial(TrialEnd(trial=trial.id, site=site, at=at, by=by, reason=reason))
    return over
