"""What a kilowatt-hour of heat costs in a plan: the energy price of each day, and poor cooling."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from bms.errors import NotFound
from bms.metering.cooling import Cooling
from bms.model.assets.site import Site
from bms.model.fact import Fact, MessageCode, fact
from bms.model.planning.grid import local_grid
from bms.model.readings.series import Floats
from bms.ports.feeds import Tariffs
from bms.ports.storage.readings import ReadingStore
from bms.services.cooling import cooling, settled_by_cooling
from bms.services.points_by_role import STEP

LOOK_BACK = timedelta(days=30)
LEAST_COVERAGE = 0.5
RIGHT_RATIO = (0.9, 1.1)
"""Energy counted over energy of volume and cooling, where no sensor, unit or meter is wrong."""
KWH_PER_MWH = 1000.0
_EPOCH = date(1970, 1, 1)


class HeatPriceNote(MessageCode):
    """What is in the price of heat beside its energy."""

    COOLING_IN_PRICE = "cooling_in_price"


def heat_price(
    site: Site, start: datetime, n: int, *, now: datetime, readings: ReadingStore, tariffs: Tariffs
) -> tuple[Floats, tuple[Fact, ...]]:
    """Price of heat over ``n`` quarter-hours from ``start`` [DKK/kWh], shape (n,), and what people
    should know of it.

    The rule of each local day counts. One more kWh at the present cooling costs
    malus · (below - cooling) on top of its energy price: the fee is malus · (below - mean cooling)
    · energy of the year. Raises ``StoreUnavailable``.
    """
    energy = tariffs.heat(site.heat_tariff, start, STEP, n).values
    grid = local_grid(site.timezone, start, int(STEP.total_seconds()), n)
    rules = {day: tariffs.cooling_rule(site.heat_tariff, day) for day in grid.dates()}
    cooled = _cooled_k(site, now, readings) if any(rules.values()) else None
    if cooled is None:
        return energy, ()
    fee = np.zeros(n)
    for day, rule in rules.items():
        if rule is not None:
            on_day = grid.day == (day - _EPOCH).days
            fee[on_day] = rule.fee_dkk(cooled, 1.0) / KWH_PER_MWH
    told = fact(
        HeatPriceNote.COOLING_IN_PRICE,
        cooling_k=cooled,
        days=LOOK_BACK.days,
        dkk_per_mwh=float(fee[np.argmax(np.abs(fee))]) * KWH_PER_MWH,
    )
    return energy + fee, (told,) if fee.any() else ()


def _cooled_k(site: Site, now: datetime, readings: ReadingStore) -> float | None:
    """Mean cooling of the last days by all meters that are settled by it [K]; None where it is not
    known."""
    end = now.replace(minute=0, second=0, microsecond=0)
    found: list[Cooling] = []
    for meter in settled_by_cooling(site):
        try:
            found.append(cooling(site, meter.id, readings, end - LOOK_BACK, end))
        except NotFound:
            return None
    means = [each.mean for each in found]
    volumes = [each.volume_m3 for each in found]
    known = [mean for mean in means if mean is not None and np.isfinite(mean)]
    if not found or len(known) < len(found) or sum(volumes) <= 0:
        return None
    if not all(_trusted(each) for each in found):
        return None
    return float(np.average(known, weights=volumes))


def _trusted(each: Cooling) -> bool:
    """Whether most of the volume is spoken of, and its cooling makes the energy counted."""
    low, high = RIGHT_RATIO
    fits = each.energy_ratio is None or low <= each.energy_ratio <= high
    return fits and each.coverage >= LEAST_COVERAGE
