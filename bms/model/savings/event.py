"""Non-routine events of a meter: proposed by the data, decided by a person, adjusted for.

A change that has nothing to do with what was done for energy (a new wing, a kitchen, a burst pipe)
spoils the comparison of two periods. IPMVP adjusts for it, openly: dated, quantified, signed and
never by a silent refit. The ledger of decisions is append-only; a later entry supersedes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite

from bms.model.fact import Fact, MessageCode, Moment, fact


class EventKind(StrEnum):
    """What happened to the use of a meter."""

    STEP = "step_change"
    DRIFT = "drift"
    OUTAGE = "outage"
    CHANGED_USE = "changed_use"
    OTHER = "other"


class Decision(StrEnum):
    """What a person made of an event: adjusted for, or left alone because it is no event (it is
    part of the project, say)."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class ProposalCode(MessageCode):
    """How an event could be adjusted for."""

    ADJUSTMENT = "adjustment_proposal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """How an adjustment would quantify an event: the change of use that it made in ``[start,
    end)``, ``kwh`` ± ``kwh_se`` [kWh, standard error], positive where more was used, and ``share``
    of what was expected. A step inside the baseline period is seen from its other side: what was
    used more or less *before* it than in the building as it is now."""

    kind: EventKind
    start: datetime
    end: datetime
    kwh: float
    kwh_se: float
    share: float

    @property
    def fact(self) -> Fact:
        """The proposal, for people."""
        return fact(
            ProposalCode.ADJUSTMENT,
            kwh=self.kwh,
            kwh_se=self.kwh_se,
            start=Moment(self.start),
            end=Moment(self.end),
            share=self.share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NonRoutineEvent:
    """An entry of the ledger: what ``author`` decided at ``entered_at`` about ``meter``.

    The event changed the use in ``[start, end)`` by ``kwh_adjustment`` ± ``kwh_se`` [kWh, standard
    error], positive where more was used; both are 0 in a dismissal. ``supersedes`` is the id of
    the entry that this one replaces. Raises ``ValueError`` where the period is empty, the author
    or the reason is missing, the quantity is not finite or its standard error negative, or a
    dismissal has a quantity.
    """

    id: str
    meter: str
    start: datetime
    end: datetime
    kwh_adjustment: float
    kwh_se: float
    kind: EventKind
    author: str
    entered_at: datetime
    reason: str
    supersedes: str | None = None
    decision: Decision = Decision.CONFIRMED

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"event {self.id}: ends at {self.end}, before it starts")
        if not self.author.strip() or not self.reason.strip():
            raise ValueError(f"event {self.id}: give an author and a reason")
        if not (isfinite(self.kwh_adjustment) and isfinite(self.kwh_se) and self.kwh_se >= 0):
            raise ValueError(
                f"event {self.id}: {self.kwh_adjustment} ± {self.kwh_se} kWh is no quantity"
            )
        if self.decision is Decision.DISMISSED and (self.kwh_adjustment or self.kwh_se):
            raise ValueError(f"event {self.id}: a dismissed event adjusts nothing; give 0 kWh")


def standing(entries: Iterable[NonRoutineEvent]) -> tuple[NonRoutineEvent, ...]:
    """The entries that no later one supersedes, in their order."""
    kept = tuple(entries)
    replaced = {entry.supersedes for entry in kept}
    return tuple(entry for entry in kept if entry.id not in replaced)
