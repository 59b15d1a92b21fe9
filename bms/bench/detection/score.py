"""Planted faults and untouched buildings: what is found, how soon, at what price, and falsely."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median

import numpy as np

from bms.bench.detection.planted import KINDS, MET, OF, OUT, SIZES, Kind, planted
from bms.bench.detection.town import HourlyBuilding
from bms.faults.observations import Equipment
from bms.faults.run import detect
from bms.faults.signals import Signal
from bms.model.readings.series import Floats
from bms.model.work.finding import Finding

SOON = timedelta(days=7)
AFTER_DAYS = 21
LEAST = 0.01
NIGHT_HOURS = 400 * 24
EQUIPMENT = (
    Equipment.HEAT_METER,
    Equipment.ELECTRICITY_METER,
    Equipment.WATER_METER,
    Equipment.ANY,
)


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """The price that was told of a planted fault [DKK/year], the ends of its interval, and what the
    fault truly costs."""

    told: float
    low: float
    high: float
    true: float

    @property
    def ratio(self) -> float:
        """Told over true [1]."""
        return self.told / self.true

    @property
    def holds(self) -> bool:
        """Whether the interval holds the true cost."""
        return self.low <= self.true <= self.high


@dataclass(frozen=True, slots=True)
class PlantedTrial:
    """A planted fault: days until it was found [days], None where it was not within ``AFTER_DAYS``;
    its price where one was told and the true one is known, and which rules spoke."""

    kind: Kind
    building: str
    size: float
    days: float | None
    price: PriceCheck | None
    rules: tuple[str, ...]
    soon: bool = False
    """Whether it is told from the readings of the first seven days alone."""


def untouched(building: HourlyBuilding) -> dict[Equipment, tuple[Finding, ...]]:
    """Findings of a building without a planted fault."""
    found = {}
    for equipment in EQUIPMENT:
        columns = {signal: building.columns[signal] for signal in OF[equipment]}
        if equipment is Equipment.ANY:
            columns[MET] = building.columns[OUT]
        found[equipment] = detect(building.subject(equipment, columns)).findings
    return found


def try_fault(
    kind: Kind, building: HourlyBuilding, size: float, seed: int, clean: Sequence[Finding]
) -> PlantedTrial | None:
    """Plant a fault and look for what is found that was not there before; None where it adds next
    to nothing: holidays of a building that has none, or heats through them anyway."""
    columns, first, extra = planted(kind, building, size, seed)
    until = first + 24 * AFTER_DAYS
    if kind.adds is not None and _adds(columns, building, kind.adds, slice(first, until)) < LEAST:
        return None
    begins = building.subject(kind.equipment, columns).moment(first)
    stood = {
        row.rule
        for row in clean
        if row.start < begins + timedelta(days=AFTER_DAYS) and row.end > begins
    }

    def told(end: int) -> list[Finding]:
        rows = detect(building.subject(kind.equipment, columns, end)).findings
        return [row for row in rows if row.end > begins and row.rule not in stood]

    new = told(until)
    if not new:
        return PlantedTrial(kind, building.name, size, None, None, ())
    days = max(min((row.start - begins) / timedelta(days=1) for row in new), 0.0)
    rules = tuple(sorted({str(row.rule) for row in new}))
    price = _checked_price(kind, building, new, extra) if kind.priced else None
    soon = bool(told(first + 24 * SOON.days))
    return PlantedTrial(kind, building.name, size, days, price, rules, soon)


def _checked_price(
    kind: Kind, building: HourlyBuilding, rows: Sequence[Finding], extra_kwh: float
) -> PriceCheck | None:
    """The highest price that was told, beside that of the planted energy."""
    prices = building.context
    electric = kind.equipment is Equipment.ELECTRICITY_METER
    true = extra_kwh * ((prices.electricity_dkk_kwh if electric else prices.heat_dkk_kwh) or 0.0)
    found = max((row.price for row in rows), key=lambda each: each.dkk_year or 0.0)
    if not found.dkk_year or true <= 0.0:
        return None
    return PriceCheck(found.dkk_year, found.dkk_low or 0.0, found.dkk_high or 0.0, true)


def try_all(
    buildings: Sequence[HourlyBuilding], kinds: Sequence[Kind] = KINDS
) -> tuple[list[PlantedTrial], dict[str, dict[Equipment, tuple[Finding, ...]]]]:
    """Every kind at every building; sizes go round, so that each has small and large ones."""
    clean = {building.name: untouched(building) for building in buildings}
    trials = []
    for k, kind in enumerate(kinds):
        for b, building in enumerate(buildings):
            size = SIZES[(b + k) % len(SIZES)]
            before = clean[building.name][kind.equipment]
            trials.append(try_fault(kind, building, size, 1000 * k + b, before))
    return [trial for trial in trials if trial is not None], clean


def _adds(
    columns: Mapping[Signal, Floats], building: HourlyBuilding, signal: Signal, where: slice
) -> float:
    """What a fault adds to an amount, as a share of what there was in the same time."""
    before = float(np.nansum(building.columns[signal][where]))
    return (float(np.nansum(columns[signal][where])) - before) / max(before, 1e-9)


def price_error(trials: Sequence[PlantedTrial]) -> float:
    """Median of how far told prices are from the true ones, as a share."""
    ratios = [abs(np.log(t.price.ratio)) for t in trials if t.price is not None]
    return float(np.exp(median(ratios)) - 1.0) if ratios else float("nan")


def night_run_s(buildings: Sequence[HourlyBuilding], count: int = 650) -> float:
    """CPU [s] of the meter rules on so many heat meters with 400 days of hours."""
    heat, year = OF[Equipment.HEAT_METER], slice(-NIGHT_HOURS, None)
    sample = []
    for building in buildings[:10]:
        columns = {signal: building.columns[signal][year] for signal in heat}
        whole = building.subject(Equipment.HEAT_METER, columns)
        sample.append(replace(whole, at=building.at[year]))
    began = time.process_time()
    for subject in sample:
        detect(subject)
    return (time.process_time() - began) / len(sample) * count
