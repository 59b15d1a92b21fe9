"""A rule: a row of the table and one function over the columns of a subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bms.faults.codes import FaultCode, LookFor
from bms.faults.observations import Equipment, Observations, State
from bms.faults.signals import Signal
from bms.model.fact import Fact, Parameter
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
    ``silent`` are states in which it says nothing. ``tolerance`` is in ``unit``, ``delay_h`` [h]
    is how long the condition has to stand. ``join_h`` [h] is how long it may be gone and still be
    the same fault. ``source`` says where rule and tolerance come from.
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
    unit: str = ""
    delay_h: float = 0.5
    join_h: float = 14 * 24.0
    risk: LookFor | None = None

    def tolerance_at(self, seen: Observations) -> float:
        """The tolerance at a subject, raised where people said that there was no fault."""
        return self.tolerance * seen.context.raised.get(self.id, 1.0)


def nothing() -> tuple[Detected, ...]:
    """The answer where nothing is wrong."""
    return ()


def found(flags: Flags, **more: object) -> tuple[Detected, ...]:
    """One detection, or nothing where no interval is flagged."""
    if not flags.any():
        return ()
    return (Detected(flags=flags, **more),)  # type: ignore[arg-type]


def median(values: Floats, default: float = float("nan")) -> float:
    """The median of what is known."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else default
