"""The name of a baseline: the hash of its data, of the code and of the settings.

A baseline must not change after it was used. Its id is the SHA-256 of a text of bytes that says
everything a model follows from: the readings of use and weather in the baseline period as they
came, the version of the method and the settings. The same data give the same id on any machine;
one reading more, less or other gives another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date
from functools import lru_cache

import numpy as np

from bms.model.readings.series import Series
from bms.model.savings.avoided_use import FrozenBaseline, Savings, Span
from bms.savings.data.daily import whole_days

METHOD = "2"
"""Version of the method. Raise it with every change after which the same readings give another
model; a test holds numbers of this version and fails until that is done."""


def baseline_id(
    use: Series,
    temp: Series,
    baseline: Span,
    settings: Mapping[str, str],
    sun: Series | None = None,
) -> str:
    """SHA-256 [64 hexadecimal digits] of the readings in ``baseline``, the version of the method
    and the ``settings``.

    Readings are hashed with their moment, gaps not at all: it does not matter what lies around
    the period, or how many gaps a series names.
    """
    text = json.dumps(dict(settings) | {"method": METHOD}, sort_keys=True, ensure_ascii=True)
    whole = hashlib.sha256(text.encode())
    whole.update(_digest(use, baseline))
    whole.update(_weather(temp, baseline))
    if sun is not None:
        whole.update(_weather(sun, baseline))
    return whole.hexdigest()


def settings_of(
    *,
    baseline: Span,
    timezone: str,
    commodity: str,
    zeros: str,
    closed: Callable[[date], bool] | None,
) -> dict[str, str]:
    """What a baseline depends on beside its readings, as text by name."""
    days = () if closed is None else tuple(_closed_days(baseline, timezone, closed))
    return {
        "start": baseline.start.astimezone(UTC).isoformat(),
        "end": baseline.end.astimezone(UTC).isoformat(),
        "timezone": timezone,
        "commodity": commodity,
        "zeros": zeros,
        "closed_days": ",".join(days),
        "method": METHOD,
    }


def frozen_baseline(savings: Savings) -> FrozenBaseline | None:
    """The baseline of ``savings`` to be kept; None where it has none."""
    if savings.baseline_id is None:
        return None
    return FrozenBaseline(
        id=savings.baseline_id,
        meter_id=savings.meter_id,
        period=savings.baseline,
        settings=savings.baseline_settings or {},
        model=savings.model,
        coefficients=savings.coefficients,
        n=savings.n,
        cv_rmse=savings.cv_rmse,
        baseline_kwh=savings.baseline_kwh,
    )


def _closed_days(span: Span, timezone: str, closed: Callable[[date], bool]) -> Iterator[str]:
    return (day.isoformat() for day in whole_days(span, timezone) if closed(day))


@lru_cache(maxsize=16)
def _weather(series: Series, span: Span) -> bytes:
    """As ``_digest``; the meters of a city share their weather."""
    return _digest(series, span)


def _digest(series: Series, span: Span) -> bytes:
    """Hash of the step, and of moment and value of every reading that starts in ``span``."""
    step = series.step.total_seconds()
    start = series.start.timestamp()
    first = max(int(np.ceil((span.start.timestamp() - start) / step)), 0)
    last = max(int(np.ceil((span.end.timestamp() - start) / step)), first)
    values = series.values[first:last]
    known = np.flatnonzero(np.isfinite(values))
    moments = (start + step * (first + known)) * 1e6
    found = hashlib.sha256(f"{step:.6f};{len(known)};".encode())
    found.update(np.round(moments).astype("<i8").tobytes())
    found.update((values[known] + 0.0).astype("<f8").tobytes())  # -0.0 is 0.0
    return found.digest()
