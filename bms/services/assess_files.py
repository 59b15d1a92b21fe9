"""Savings of meters that come as files: no database, no site file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from bms.model.savings import Savings, Span
from bms.model.series import Series
from bms.model.units import Commodity
from bms.savings.assess import assess_meter
from bms.savings.commodity import commodity_of
from bms.savings.screening import Zeros


def assess_series(
    meters: Mapping[str, Series],
    temp: Series,
    *,
    baseline: Span,
    reporting: Span,
    timezone: str,
    commodity: Commodity | None = None,
    zeros: Zeros = Zeros.AUTO,
    closed: Callable[[date], bool] | None = None,
    hourly: bool = True,
) -> Iterator[Savings]:
    """The saving of each of ``meters`` [kWh per step], one at a time, in their order.

    Without a ``commodity`` each meter's name tells it, or else how it follows the weather. Raises
    ``zoneinfo.ZoneInfoNotFoundError`` for an unknown ``timezone``.
    """
    for name, use in meters.items():
        yield assess_meter(
            use,
            temp,
            meter_id=name,
            commodity=commodity or commodity_of(name, use, temp),
            baseline=baseline,
            reporting=reporting,
            timezone=timezone,
            closed=closed,
            zeros=zeros,
            hourly=hourly,
        )
