"""The Danish degree-day correction, which energy teams expect beside the model.

Climate-corrected use = GUF + GAF · GD/GD' (Håndbog for Energikonsulenter 2021, 4.7.1.2): a share
of the use does not depend on degree days and one is proportional to them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bms.model.readings.series import Floats
from bms.savings.data.daily import DailyUse

BASE_C = 17.0
"""Degree days count below this daily mean outdoor temperature [degC]."""
GUF_SHARE = 0.26
"""Share of heat that does not depend on degree days where the use of the building is not known:
"anden institution" of the handbook's table."""
GUF_BY_USE: Mapping[str, float] = {
    "school": 0.19,
    "office": 0.18,
    "shop": 0.18,
    "day_care": 0.28,
    "kindergarten": 0.28,
    "care_home": 0.31,
    "culture": 0.14,
    "library": 0.14,
    "museum": 0.14,
    "sports_hall": 0.36,
    "swimming_hall": 0.36,
    "institution": 0.26,
    "hotel": 0.28,
    "restaurant": 0.28,
    "hospital": 0.29,
    "health": 0.29,
    "dwelling": 0.30,
}
"""Håndbog for Energikonsulenter 2021, 4.7.1.2, by the use of a site: undervisning 19 %,
kontor/handel 18, daginstitution 28, døgninstitution 31, kultur 14, idræt/svømmehal 36, anden
institution 26, hotel/restaurant 28, hospital 29, beboelse 30."""


def guf_share(use: str | None) -> float:
    """Share of heat that does not depend on degree days in a building of that ``use``."""
    return GUF_SHARE if use is None else GUF_BY_USE.get(use, GUF_SHARE)


def degree_days(temp_c: Floats) -> float:
    """Sum of the days' degree days [K d]; ``temp_c`` [degC] are their mean temperatures."""
    return float(np.maximum(BASE_C - temp_c, 0.0).sum())


def corrected_saving(before: DailyUse, after: DailyUse, guf: float = GUF_SHARE) -> float | None:
    """Use of the ``before`` days corrected to the weather and number of the ``after`` days, minus
    what was measured then [kWh]; None where the earlier days had no degree days."""
    earlier, later = degree_days(before.temp_c), degree_days(after.temp_c)
    if earlier <= 0:
        return None
    use = float(before.rate.sum())
    level = guf * use * after.hours.sum() / 24.0 / len(before)
    return float(level + (1.0 - guf) * use * later / earlier - after.kwh.sum())
