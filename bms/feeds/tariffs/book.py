"""Prices and emission factors by tariff, from a dated table in ``data/tariffs.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np

from bms.errors import ConfigError
from bms.feeds.tariffs.datahub_pricelist import PriceListing, listings_of
from bms.feeds.tariffs.heat_charges import (
    CoolingRules,
    PeakCharges,
    StandingCharge,
    cooling_tables,
    in_force,
    peak_tables,
    standing_tables,
)
from bms.model.fact import Day, Fact, MessageCode, fact
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.grid import LocalGrid, local_grid
from bms.model.planning.heat_charges import PeakCharge, TariffNames
from bms.model.readings.series import Floats, Series
from bms.model.yaml_data import read_yaml_file

DATA = Path(__file__).parents[1] / "data" / "tariffs.yaml"

_SUMMER_MONTHS = range(4, 10)
_EPOCH = date(1970, 1, 1)
_HOURS = 24


class TariffNote(MessageCode):
    """What has to be said beside prices."""

    BEFORE_VALIDITY = "tariff_before_validity"


@dataclass(frozen=True, slots=True)
class RatePeriod:
    """Rates from local day ``first`` until ``end`` (exclusive; None: until the next period).

    ``winter`` (October to March) and ``summer`` by local hour. Shapes (24,).
    """

    first: date
    end: date | None
    winter: Floats
    summer: Floats
    source: str


RatePeriods = tuple[RatePeriod, ...]


@dataclass(frozen=True, slots=True)
class TariffBook:
    """Implements ``bms.ports.feeds.Tariffs`` from dated rows.

    The rates in force are the last that began on or before the local day. Before the first ones
    the first apply (prices of 2026 on the weather of 2019, say), and ``notes`` says so. After an
    ``end`` the value is NaN. All prices are without VAT.
    """

    timezone: str
    electricity_parts: Mapping[str, Mapping[str, RatePeriods]]
    heat_prices: Mapping[str, RatePeriods]
    heat_factors: Mapping[str, RatePeriods]
    cooling: Mapping[str, CoolingRules] = field(default_factory=dict)
    standing: Mapping[str, tuple[StandingCharge, ...]] = field(default_factory=dict)
    listings: Mapping[str, PriceListing] = field(default_factory=dict)
    peaks: Mapping[str, PeakCharges] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path = DATA) -> Self:
        """Returns the book of a tariff file. Raises ``ConfigError`` when it cannot be parsed."""
        try:
            return cls._from_dict(read_yaml_file(path))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"tariff file {path}: {error!r}") from error

    @classmethod
    def _from_dict(cls, raw: Mapping[str, Any]) -> Self:
        bands = _bands(raw["bands"])
        parts = _tables(raw["parts"], bands)
        return cls(
            timezone=raw["timezone"],
            electricity_parts={
                tariff: {name: parts[name] for name in names}
                for tariff, names in raw["electricity"].items()
            },
            heat_prices=_tables(raw["heat"], bands),
            heat_factors=_tables(raw["heat_emissions"], bands),
            cooling=cooling_tables(raw.get("cooling")),
            standing=standing_tables(raw.get("heat_standing")),
            listings=listings_of(raw.get("datahub")),
            peaks=peak_tables(raw.get("peak")),
        )

    def electricity(self, tariff: str, spot: Series) -> Series:
        """Returns the price of electricity [DKK/kWh] on the grid of ``spot`` [DKK/kWh].

        Raises ``ConfigError`` for an unknown tariff.
        """
        parts = self.parts(tariff, spot.start, spot.step, len(spot))
        total = sum(parts.values(), start=spot.values)
        return Series(spot.start, spot.step, np.array(total, dtype=np.float64))

    def parts(self, tariff: str, start: datetime, step: timedelta, n: int) -> dict[str, Floats]:
        """Returns what is added to the spot price [DKK/kWh], by name. Shapes (n,).

        Raises ``ConfigError`` for an unknown tariff.
        """
        named = _named(self.electricity_parts, tariff, "electricity tariff")
        grid = self._grid(start, step, n)
        return {name: _values(rows, grid) for name, rows in named.items()}

    def heat(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Returns the energy price of district heating [DKK/kWh]. Raises ``ConfigError``."""
        rows = _named(self.heat_prices, tariff, "heat tariff")
        return Series(start, step, _values(rows, self._grid(start, step, n)))

    def heat_emissions(self, tariff: str, start: datetime, step: timedelta, n: int) -> Series:
        """Returns the emission factor of district heating [kg CO2/kWh]. Raises ``ConfigError``."""
        rows = _named(self.heat_factors, tariff, "heat tariff")
        return Series(start, step, _values(rows, self._grid(start, step, n)))

    def cooling_rule(self, tariff: str, day: date) -> CoolingRule | None:
        """Returns the cooling rule (motivation tariff) in force on ``day``, None where unknown."""
        return in_force(self.cooling.get(tariff, ()), day)

    def peak_charge(self, tariff: str, day: date) -> PeakCharge | None:
        """Returns the charge on peak power of an electricity or heat tariff on ``day``, None where
        unknown."""
        return in_force(self.peaks.get(tariff, ()), day)

    def standing_charge(self, tariff: str, day: date) -> StandingCharge | None:
        """Returns the standing charge of heat in force on ``day``, None where unknown."""
        begun = [row for row in self.standing.get(tariff, ()) if row.first <= day]
        return begun[-1] if begun else None

    @property
    def names(self) -> TariffNames:
        """Returns the names of the tariffs."""
        return TariffNames(
            electricity=frozenset(self.electricity_parts), heat=frozenset(self.heat_prices)
        )

    def list_notes(self) -> tuple[Fact, ...]:
        """Returns nothing: no list stands behind the book."""
        return ()

    def notes(self, tariff: str, start: datetime) -> tuple[Fact, ...]:
        """Returns a note where a tariff is used before its first rates; none for an unknown one."""
        tables = [*self.electricity_parts.get(tariff, {}).values()]
        tables += [
            table[tariff] for table in (self.heat_prices, self.heat_factors) if tariff in table
        ]
        first = max((rows[0].first for rows in tables), default=date.min)
        if start.date() >= first:
            return ()
        return (fact(TariffNote.BEFORE_VALIDITY, tariff=tariff, first=Day(first)),)

    def _grid(self, start: datetime, step: timedelta, n: int) -> LocalGrid:
        return local_grid(self.timezone, start, int(step.total_seconds()), n)


