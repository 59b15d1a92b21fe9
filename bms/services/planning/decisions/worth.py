"""What each kind of decision brings of what it was to bring, told by the days of the heat meter.

The meter shows the sum of all kinds. How much of each came is told by a regression with a careful
prior, so that a kind that is hardly ever decided on is not believed too early.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bms.model.planning.decision_day import DecisionDay, KindWorth
from bms.model.planning.plan import DecisionKind

PRIOR_SHARE, PRIOR_SPREAD = 0.8, 0.3
"""What a kind is taken to bring of its prediction before any day has shown it."""
PRIOR_NOISE, PRIOR_DAYS = 0.4, 5
"""Days are taken to scatter by this part of what they were to bring, as if so many had shown it: a
few days that agree by chance are no proof."""


def worth_by_kind(days: Sequence[DecisionDay]) -> tuple[KindWorth, ...]:
    """Returns what each kind of decision has been worth over ``days``.

    The days' gains are regressed on what each kind was to bring, with a normal prior of the shares
    around :data:`PRIOR_SHARE` and the scatter of the days as noise.
    """
    kinds = [kind for kind in DecisionKind if any(each.predicted.get(kind) for each in days)]
    if not kinds:
        return ()
    told = np.array([[each.predicted.get(kind, 0.0) for kind in kinds] for each in days])
    came = np.array([each.came_dkk for each in days])
    off = came - PRIOR_SHARE * told.sum(axis=1)
    usual = PRIOR_NOISE * float(np.abs(told).sum(axis=1).mean()) + 1e-6
    noise = float(np.sqrt((PRIOR_DAYS * usual**2 + off @ off) / (PRIOR_DAYS + len(days))))
    precision = told.T @ told / noise**2 + np.eye(len(kinds)) / PRIOR_SPREAD**2
    covariance = np.linalg.inv(precision)
    shares = covariance @ (told.T @ came / noise**2 + PRIOR_SHARE / PRIOR_SPREAD**2)
    return tuple(
        KindWorth(
            kind=kind,
            days=int(np.count_nonzero(told[:, i])),
            predicted_dkk=float(told[:, i].sum()),
            came_dkk=float(shares[i] * told[:, i].sum()),
            share=float(shares[i]),
            share_error=float(np.sqrt(covariance[i, i])),
        )
        for i, kind in enumerate(kinds)
    )
