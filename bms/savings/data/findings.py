"""What was found in the data of a meter, in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Series
from bms.model.savings.savings import Finding, Span
from bms.model.words import Words

Mask = NDArray[np.bool_]
_HOUR = timedelta(hours=1)

_TEXTS = {
    "negative": Words("", "er negative", "are negative"),
    "implausible": Words("", "er for store til at være målinger", "are too large to be measured"),
    "x1000": Words(
        "",
        "ligger langt uden for målerens størrelse (en faktor 1000 ligner en enhedsfejl)",
        "lie far outside the meter's size (a factor of 1000 looks like a slip of units)",
    ),
    "stuck": Words("", "gentager den samme værdi", "repeat the same value"),
    "zeros": Words(
        "",
        "er nuller, hvor måleren ikke kan have stået stille",
        "are zeros where the meter cannot have stood still",
    ),
    "gap": Words("", "har intet brugbart forbrug", "have no use that counts"),
}
_AS_MISSING = Words("", "; de regnes som manglende", "; they count as missing")


def finding(code: str, use: Series, mask: Mask) -> Finding:
    """The hours of ``use`` for which ``mask`` is true, put aside."""
    at = np.flatnonzero(mask)
    hours = float(len(at) * (use.step / _HOUR))
    start, end = use.start + int(at[0]) * use.step, use.start + (int(at[-1]) + 1) * use.step
    return Finding(
        code=code,
        start=start,
        end=end,
        lasted_h=hours,
        excluded=True,
        words=told(code, hours, start, end),
    )


def told(code: str, hours: float, start: datetime, end: datetime) -> Words:
    """A sentence about ``hours`` [h] between ``start`` and ``end``."""
    first, last = f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"
    text = _TEXTS[code]
    return Words(
        code,
        f"{hours:g} timer fra {first} til {last} UTC {text.da}{_AS_MISSING.da}.",
        f"{hours:g} hours from {first} to {last} UTC {text.en}{_AS_MISSING.en}.",
    )


def shifted(reporting: Span, hours: int) -> Finding:
    """Days that in some months lie ``hours`` [h] later than a year before (or earlier)."""
    da, en = ("senere", "later") if hours > 0 else ("tidligere", "earlier")
    words = Words(
        "clock_shift",
        f"I nogle måneder ligger døgnet {abs(hours)} time {da} end i basisperioden, i andre ikke:"
        " målerens ur går ikke ens i begge perioder (sommertid, for eksempel).",
        f"In some months days lie {abs(hours)} hour {en} than in the baseline period, in others"
        " not: the meter's clock does not run alike in both periods (summer time, say).",
    )
    whole = (reporting.end - reporting.start) / _HOUR
    return Finding(
        code="clock_shift",
        start=reporting.start,
        end=reporting.end,
        lasted_h=whole,
        excluded=False,
        words=words,
    )


def codes(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes of ``findings``, each once, in their order."""
    return tuple(dict.fromkeys(each.code for each in findings))


def runs(mask: Mask) -> list[list[int]]:
    """[start, end] of every stretch of true values, end exclusive."""
    pairs: list[list[int]] = stretches(mask).tolist()
    return pairs


def stretches(mask: Mask) -> NDArray[np.int64]:
    """As ``runs``, as an array of shape (k, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


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
