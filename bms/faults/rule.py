"""A rule: a row of the table and one function over the columns of a subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bms.faults.codes import CannotCode, FaultCode, LookFor
from bms.faults.earlier import middle
from bms.faults.observations import Equipment, Observations, State
from bms.faults.signals import Signal
from bms.model.fact import Fact, Parameter, Term, fact
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.model.work.finding import Price, RuleId, Severity


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Detected:
    """What a rule saw of a subject: ``flags``, shape (n,), at which intervals the fault was
    confirmed. ``parameters`` fill the message; ``price`` is that of a year. ``lines`` are what the
    picture shows. ``place`` names the room or signal that it is about, where that is not the
    subject."""

    flags: Flags
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    price: Price = Price()
    lines: tuple[Signal, ...] = ()
    extra: Mapping[str, Floats] = field(default_factory=dict)
    confidence: float = 0.9
    place: str | None = None
    comfort_kh_year: float | None = None
    severity: Severity | None = None


Seen = Sequence[Detected] | Fact
"""What a rule's function answers: what it saw, most often nothing, or why it cannot run."""
Look = Callable[[Observations, "Rule"], Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table of rules.

    ``needs`` are the signals without which it cannot run, ``any_of`` those of which it needs one;
    ``silent`` are states in which it says nothing. ``tolerance`` is in ``unit``; ``under``: what
    is below it is the fault. ``delay_h`` [h] is how long the condition has to stand, ``join_h`` [h]
    how long it may be gone and still be the same fault. ``source`` says where rule and tolerance
    come from.
    """

    id: RuleId
    equipment: Equipment
    fact: FaultCode
    look_for: LookFor
    look: Look
    source: str
    severity: Severity = Severity.MEDIUM
    needs: tuple[Signal, ...] = ()
    any_of: tuple[Signal, ...] = ()
    silent: tuple[State, ...] = ()
    tolerance: float = 0.0
    under: bool = False
    unit: str = ""
    delay_h: float = 0.5
    join_h: float = 14 * 24.0
    risk: LookFor | None = None

    @property
    def days(self) -> int:
        """The delay in whole days."""
        return round(self.delay_h / 24)

    def at(self, seen: Observations) -> Rule:
        """The rule at a subject: where people said that there was no fault, its tolerance and its
        delay are raised."""
        factor = seen.context.raised.get(self.id, 1.0)
        if factor == 1.0:
            return self
        wider = self.tolerance / factor if self.under else self.tolerance * factor
        return replace(self, tolerance=wider, delay_h=self.delay_h * factor)


def found(
    flags: Flags, parameters: Mapping[str, Parameter] | None = None, **more: Any
) -> tuple[Detected, ...]:
    """One detection, or nothing where no interval is flagged; figures that came to NaN are told as
    not known."""
    if not flags.any():
        return ()
    told = {name: None if value != value else value for name, value in (parameters or {}).items()}
    return (Detected(flags=flags, parameters=told, **more),)


def median(values: Floats, default: float = float("nan")) -> float:
    """The median of what is known."""
    known = values[np.isfinite(values)]
    return middle(known) if len(known) else default


def too_short(days: int, needed: int) -> Fact:
    """Why a rule cannot run: too few days are known."""
    return fact(CannotCode.TOO_FEW_DAYS, days=days, needed=needed)


def missing(signals: Iterable[Signal]) -> Fact:
    """Why a rule cannot run: the subject has none of what it needs."""
    return fact(CannotCode.MISSING_SIGNALS, signals=tuple(Term(each.value) for each in signals))


def never(state: State) -> Fact:
    """Why a rule cannot run: the subject has not been in a state that it needs."""
    return fact(CannotCode.NO_STATE, state=Term(state.value))


def too_coarse(seen: Observations, needed_min: float) -> Fact:
    """Why a rule cannot run: the intervals are longer than ``needed_min`` [min]."""
    return fact(CannotCode.TOO_COARSE, step=seen.step_s / 60.0, needed=needed_min)