def _named(table: Mapping[str, Any], name: str, kind: str) -> Any:
    if name not in table:
        raise ConfigError(f"unknown {kind} {name!r}; known: {', '.join(sorted(table))}")
    return table[name]


def _values(rows: RatePeriods, grid: LocalGrid) -> Floats:
    values = np.full(len(grid.day), np.nan)
    hour = grid.minute // 60
    for day, inside in grid.day_slices():
        row = _in_force(rows, day)
        if row is not None:
            prices = row.summer if day.month in _SUMMER_MONTHS else row.winter
            values[inside] = prices[hour[inside]]
    return values


def _in_force(rows: RatePeriods, day: date) -> RatePeriod | None:
    row = next((row for row in reversed(rows) if row.first <= day), rows[0])
    return None if row.end is not None and day >= row.end else row


def _tables(raw: Mapping[str, Any], bands: Mapping[str, Sequence[int]]) -> dict[str, RatePeriods]:
    return {
        name: tuple(sorted((_row(row, bands) for row in rows), key=lambda row: row.first))
        for name, rows in raw.items()
    }


def _row(raw: Mapping[str, Any], bands: Mapping[str, Sequence[int]]) -> RatePeriod:
    winter, summer = (_hourly(raw.get(s, raw.get("flat")), bands) for s in ("winter", "summer"))
    return RatePeriod(raw["from"], raw.get("to"), winter, summer, raw["source"])


def _hourly(prices: float | Mapping[str, float], bands: Mapping[str, Sequence[int]]) -> Floats:
    if isinstance(prices, (int, float)):
        return np.full(_HOURS, float(prices))
    hourly = np.full(_HOURS, np.nan)
    for band, hours in bands.items():
        hourly[hours] = prices[band]
    return hourly


def _bands(raw: Mapping[str, Sequence[Sequence[int]]]) -> dict[str, list[int]]:
    bands = {
        name: [hour for first, end in spans for hour in range(first, end)]
        for name, spans in raw.items()
    }
    if sorted(hour for hours in bands.values() for hour in hours) != list(range(_HOURS)):
        raise ValueError("the bands have to cover every hour of the day once")
    return bands
