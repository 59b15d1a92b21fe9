"""Meters that are read by the month: weighted least squares over the degree days of the bills.

CalTRACK 2.0, billing: use per day of a bill against the mean degree days per day of the same
days, from daily temperatures, weighted by the days of the bill; bills of less than 25 days are
left out, and of more than 35 days unless the meter is read every second month (then more than
70). Balance points, qualification and choice are those of the daily model (``changepoint.py``). A
bill of which less than 90 % of the days have a temperature says nothing.

A bill has a day on which it was read, not an hour: its ends are taken to the nearest local
midnight. A bill that crosses the edge of a period belongs to none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bms.model.readings.series import Floats, Series
from bms.model.savings.avoided_use import Span
from bms.savings.models.change_point import (
    GRID_C,
    LEAST_DAYS,
    LEAST_DEGREE_DAYS,
    ChangePoint,
    DegreeDays,
    Sample,
    candidates,
    least_bic,
)
from bms.savings.models.uncertainty import FitStatistics, effective_n

DAY_S = 86_400
SHORTEST_DAYS = 25
LONGEST_DAYS = 35
LONGEST_BIMONTHLY_DAYS = 70
KNOWN_DAYS = 0.9
"""Share of a bill's days whose temperature has to be known."""
LEAST_BILLS = 6
"""Bills of a baseline below which no number is given: half a year of months, a year of pairs."""


class Bills(Protocol):
    """Consecutive bills: ``edges_s`` UTC epoch [s], shape (n + 1,); ``kwh`` shape (n,), NaN where
    it is missing."""

    @property
    def edges_s(self) -> NDArray[np.int64]: ...
    @property
    def kwh(self) -> Floats: ...


@dataclass(frozen=True, slots=True, eq=False)
class UsableBills:
    """Bills that count, one element each; shapes (n,), degree days (g, n).

    ``starts`` and ``days`` [d] say when; ``rate`` is the use per day [kWh/day]; ``heating`` and
    ``cooling`` are the mean degree days per day by balance point on ``GRID_C`` [K]; ``coldest``
    and ``warmest`` [degC] are the extreme days, ``degree_days`` those below 17 degC [K d].
    """

    starts: tuple[date, ...]
    days: Floats
    rate: Floats
    heating: Floats
    cooling: Floats
    coldest_c: Floats
    warmest_c: Floats
    degree_days: Floats

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def kwh(self) -> Floats:
        """Use of each bill [kWh]."""
        return self.rate * self.days

    def where(self, keep: NDArray[np.bool_]) -> UsableBills:
        """The bills for which ``keep`` is true."""
        starts = tuple(day for day, ok in zip(self.starts, keep, strict=True) if ok)
        return UsableBills(
            starts,
            self.days[keep],
            self.rate[keep],
            self.heating[:, keep],
            self.cooling[:, keep],
            self.coldest_c[keep],
            self.warmest_c[keep],
            self.degree_days[keep],
        )


@dataclass(frozen=True, slots=True, eq=False)
class BillingModel:
    """Fitted on ``n`` bills; ``sse`` [(kWh/day)²] with weights whose mean is one, ``mean``
    [kWh/day] over all days."""

    point: ChangePoint
    n: int
    mean: float
    sse: float
    r2: float | None
    rho: float
    coldest_c: float
    warmest_c: float

    @property
    def name(self) -> str:
        return f"{self.point.kind} bills"

    @property
    def cv_rmse(self) -> float | None:
        """Root mean square error over the mean, with n - p degrees of freedom (Guideline 14)."""
        if self.mean <= 0:
            return None
        return float(np.sqrt(self.sse / max(self.n - self.point.parameters, 1)) / self.mean)

    @property
    def n_eff(self) -> float:
        """Number of independent bills n'."""
        return effective_n(self.n, self.rho)

    @property
    def statistics(self) -> FitStatistics:
        """Of the fit; Guideline 14 takes the errors of monthly models as independent."""
        return FitStatistics(
            n=self.n, parameters=self.point.parameters, sse=self.sse, rho=0.0, mean=self.mean
        )

    def expect(self, bills: UsableBills) -> Floats:
        """Use of each bill [kWh] in its weather, never negative."""
        return _use(self.point, bills) * bills.days


def bills_in(
    bills: Bills,
    span: Span,
    timezone: str,
    dates: Sequence[date],
    temp_c: Floats,
) -> UsableBills:
    """The bills that lie wholly in ``span`` and can be used.

    ``temp_c`` [degC] are the mean temperatures of the local days ``dates``, consecutive, NaN where
    not known.
    """
    edges = bill_days(bills.edges_s, timezone)
    first, last = (_nearest_day(moment, timezone) for moment in (span.start, span.end))
    longest = longest_days(edges)
    origin = dates[0].toordinal() if len(dates) else 0
    kept = []
    # Read before noon and then after it, five weeks lie between midnights that are 36 days apart.
    lasted = np.rint(np.diff(bills.edges_s) / DAY_S).astype(int).tolist()
    for (start, end), kwh, read in zip(pairwise(edges), bills.kwh, lasted, strict=True):
        days = (end - start).days
        if not (np.isfinite(kwh) and first <= start and end <= last):
            continue
        low = start.toordinal() - origin
        temps = temp_c[max(low, 0) : max(low + days, 0)]
        temps = temps[np.isfinite(temps)]
        if days >= SHORTEST_DAYS and min(days, read) <= longest and len(temps) >= KNOWN_DAYS * days:
            kept.append((start, days, float(kwh), temps))
    return _usable(kept)


