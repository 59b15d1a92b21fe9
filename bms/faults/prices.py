"""What a year of a fault costs: avoidable energy and money with their 90 % intervals."""

from __future__ import annotations

import math
from dataclasses import replace

from bms.faults.observations import FaultContext, Observations
from bms.faults.signals import Signal
from bms.model.work.finding import Price

WATER_KWH_M3K = 1.14
"""Heat of district heating water between 40 and 80 degC [kWh/(m3 K)]."""
USUAL_ERROR = 0.35
"""Half width of the 90 % interval of an avoidable amount, as a share, unless a rule knows it."""


def priced(kwh_year: float, dkk_kwh: float | None, *, error: float = USUAL_ERROR) -> Price:
    """The price of so many avoidable kWh a year; ``error`` is the half width of the 90 % interval
    as a share. Money is None where no price is known, and all of it where the amount is NaN."""
    if math.isnan(kwh_year):
        return Price()
    dkk = None if dkk_kwh is None else kwh_year * dkk_kwh
    return _told(kwh_year, dkk, error)


def fee(dkk_year: float, *, error: float = USUAL_ERROR) -> Price:
    """The price of what costs money and no energy; nothing where the amount is NaN."""
    return Price() if math.isnan(dkk_year) else _told(0.0, dkk_year, error)


def _told(kwh_year: float, dkk_year: float | None, error: float) -> Price:
    kwh, kwh_low, kwh_high = _with_interval(kwh_year, error)
    price = Price(kwh_year=kwh, kwh_low=kwh_low, kwh_high=kwh_high)
    if dkk_year is None:
        return price
    dkk, dkk_low, dkk_high = _with_interval(dkk_year, error)
    return replace(price, dkk_year=dkk, dkk_low=dkk_low, dkk_high=dkk_high)


def _with_interval(amount: float, error: float) -> tuple[float, float, float]:
    known = max(amount, 0.0)
    return known, known * max(1.0 - error, 0.0), known * (1.0 + error)


def heat_price(context: FaultContext, kwh_year: float, *, error: float = USUAL_ERROR) -> Price:
    """The price of avoidable heat."""
    return priced(kwh_year, context.heat_dkk_kwh, error=error)


def heat_share_price(seen: Observations, share: float, *, error: float) -> Price:
    """The price of a share of the year's heat; none where the heat is not measured."""
    kwh = seen.year(Signal.HEAT)
    return heat_price(seen.context, share * kwh, error=error) if kwh else Price()


def electricity_price(
    context: FaultContext, kwh_year: float, *, error: float = USUAL_ERROR
) -> Price:
    """The price of avoidable electricity."""
    return priced(kwh_year, context.electricity_dkk_kwh, error=error)


def cooling_price(context: FaultContext, now_k: float, could_k: float, kwh_year: float) -> Price:
    """What the tariff charges a year of ``kwh_year`` cooled by ``now_k`` instead of ``could_k``
    [K]; no energy is avoided by it."""
    if context.cooling is None or math.isnan(now_k) or math.isnan(could_k):
        return Price()
    mwh = kwh_year / 1000.0
    dkk = context.cooling.fee_dkk(now_k, mwh) - context.cooling.fee_dkk(could_k, mwh)
    return fee(dkk)
