"""What the power of a site's heat may be and costs: its limit, the peak's price, the peak so far.

Power is what heat is billed by: heat where it is bought as heat, electricity behind a heat pump.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from bms.errors import NotFound
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.site import Site
from bms.model.planning.heat_charges import PeakSpan
from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.ports.feeds import Tariffs
from bms.ports.storage.readings import ReadingStore
from bms.services.consumption import HOUR, consumption
from bms.services.periods import local_date, midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerTerms:
    """``limit_kw`` [kW] must not be exceeded; each kW above ``so_far_kw`` [kW] costs
    ``dkk_per_kw`` [DKK/kW]. All are means over hours of the clock."""

    limit_kw: float | None
    dkk_per_kw: float
    so_far_kw: float | None

    @property
    def matters(self) -> bool:
        """Whether the power is more than the sum of its energy."""
        return self.limit_kw is not None or self.dkk_per_kw > 0


def power_terms(
    site: Site, *, now: datetime, readings: ReadingStore, tariffs: Tariffs
) -> PowerTerms:
    """What the site file says, and where it says no price, the tariff of today.

    The peak so far is looked up only where it has a price. Raises ``StoreUnavailable``.
    """
    today = local_date(now, site.timezone)
    price, span = site.power.peak_dkk_per_kw, PeakSpan.MONTH
    if price is None:
        electric = site.heat_source.kind is HeatSourceKind.HEAT_PUMP
        tariff = site.electricity_tariff if electric else site.heat_tariff
        charge = tariffs.peak_charge(tariff, today)
        price, span = (charge.dkk_per_kw, charge.span) if charge is not None else (0.0, span)
    first = today.replace(day=1) if span is PeakSpan.MONTH else date(today.year, 1, 1)
    so_far = peak_kw(site, readings, midnight(first, site.timezone), now) if price > 0 else None
    return PowerTerms(limit_kw=site.power.limit_kw, dkk_per_kw=price, so_far_kw=so_far)


def peak_kw(site: Site, readings: ReadingStore, start: datetime, now: datetime) -> float | None:
    """Highest clock-hour mean from ``start`` until the last whole hour before ``now`` [kW].

    It is of the billed meters of what heat is billed by, all of them together; hours that one of
    them does not know are left out. None where no hour is known. Raises ``StoreUnavailable``.
    """
    electric = site.heat_source.kind is HeatSourceKind.HEAT_PUMP
    commodity = Commodity.ELECTRICITY if electric else Commodity.HEAT
    end = now.replace(minute=0, second=0, microsecond=0)
    meters = [m for m in site.meters if m.billed and m.commodity is commodity]
    if not meters or end <= start:
        return None
    try:
        uses: list[Floats] = [
            consumption(site, meter, readings, start, end, HOUR).use.values for meter in meters
        ]
    except NotFound:  # one of them counts nothing that we are told of
        return None
    total = np.sum(uses, axis=0)
    known = total[np.isfinite(total)]
    return round(float(known.max()), 3) if len(known) else None
