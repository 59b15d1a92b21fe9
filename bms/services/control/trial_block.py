"""The block of a switchback trial that is on: whose control it tests, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import Arm
from bms.ports.storage.trials import TrialStore


class TrialNotice(MessageCode):
    """Which block of a switchback trial is on."""

    OWN_CONTROL = "trial_own_control"
    OPTIMISED = "trial_optimised"


@dataclass(frozen=True, slots=True)
class TrialBlock:
    """A block of a trial: its number from 0, whose control it tests, and its end."""

    trial: Trial
    block: int
    arm: Arm
    until: datetime

    @property
    def own_control(self) -> bool:
        """Whether the building is left to its own control."""
        return self.arm is Arm.OWN_CONTROL

    @property
    def notice(self) -> Fact:
        """Which block is on, and until when."""
        return fact(
            TrialNotice.OWN_CONTROL if self.own_control else TrialNotice.OPTIMISED,
            trial=self.trial.id,
            block=self.block + 1,
            blocks=len(self.trial.arms),
            until=Moment(self.until),
        )


def trial_block_at(kept: Iterable[KeptTrial], at: datetime) -> TrialBlock | None:
    """The block that is on at ``at``; None while no trial is on."""
    for known in kept:
        block = known.trial.block_at(at) if known.runs(at) else None
        if block is not None:
            trial = known.trial
            return TrialBlock(trial, block, trial.arms[block], trial.block_end(block))
    return None


def next_own_control(kept: Iterable[KeptTrial], at: datetime) -> datetime | None:
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
    """End the trials of a site that run or have yet to begin, and return them."""
    over = [known.trial for known in trials.trials(site) if known.open(at)]
    for trial in over:
        trials.end_trial(TrialEnd(trial=trial.id, site=site, at=at, by=by, reason=reason))
    return over
