"""Flaws of a meter's readings: what was met on the way from readings to use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bms.model.fact import MessageCode
from bms.model.readings.metering import FlawKind
from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Micros


class FlawCode(MessageCode):
    """What happened to the readings, more exactly than the kind of flaw says."""

    NO_USABLE_READINGS = "no_usable_readings"
    TOO_COARSE = "too_coarse"
    RESET = "reset"
    OTHER_REGISTER = "other_register"
    ROLLOVER = "rollover"
    EXCHANGE = "exchange"
    EXCHANGE_NOT_SEEN = "exchange_not_seen"
    DUPLICATE = "duplicate"
    TWO_VALUES = "two_values"
    OVERLAP = "overlap"
    OUT_OF_ORDER = "out_of_order"
    FLAT_LINE = "flat_line"
    CAUGHT_UP = "caught_up"
    SPIKE = "spike"
    DIP = "dip"
    LEAP = "leap"
    BEYOND_REGISTER = "beyond_register"
    ABSURD_STEP = "absurd_step"
    ABSURD_AMOUNT = "absurd_amount"
    UNIT_SLIP = "unit_slip"
    SLIPPED_AMOUNT = "slipped_amount"
    NEGATIVE_REGISTER = "negative_register"
    NEGATIVE_AMOUNT = "negative_amount"
    BELOW_ZERO = "below_zero"
    INTERPOLATED = "interpolated"
    STEPPED_BACK = "stepped_back"


_CODES = {
    FlawKind.GAP: (FlawCode.NO_USABLE_READINGS, FlawCode.TOO_COARSE),
    FlawKind.RESET: (FlawCode.RESET, FlawCode.OTHER_REGISTER),
    FlawKind.ROLLOVER: (FlawCode.ROLLOVER,),
    FlawKind.EXCHANGE: (FlawCode.EXCHANGE, FlawCode.EXCHANGE_NOT_SEEN),
    FlawKind.DUPLICATE: (FlawCode.DUPLICATE, FlawCode.TWO_VALUES, FlawCode.OVERLAP),
    FlawKind.OUT_OF_ORDER: (FlawCode.OUT_OF_ORDER,),
    FlawKind.FLAT_LINE: (FlawCode.FLAT_LINE, FlawCode.CAUGHT_UP),
    FlawKind.SPIKE: (
        FlawCode.SPIKE,
        FlawCode.DIP,
        FlawCode.LEAP,
        FlawCode.BEYOND_REGISTER,
        FlawCode.ABSURD_STEP,
        FlawCode.ABSURD_AMOUNT,
    ),
    FlawKind.UNIT_SLIP: (FlawCode.UNIT_SLIP, FlawCode.SLIPPED_AMOUNT),
    FlawKind.INTERPOLATED: (FlawCode.INTERPOLATED,),
    FlawKind.ROUNDING: (FlawCode.STEPPED_BACK,),
    FlawKind.NEGATIVE: (FlawCode.NEGATIVE_REGISTER, FlawCode.NEGATIVE_AMOUNT, FlawCode.BELOW_ZERO),
}
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes}


@dataclass(frozen=True, slots=True)
class Flaw:
    """A flaw from ``start`` to ``end`` [us]. ``amount`` is the use inside it as the register
    counts, None where it is unknown, ``count`` how many readings."""

    code: FlawCode
    start: int
    end: int
    amount: float | None = None
    count: int = 0
    whole: bool = False
    """Speaks of the file as a whole, and is no reason for a missing step."""
    bound: float = 0.0
    """How far the use of one step may lie from the true one, as the register counts."""

    @property
    def kind(self) -> FlawKind:
        return _KINDS[self.code]


def flaws_where(code: FlawCode, times: Micros, mask: Mask) -> list[Flaw]:
    """One flaw for each stretch of readings for which ``mask`` is true."""
    return [
        Flaw(code, int(times[first]), int(times[end - 1]), count=end - first)
        for first, end in runs(mask)
    ]


def cover_missing_steps(
    spans: Iterable[tuple[int, int, float | None]], flaws: list[Flaw]
) -> list[Flaw]:
    """The flaws so that each span of missing steps lies inside one of them.

    ``spans`` are (start [us], end [us], use inside it or None). The first flaw that touches a span
    is stretched over it; a span that none touches is a gap. A gap between two readings is known to
    hold their difference; a span with a reset inside is not.
    """
    explained = _merged(flaws)
    for start, end, amount in spans:
        reason = _touching(explained, start, end)
        if reason is None:
            explained.append(Flaw(FlawCode.NO_USABLE_READINGS, start, end, amount))
            continue
        flaw = explained[reason]
        wider = replace(flaw, start=min(flaw.start, start), end=max(flaw.end, end))
        explained[reason] = replace(wider, amount=amount) if wider != flaw else flaw
    return sorted(explained, key=lambda flaw: (flaw.start, flaw.end, flaw.kind))


def _merged(flaws: list[Flaw]) -> list[Flaw]:
    """The flaws without amounts that say the same of one stretch after the other as one flaw."""
    merged: list[Flaw] = []
    open_at: dict[str, int] = {}
    for flaw in sorted(flaws, key=lambda flaw: (flaw.start, flaw.end)):
        place = open_at.get(flaw.code)
        if place is not None and merged[place].amount is None and flaw.amount is None:
            last = merged[place]
            if last.end == flaw.start and not (last.whole or flaw.whole):
                count = last.count + flaw.count
                merged[place] = replace(last, end=flaw.end, count=count)
                continue
        open_at[flaw.code] = len(merged)
        merged.append(flaw)
    return merged


def _touching(flaws: list[Flaw], start: int, end: int) -> int | None:
    """The flaw that explains the span best: one that cannot be known before one that can."""
    at = [i for i, m in enumerate(flaws) if not m.whole and m.start < end and m.end > start]
    at += [
        i for i, m in enumerate(flaws) if not m.whole and m.start == m.end and start <= m.end <= end
    ]
    return min(at, key=lambda i: (flaws[i].amount is not None, i), default=None)
