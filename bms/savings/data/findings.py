"""Findings about the data of a meter: hours that are put aside, gaps, and a shifted clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import numpy as np

from bms.model.fact import Parameter, Term, TermCode
from bms.model.readings.runs_and_peaks import Mask, runs
from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Span
from bms.model.savings.finding import FindingCode, MeterFinding

_HOUR = timedelta(hours=1)


class ClockDirection(TermCode):
    """Which way a meter's clock was moved."""

    LATER = "clock_later"
    EARLIER = "clock_earlier"


def finding(code: FindingCode, use: Series, mask: Mask) -> MeterFinding:
    """Returns the finding about the steps of ``use`` for which ``mask`` is true (at least one);
    they count as missing."""
    at = np.flatnonzero(mask)
    return MeterFinding(
        code=code,
        start=use.start + int(at[0]) * use.step,
        end=use.start + (int(at[-1]) + 1) * use.step,
        lasted_h=float(len(at) * (use.step / _HOUR)),
        excluded=True,
    )


def clock_finding(reporting: Span, hours: int | None) -> MeterFinding:
    """Returns the finding about days that in some months lie ``hours`` [h] later than a year
    before (or earlier, where that is negative); that such a shift cannot be seen, with None."""
    found = MeterFinding(
        code=FindingCode.CLOCK_UNSEEN,
        start=reporting.start,
        end=reporting.end,
        lasted_h=(reporting.end - reporting.start) / _HOUR,
        excluded=False,
    )
    if hours is None:
        return found
    direction = Term((ClockDirection.LATER if hours > 0 else ClockDirection.EARLIER).value)
    shift: dict[str, Parameter] = {"shift_h": abs(hours), "direction": direction}
    return replace(found, code=FindingCode.CLOCK_SHIFT, parameters=shift)


def codes(findings: Iterable[MeterFinding]) -> tuple[FindingCode, ...]:
    """Returns the codes of ``findings``, each once, in their order."""
    return tuple(dict.fromkeys(each.code for each in findings))


LONG = timedelta(days=3)
"""A shorter gap hides no change of use that matters to a year."""


def gaps(use: Series, span: Span) -> tuple[MeterFinding, ...]:
    """One finding ``gap`` for every gap of three days and more of ``use`` inside ``span``, its ends
    included: a meter that starts late or stops early has one."""
    first = -((use.start - span.start) // use.step)
    n = int((span.end - span.start) // use.step)
    values = np.full(max(n, 0), np.nan)
    low, high = max(first, 0), min(first + n, len(use))
    if low < high:
        values[low - first : high - first] = use.values[low:high]
    grid = Series(use.start + first * use.step, use.step, values)
    found = []
    for start, end in runs(np.isnan(values)):
        if (end - start) * use.step >= LONG:
            mask = np.zeros(n, dtype=bool)
            mask[start:end] = True
            found.append(finding(FindingCode.GAP, grid, mask))
    return tuple(found)
