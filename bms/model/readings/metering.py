"""Meter data: rows of a supplier's file, use per step, and the flaws on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bms.errors import Mistake
from bms.model.fact import Fact
from bms.model.readings.measurement import Quality
from bms.model.readings.series import Series
from bms.model.readings.units import Unit


class Quantity(StrEnum):
    """What a supplier's value measures.

    ``export`` is energy that leaves through the meter: what a supplier calls production.
    ``flow_energy`` and ``return_energy`` are the heat-meter registers E8 and E9: volume times
    forward and return temperature [m3 degC].
    """

    ENERGY = "energy"
    EXPORT = "export"
    VOLUME = "volume"
    POWER = "power"
    FLOW = "flow"
    FLOW_TEMP = "flow_temp"
    RETURN_TEMP = "return_temp"
    FLOW_ENERGY = "flow_energy"
    RETURN_ENERGY = "return_energy"


STATES = (Quantity.POWER, Quantity.FLOW, Quantity.FLOW_TEMP, Quantity.RETURN_TEMP)
"""Quantities that have a moment; all others are registers or amounts."""


class MeterRow(NamedTuple):
    """One value of a supplier: ``time`` is UTC epoch [s], the start of the interval of
    ``interval_s`` [s] or, where that is 0, the moment of a register or state; -1 where the length
    is not known, which only those get who ask for such rows. ``value`` is in
    ``unit``, None where ``quality`` says why it is missing; ``line`` counts from 1."""

    number: str
    quantity: Quantity
    time: int
    value: float | None
    unit: Unit
    interval_s: int
    quality: Quality
    line: int


@dataclass(frozen=True, slots=True)
class SupplierFile:
    """What a file holds: its rows, and each row that could not be used, by line.

    ``ignored`` names columns or fields that the format does not use; ``unnamed`` counts mistakes
    beyond those that are kept. ``warnings``: what may be wrong with the file as a whole.
    ``without_rows`` are meters that were named with a time, and of which no row can be used.
    """

    rows: tuple[MeterRow, ...]
    mistakes: tuple[Mistake, ...]
    ignored: tuple[str, ...] = ()
    unnamed: int = 0
    warnings: tuple[str, ...] = ()
    without_rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterExchange:
    """Another meter took over at ``at``: last register of the old one, first of the new one."""

    at: datetime
    final: float
    first: float


class FlawKind(StrEnum):
    """What is wrong with a stretch of readings, or happened in it."""

    GAP = "gap"
    RESET = "reset"
    ROLLOVER = "rollover"
    EXCHANGE = "exchange"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    FLAT_LINE = "flat_line"
    SPIKE = "spike"
    UNIT_SLIP = "unit_slip"
    NEGATIVE = "negative"
    INTERPOLATED = "interpolated"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterEvent:
    """A flaw from ``start`` to ``end``; ``amount`` is the use inside it where that is known, and
    ``fact`` says what happened."""

    flaw: FlawKind
    start: datetime
    end: datetime
    amount: float | None
    fact: Fact


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Consumption:
    """Use of a meter per step, in ``unit``; NaN where it cannot be known.

    Every NaN step lies in an event that says why. ``total`` is what passed the meter over the
    whole period, None where an end of it or a reset makes that unknowable. ``edges`` [us after
    1970 UTC], shape (n + 1,), are the ends of the steps where they are not all alike (local days
    of 23 and 25 hours); the step of ``use`` is then only nominal.
    """

    use: Series
    unit: Unit
    total: float | None
    events: tuple[MeterEvent, ...]
    edges: NDArray[np.int64] | None = None
