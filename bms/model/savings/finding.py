"""What was found in the data of a meter: no measurements, or a non-routine event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bms.model.fact import Fact, MessageCode, Moment, Parameter, fact
from bms.model.savings.event import EventKind, Proposal


class FindingCode(MessageCode):
    """What a finding is about; those from ``STEP`` on are non-routine
    events, and ``CLOCK_UNSEEN`` is no fault but what the data cannot show."""

    NEGATIVE = "negative"
    IMPLAUSIBLE = "implausible"
    UNIT_ERROR = "x1000"
    STUCK = "stuck"
    ZEROS = "zeros"
    GAP = "gap"
    CLOCK_SHIFT = "clock_shift"
    CLOCK_UNSEEN = "clock_unseen"
    STEP = "step_change"
    STEP_UNCLEAR = "step_change_unclear"
    DRIFT = "drift"
    OUTAGE = "outage"
    CHANGED_USE = "changed_use"


_EVENTS = {
    FindingCode.STEP: EventKind.STEP,
    FindingCode.STEP_UNCLEAR: EventKind.STEP,
    FindingCode.DRIFT: EventKind.DRIFT,
    FindingCode.OUTAGE: EventKind.OUTAGE,
    FindingCode.CHANGED_USE: EventKind.CHANGED_USE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterFinding:
    """Something in a meter's data that an auditor asks about: what, from when to when, and how
    many hours [h] of it. ``excluded`` ones count as missing; the others count as they stand.
    ``parameters`` are those of its message beside these; ``proposal`` says how a non-routine event
    could be adjusted for, and ``unsure`` how one could of which the data do not tell the period:
    too little to be confirmed as it stands, enough to ask whether a saving hangs on it."""

    code: FindingCode
    start: datetime
    end: datetime
    lasted_h: float
    excluded: bool
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    proposal: Proposal | None = None
    unsure: Proposal | None = None

    @property
    def event(self) -> EventKind | None:
        """The kind of non-routine event; None where it is a matter of the data."""
        return _EVENTS.get(self.code)

    @property
    def fact(self) -> Fact:
        """What was found, for people."""
        ends = {"start": Moment(self.start), "end": Moment(self.end)}
        return fact(self.code, **ends, count=self.lasted_h, **self.parameters)
