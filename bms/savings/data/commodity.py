"""The commodity of a meter without a declared one: from its name, or from how it follows the
weather."""

from __future__ import annotations

import re

import numpy as np

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.savings.data.screening import on_grid

WARM_C, COLD_C = 15.0, 7.0
HEAT_SHARE = 0.6
"""A meter that uses less than this on warm days, as a share of its use on cold ones, heats: 14 of
15 gas meters and 1 of 12 electricity meters (one that heats) of docs/savings.md lie below."""

_NAMES = {
    Commodity.WATER: {"water", "vand", "koldtvand", "brugsvand", "drikkevand", "cw", "kv"},
    Commodity.ELECTRICITY: {"el", "elec", "electricity", "power", "strom", "strøm", "elmåler"},
    Commodity.GAS: {"gas", "naturgas", "bygas"},
    Commodity.HEAT: {"heat", "heating", "fjv", "fjernvarme", "varme", "dh"},
}
_PARTS = ((Commodity.WATER, ("vand", "water")), (Commodity.HEAT, ("varme", "heat")))
"""Parts of longer words, such as vandmåler, hovedvand and rumvarme."""


def commodity_of(meter_id: str, use: Series, temp: Series) -> Commodity:
    """The commodity that the words of ``meter_id`` name; otherwise heat where use falls to less
    than 60 % from cold to warm days, and electricity where it does not."""
    words = set(re.split(r"[^a-zæøå]+", meter_id.lower()))
    for commodity, names in _NAMES.items():
        if words & names:
            return commodity
    for commodity, parts in _PARTS:
        if any(part in word for word in words for part in parts):
            return commodity
    outdoor = on_grid(temp, use)
    known = np.isfinite(use.values)
    warm, cold = (use.values[known & part] for part in (outdoor > WARM_C, outdoor < COLD_C))
    if not warm.size or not cold.size:
        return Commodity.ELECTRICITY
    return Commodity.HEAT if warm.mean() < HEAT_SHARE * cold.mean() else Commodity.ELECTRICITY
