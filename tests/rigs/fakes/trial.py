"""Trials with blocks one can count by hand, and buildings whose effect is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np

from bms.model.fact import fact
from bms.model.savings.trial import ANALYSIS_VERSION, SealedDesign, Trial
from bms.model.savings.trial_result import (
    Arm,
    ArmDose,
    DayDose,
    Effect,
    SealedResult,
    Subject,
    TrialOutcome,
    TrialResult,
    TrialState,
)
from bms.savings.trials.analysis import Allocations, allocations_of, analyse
from bms.savings.trials.daily_values import DailyRecord, learn_expectation
from bms.savings.trials.outcome import OutcomeCode, subject_term
from bms.savings.trials.power import BlockDesign
from bms.savings.trials.random_allocation import allocate, layout
from bms.services.trials.report import sealed_result

AT, DAYS = 400, 54
DESIGN = BlockDesign(3, 1)
FIRST = date(2019, 1, 14)
DRAWN = datetime(2019, 1, 13, 9, tzinfo=UTC)
OURS, OWN = Arm.OPTIMISED, Arm.OWN_CONTROL
ALTERNATING = (OWN, OURS, OWN, OURS, OURS, OWN)


SEALED = SealedDesign(
    version=ANALYSIS_VERSION,
    number=1,
    confidence=0.9,
    primary=Subject.HEAT,
    comfort_margin_kh=1.0,
    carry_over_days=1,
    time_constant_h=None,
    meters=(),
    points=(),
    zones=(),
    closed=(),
    price_area="DK1",
    electricity_tariff="konstant_c",
    heat_tariff="kredslob",
)


def a_trial(
    site: str = "hut",
    *,
    arms: Sequence[Arm] = ALTERNATING,
    block_days: int = 2,
    washout_days: int = 1,
    **changes: object,
) -> Trial:
    """From Monday 14 January 2019 on, in Copenhagen."""
    days = len(arms) * block_days
    made = Trial(
        id=f"{site}-trial",
        site=site,
        timezone="Europe/Copenhagen",
        first=FIRST,
        block_days=block_days,
        washout_days=washout_days,
        arms=tuple(arms),
        temp_c=tuple(float(i % 5) for i in range(days)),
        rest=tuple(i % 7 >= 5 for i in range(days)),
        seed=7,
        limit=10.0,
        imbalance=0.1,
        sealed=SEALED,
        started_at=DRAWN,
        by="Bo",
        reason="proof for the council",
    )
    return replace(made, **changes)


def a_sealed_result(
    site: str = "hut", trial: str | None = None, at: datetime = DRAWN + timedelta(days=13)
) -> SealedResult:
    """Of a trial without data."""
    name = trial or f"{site}-trial"
    result = TrialResult(
        trial=name,
        site=site,
        state=TrialState.FINISHED,
        primary=Subject.HEAT,
        confidence=0.9,
        days=12,
        days_done=12,
        dose=(ArmDose(arm=OURS, days=6, share=0.9),),
        dose_days=(DayDose(day=FIRST, arm=OWN, share=0.0),),
        safety=None,
        effects=(),
        findings=((Subject.HEAT, TrialOutcome.NO_DATA),),
        checks=(),
        reasons=(fact(OutcomeCode.NO_DATA, subject=subject_term(Subject.HEAT)),),
    )
    inputs = ((Subject.HEAT, "0" * 64),)
    made = SealedResult(
        trial=name, site=site, at=at, result=result, inputs=inputs, design="0" * 64, digest=""
    )
    return sealed_result(made)


def a_record(
    days: int = 456,
    *,
    seed: int = 1,
    noise: float = 0.05,
    rho: float = 0.6,
    subject: Subject = Subject.HEAT,
) -> DailyRecord:
    """A building that heats below 16 degC, with autocorrelated noise, from 400 days before a trial
    of 56 days on."""
    rng = np.random.default_rng(seed)
    day = np.arange(days)
    temp = 8.0 - 7.0 * np.cos(2 * np.pi * (day - 380) / 365.25) + rng.normal(0, 2, days)
    expected = 200.0 + 40.0 * np.maximum(16.0 - temp, 0.0)
    white = rng.normal(0, 1, days)
    error = np.zeros(days)
    for i in range(days):
        error[i] = (rho * error[i - 1] if i else 0.0) + np.sqrt(1 - rho**2) * white[i]
    first = date(2018, 1, 1)
    rest = np.array([(first.toordinal() + i - 1) % 7 >= 5 for i in day])
    return DailyRecord(subject, first, expected * (1 + noise * error), temp, rest)


def draws_of(record: DailyRecord, seed: int = 3) -> Allocations:
    here = slice(AT, AT + DAYS)
    blocks = layout(record.temp_c[here].tolist(), record.rest[here].tolist(), 3, 1)
    return allocations_of(blocks, allocate(blocks, seed), seed)


def with_effect(record: DailyRecord, draws: Allocations, share: float) -> DailyRecord:
    value = record.value.copy()
    value[AT : AT + DAYS] *= 1.0 - share * draws.made[draws.layout.block_of]
    return replace(record, value=value)


def analysed(share: float, *, seed: int = 1, record: DailyRecord | None = None) -> Effect | None:
    """A trial of ``DAYS`` days from day ``AT`` on in which we use ``share`` less."""
    known = record or a_record(seed=seed)
    draws = draws_of(known, seed)
    treated = with_effect(known, draws, share)
    return analyse(treated, learn_expectation(treated, AT), draws, AT, AT + DAYS)
