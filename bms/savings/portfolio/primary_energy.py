"""Primary energy and emissions of a carrier, by dated factors that name their source.

A factor is a fact of a year: the one in force on the day that it is asked for counts, and before
the first one none does. What is not in the table is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """What one kWh of final energy stands for from ``first`` until ``end`` (exclusive; None: until
    the next row): kWh of primary energy, or kg of CO2. ``basis`` says how it was worked out."""

    first: date
    end: date | None
    value: float
    basis: str
    source: str


@dataclass(frozen=True, slots=True)
class Factors:
    """Dated factors by carrier (``electricity``, ``district_heating``, ``gas``, …) [kWh/kWh] and
    by supply [kg CO2/kWh]."""

    primary: Mapping[str, Sequence[Factor]]
    emissions: Mapping[str, Sequence[Factor]]

    def primary_energy(self, carrier: str, day: date) -> Factor | None:
        """Primary energy factor of ``carrier`` in force on ``day``; None where not known."""
        return in_force(self.primary.get(carrier, ()), day)

    def emission(self, supply: str, day: date) -> Factor | None:
        """CO2 factor of ``supply`` in force on ``day``; None where not known."""
        return in_force(self.emissions.get(supply, ()), day)


def in_force(rows: Sequence[Factor], day: date) -> Factor | None:
    """The last of ``rows`` that began on or before ``day`` and has not ended."""
    begun = [row for row in rows if row.first <= day]
    last = max(begun, key=lambda row: row.first, default=None)
    return None if last is None or (last.end is not None and day >= last.end) else last


def carrier_of(commodity: Commodity) -> str | None:
    """The carrier that a meter of ``commodity`` measures: heat is district heating here, since a
    boiler's fuel is metered as such; water is no energy."""
    carriers = {
        Commodity.ELECTRICITY: "electricity",
        Commodity.HEAT: "district_heating",
        Commodity.GAS: "gas",
    }
    return carriers.get(commodity)


def primary_factors(meters: Iterable[Savings], factors: Factors) -> dict[str, float]:
    """Primary energy factor [kWh/kWh] by meter id, in force on the last day of the reporting
    period; meters whose factor is not known are left out."""
    found = {}
    for meter in meters:
        carrier = carrier_of(meter.commodity)
        day = (meter.reporting.end - timedelta(microseconds=1)).date()
        factor = None if carrier is None else factors.primary_energy(carrier, day)
        if factor is not None:
            found[meter.meter_id] = factor.value
    return found
