"""The Danish degree-day correction, which energy teams expect beside the model.

Climate-corrected use = GUF + GAF · GD/GD' (Håndbog for Energikonsulenter 2021, 4.7.1.2): a share
that does not depend on degree days and one that is proportional to them.
"""

from __future__ import annotations

import numpy as np

from bms.model.series import Floats
from bms.savings.days import Days

BASE_C = 17.0
"""Degree days count below this daily mean outdoor temperature [degC]."""
GUF_SHARE = 0.26
"""Share of heat that does not depend on degree days: "anden institution" of the handbook's table
(schools 0.19, offices 0.18, day care 0.28, culture 0.14, sport and swimming 0.36)."""


def degree_days(temp_c: Floats) -> float:
    """Sum of the days' degree days [K d]; ``temp_c`` [degC] are their mean temperatures."""
    return float(np.maximum(BASE_C - temp_c, 0.0).sum())


def corrected_saving(before: Days, after: Days, guf: float = GUF_SHARE) -> float | None:
    """Use of the ``before`` days corrected to the weather and number of the ``after`` days, minus
    what was measured then [kWh]; None where the earlier days had no degree days."""
    earlier, later = degree_days(before.temp_c), degree_days(after.temp_c)
    if earlier <= 0:
        return None
    use = float(before.rate.sum())
    level = guf * use * after.hours.sum() / 24.0 / len(before)
    return float(level + (1.0 - guf) * use * later / earlier - after.kwh.sum())
