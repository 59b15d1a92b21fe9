"""What a year of a fault costs: avoidable energy and money with their 90 % intervals."""

from __future__ import annotations

from bms.faults.observations import FaultContext
from bms.model.work.finding import Price

WATER_KWH_M3K = 1.14
"""Heat of district heating water between 40 and 80 degC [kWh/(m3 K)]."""
USUAL_ERROR = 0.35
"""Half width of the 90 % interval of an avoidable amount, as a share, unless a rule knows it."""


def priced(
    kwh_year: float, dkk_kwh: float | None, *, error: float = USUAL_ERROR, extra_dkk: float = 0.0
) -> Price:
    """The price of so many avoidable kWh a year, and ``extra_dkk`` [DKK/year] that come on top.

    ``error`` is the half width of the 90 % interval as a share. Money is None where no price is
    known.
    """
    kwh = max(kwh_year, 0.0)
    low, high = kwh * max(1.0 - error, 0.0), kwh * (1.0 + error)
    if dkk_kwh is None:
        money = (extra_dkk, extra_dkk * (1 - error), extra_dkk * (1 + error))
        dkk = money if extra_dkk else (None, None, None)
    else:
        dkk = (
            kwh * dkk_kwh + extra_dkk,
            low * dkk_kwh + extra_dkk * (1 - error),
            high * dkk_kwh + extra_dkk * (1 + error),
        )
    return Price(
        kwh_year=kwh, kwh_low=low, kwh_high=high, dkk_year=dkk[0], dkk_low=dkk[1], dkk_high=dkk[2]
    )


def heat_price(context: FaultContext, kwh_year: float, *, error: float = USUAL_ERROR) -> Price:
    """The price of avoidable heat."""
    return priced(kwh_year, context.heat_dkk_kwh, error=error)


def electricity_price(
    context: FaultContext, kwh_year: float, *, error: float = USUAL_ERROR
) -> Price:
    """The price of avoidable electricity."""
    return priced(kwh_year, context.electricity_dkk_kwh, error=error)


def cooling_price(context: FaultContext, now_k: float, could_k: float, kwh_year: float) -> Price:
    """What the tariff charges a year of ``kwh_year`` cooled by ``now_k`` instead of ``could_k``
    [K]; no energy is avoided by it."""
    if context.cooling is None:
        return Price()
    mwh = kwh_year / 1000.0
    dkk = context.cooling.fee_dkk(now_k, mwh) - context.cooling.fee_dkk(could_k, mwh)
    error = 0.35
    return Price(
        kwh_year=0.0,
        kwh_low=0.0,
        kwh_high=0.0,
        dkk_year=max(dkk, 0.0),
        dkk_low=max(dkk, 0.0) * (1 - error),
        dkk_high=max(dkk, 0.0) * (1 + error),
    )
