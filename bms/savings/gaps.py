"""Gaps that are long enough to be asked about."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from bms.model.readings.series import Series
from bms.model.savings.savings import Finding, Span
from bms.savings.data.findings import finding, runs

LONG = timedelta(days=3)
"""A shorter gap hides no change of use that matters to a year."""


def gaps(use: Series, span: Span) -> tuple[Finding, ...]:
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
            found.append(finding("gap", grid, mask))
    return tuple(found)
