"""Use from one reading to the next, of meters that are read more seldom than daily."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bms.metering.cooling import kwh_per_m3
from bms.metering.interval import SELDOM_US, interval_lengths
from bms.model.readings.runs_and_peaks import Mask
from bms.model.readings.series import Floats, Micros

SECOND_US = 1_000_000
DAY_S = 86_400
BILL_S = 20 * DAY_S
"""Readings that are usually closer together [s] make bills of a month."""


@dataclass(frozen=True, slots=True, eq=False)
class BilledUse:
    """Use of consecutive bills: ``edges_s`` UTC epoch [s], shape (n + 1,), and ``kwh``, shape
    (n,), NaN where it is not known."""

    edges_s: NDArray[np.int64]
    kwh: Floats


def read_seldom(times: Micros) -> bool:
    """Whether most pauses between readings at rising ``times`` [us] are longer than those of a
    meter that is read about daily."""
    return len(times) > 1 and float(np.median(np.diff(times))) > SELDOM_US


def billed_amounts(times: Micros, amounts: Floats, guessed: Mask) -> BilledUse:
    """Returns the bills of ``amounts`` [kWh] whose intervals begin at rising ``times`` [us].

    An amount lasts as long as ``interval_lengths`` says; what it does not reach is a bill that is
    not known. A run of ``guessed`` ones is one bill with the amount after it, which makes up for
    what was guessed wrong (CalTRACK 2.0 §2.2.3.4); a run at the end stays as it is.
    """
    ends = times + interval_lengths(times, SELDOM_US)
    edges, kwh, pending = [int(times[0])], list[float](), 0.0
    for at, amount in enumerate(amounts.tolist()):
        if times[at] > edges[-1] + SELDOM_US and pending == 0.0:
            edges.append(int(times[at]))
            kwh.append(float("nan"))
        pending += amount
        if guessed[at] and not guessed[at:].all():
            continue
        edges.append(int(ends[at]) if at + 1 == len(times) else int(min(ends[at], times[at + 1])))
        kwh.append(pending)
        pending = 0.0
    return in_months(BilledUse(np.array(edges, dtype=np.int64) // SECOND_US, np.array(kwh)))


def per_m3_of_bills(energy: BilledUse, volume: BilledUse) -> float | None:
    """Returns the energy [kWh] over the volume [m3] of the bills that both have, None without."""
    ends = zip(volume.edges_s[:-1].tolist(), volume.edges_s[1:].tolist(), strict=True)
    m3 = dict(zip(ends, volume.kwh.tolist(), strict=True))
    pairs = zip(energy.edges_s[:-1].tolist(), energy.edges_s[1:].tolist(), strict=True)
    return kwh_per_m3(energy.kwh, np.array([m3.get(pair, np.nan) for pair in pairs]))


def in_months(bills: BilledUse) -> BilledUse:
    """Returns bills of weeks or so together as bills of about a month, from the edge nearest to the
    first of a month (UTC) to that nearest to the next; longer ones as they are."""
    if not len(bills.kwh) or np.median(np.diff(bills.edges_s)) >= BILL_S:
        return bills
    begin, end = bills.edges_s[[0, -1]].astype("datetime64[s]").astype("datetime64[M]")
    firsts = np.arange(begin + 1, end + 1).astype("datetime64[s]").astype(np.int64)
    after = np.searchsorted(bills.edges_s, firsts).clip(1, len(bills.kwh))
    earlier = firsts - bills.edges_s[after - 1] <= bills.edges_s[after] - firsts
    at = np.unique(np.concatenate(([0], after - earlier, [len(bills.kwh)])))
    return BilledUse(bills.edges_s[at], np.add.reduceat(bills.kwh, at[:-1]))
