"""What the tariffs of a trial say: a digest sealed with its draw, and whether it still holds.

The names of the tariffs stand in the site file; what stands under a name stands in files of rates,
which are entered by hand and by a job. Cost and emissions of a trial rest on them until its result
is sealed, so rates of its days that were changed since the draw are named. Spot prices are none of
this: they are known after the day only.
"""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import date, timedelta
from hashlib import sha256

import numpy as np

from bms.errors import ConfigError
from bms.model.assets.site import Site
from bms.model.fact import Fact, fact
from bms.model.readings.series import Series, grid_length
from bms.model.savings.trial import Trial
from bms.ports.feeds import Tariffs
from bms.services.periods import midnight
from bms.services.trials.design import DesignChange, sealed_site

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DIGITS = 6
"""Decimals of a rate [DKK/kWh, kg/kWh] that count: what lies behind them is rounding."""


def rates_digest(site: Site, tariffs: Tariffs, first: date, days: int) -> str:
    """SHA-256, in hexadecimal digits, of what the site's tariffs say of the hours of ``days`` local
    days from ``first`` on; empty where one of them is not known."""
    start, end = (midnight(day, site.timezone) for day in (first, first + days * DAY))
    n = grid_length(start, end, HOUR)
    free = Series(start, HOUR, np.zeros(n))
    with suppress(ConfigError):
        said = (
            tariffs.heat(site.heat_tariff, start, HOUR, n),
            tariffs.heat_emissions(site.heat_tariff, start, HOUR, n),
            tariffs.electricity(site.electricity_tariff, free),
        )
        return sha256("\n".join(_as_text(each) for each in said).encode()).hexdigest()
    return ""


def _as_text(series: Series) -> str:
    return " ".join("-" if math.isnan(v) else f"{v:.{DIGITS}f}" for v in series.values)


def changed_rates(tariffs: Tariffs, site: Site, trial: Trial) -> tuple[Fact, ...]:
    """Says so where the tariffs tell something else of the trial's hours than when it was drawn, as
    where the rates of a new year were entered."""
    then = trial.sealed.rates
    now = rates_digest(sealed_site(site, trial), tariffs, trial.first, trial.days) if then else ""
    return () if then == now else (fact(DesignChange.RATES),)