def longest_days(edges: Sequence[date]) -> int:
    """How long a bill [days] may be: 35, or 70 where the meter is read every second month."""
    lengths = [(end - start).days for start, end in pairwise(edges)]
    usual = float(np.median(lengths)) if lengths else 0.0
    return LONGEST_BIMONTHLY_DAYS if usual > LONGEST_DAYS else LONGEST_DAYS


def bill_days(edges_s: NDArray[np.int64], timezone: str) -> list[date]:
    """Local days on which the bills start, and on which the last one ends.

    The end of the last bill is not in a table of starts: where all start on one day of the month,
    so does the bill after it.
    """
    days = [_nearest_day(datetime.fromtimestamp(int(second), UTC), timezone) for second in edges_s]
    starts = {day.day for day in days[:-1]}
    if len(days) > 1 and len(starts) == 1:
        months = max(round((days[-1] - days[-2]).days / (365.25 / 12)), 1)
        days[-1] = _months_later(days[-2], months)
    return days


def series_of(bills: Bills) -> Series:
    """The bills spread evenly over their days, at local hours of no zone: only to see whether use
    follows the weather."""
    edges = np.asarray(bills.edges_s, dtype=np.int64) // DAY_S
    days = np.maximum(np.diff(edges), 1)
    use = np.full(int(max(edges[-1] - edges[0], 1)), np.nan)
    for start, length, kwh in zip(edges - edges[0], days, bills.kwh, strict=False):
        use[start : start + length] = kwh / length
    start = datetime.fromtimestamp(int(edges[0]) * DAY_S, UTC)
    return Series(start, timedelta(days=1), use)


def fit_bills(bills: UsableBills, *, cooling: bool) -> BillingModel:
    """Weighted least squares on usable bills (at least one)."""
    sample = Sample.of(bills.rate, weight=bills.days)
    heat = _degree_days(bills.heating, bills.days)
    cool = _degree_days(bills.cooling, bills.days) if cooling else None
    found = candidates(sample, heat, cool, float(bills.warmest_c.max()))
    affordable = [each for each in found if each.parameters < len(bills) - 1]
    point = least_bic(affordable or found[:1], len(bills))
    weight = bills.days / bills.days.mean()
    residual = bills.rate - _use(point, bills)
    sse = float((weight * residual**2).sum())
    syy = sample.syy
    return BillingModel(
        point=point,
        n=len(bills),
        mean=sample.mean,
        sse=sse,
        r2=1.0 - sse / syy if syy > 1e-12 * max(sample.mean**2, 1e-30) else None,
        rho=_autocorrelation(residual, bills),
        coldest_c=float(bills.coldest_c.min()),
        warmest_c=float(bills.warmest_c.max()),
    )


def _usable(kept: Sequence[tuple[date, int, float, Floats]]) -> UsableBills:
    grid = GRID_C[:, None]
    heating = [np.maximum(grid - temps, 0.0).mean(axis=1) for *_, temps in kept]
    cooling = [np.maximum(temps - grid, 0.0).mean(axis=1) for *_, temps in kept]
    days = np.array([float(length) for _, length, *_ in kept])
    below = [float(np.maximum(17.0 - temps, 0.0).mean()) for *_, temps in kept]
    return UsableBills(
        starts=tuple(start for start, *_ in kept),
        days=days,
        rate=np.array([kwh / length for _, length, kwh, _ in kept], dtype=float),
        heating=np.array(heating).T.reshape(len(GRID_C), len(kept)),
        cooling=np.array(cooling).T.reshape(len(GRID_C), len(kept)),
        coldest_c=np.array([float(temps.min()) for *_, temps in kept], dtype=float),
        warmest_c=np.array([float(temps.max()) for *_, temps in kept], dtype=float),
        degree_days=np.array(below, dtype=float) * days,
    )


def _degree_days(mean: Floats, days: Floats) -> DegreeDays:
    """CalTRACK's ten days and 11 K·days of degree days, counted over the days of the bills: a bill
    with any counts with all of its days."""
    some = (mean > 0) @ days >= LEAST_DAYS
    return DegreeDays(mean, some & (mean @ days >= LEAST_DEGREE_DAYS), daily=False)


def _use(point: ChangePoint, bills: UsableBills) -> Floats:
    """Use per day [kWh/day]: the model is linear in the degree days, not in the temperature."""
    use = np.full(len(bills), point.mu)
    if point.heat_slope:
        use = use + point.heat_slope * bills.heating[_at(point.heat_balance)]
    if point.cool_slope:
        use = use + point.cool_slope * bills.cooling[_at(point.cool_balance)]
    return np.asarray(np.maximum(use, 0.0))


def _at(balance: float) -> int:
    return int(np.argmin(np.abs(GRID_C - balance)))


def _autocorrelation(residual: Floats, bills: UsableBills) -> float:
    """Lag-1 autocorrelation over bills that follow each other, 0..0.99."""
    ends = [
        start + timedelta(days=int(days))
        for start, days in zip(bills.starts, bills.days, strict=True)
    ]
    pairs = [i for i in range(len(bills) - 1) if ends[i] == bills.starts[i + 1]]
    variance = float((residual**2).mean())
    if not pairs or variance <= 0.0:
        return 0.0
    covariance = float(np.mean([residual[i] * residual[i + 1] for i in pairs]))
    return float(np.clip(covariance / variance, 0.0, 0.99))


def _nearest_day(moment: datetime, timezone: str) -> date:
    """The local day whose midnight is nearest."""
    return (moment.astimezone(ZoneInfo(timezone)) + timedelta(hours=12)).date()


def _months_later(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 + months
    first = date(month // 12, month % 12 + 1, 1)
    return first + timedelta(days=day.day - 1)
