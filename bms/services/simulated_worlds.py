"""Simulated worlds side by side: what happened in each, what our method claims, what is true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.model.readings.series import Floats
from bms.model.savings.avoided_use import SiteSavings, Span
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.readings import ReadingStore
from bms.services.assessment.site_savings import assess_site
from bms.services.periods import Periods

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WorldResult:
    """Billed energy [kWh], its cost [DKK], its emissions [kg CO2] and comfort violation [K·h]."""

    energy_kwh: float
    cost_dkk: float
    co2_kg: float
    comfort_kh: float


@dataclass(frozen=True, slots=True, eq=False)
class HourlyUse:
    """Heat delivered to a building and electricity drawn by it, per hour from ``start`` [kWh].

    Both of shape (hours,). A heat pump's electricity is part of ``electricity_kwh``; its heat is
    not billed.
    """

    start: datetime
    heat_kwh: Floats
    electricity_kwh: Floats


def outcome(
    site: Site, use: HourlyUse, comfort_kh: float, *, feed: Feed, tariffs: Tariffs
) -> WorldResult:
    """Value hourly use at the prices and emission factors of each hour."""
    n = len(use.electricity_kwh)
    end = use.start + HOUR * n
    spot = feed.spot(site.price_area, start=use.start, end=end, now=end).series
    price = _hourly(tariffs.electricity(site.electricity_tariff, spot).values, n)
    factor = _hourly(
        feed.emissions(site.price_area, start=use.start, end=end, now=end).series.values, n
    )
    energy = float(use.electricity_kwh.sum())
    cost = float(use.electricity_kwh @ price)
    co2 = float(use.electricity_kwh @ factor)
    if site.heat_source.kind is HeatSourceKind.DISTRICT_HEATING:
        energy += float(use.heat_kwh.sum())
        cost += float(use.heat_kwh @ tariffs.heat(site.heat_tariff, use.start, HOUR, n).values)
        factors = tariffs.heat_emissions(site.heat_tariff, use.start, HOUR, n).values
        co2 += float(use.heat_kwh @ factors)
    return WorldResult(energy, cost, co2, comfort_kh)


def _hourly(values: Floats, n: int) -> Floats:
    """Mean of each hour of a series on any grid that divides the hour, shape (n,)."""
    means: Floats = np.asarray(values).reshape(n, -1).mean(axis=1)
    return means


WORLDS = ("own_control", "tuned_setback", "optimised")
COMFORT_KH_PER_ZONE_DAY = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What the simulator knows and no sensor tells: S sites, W worlds, H hours from ``start``.

    Energies (S, W, H) [kWh], discomfort (S, W) [K·h], ``occupied_days`` (S,).
    """

    sites: tuple[str, ...]
    start: datetime
    heat_kwh: Floats
    electricity_kwh: Floats
    comfort_kh: Floats
    occupied_days: NDArray[np.int64]

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Truth:
        """From the simulator's record as JSON."""
        return cls(
            sites=tuple(record["sites"]),
            start=datetime.fromisoformat(record["hours"][0]),
            heat_kwh=np.asarray(record["heat_kwh"], dtype=np.float64),
            electricity_kwh=np.asarray(record["electricity_kwh"], dtype=np.float64),
            comfort_kh=np.asarray(record["comfort_kh"], dtype=np.float64),
            occupied_days=np.asarray(record["occupied_days"], dtype=np.int64),
        )


@dataclass(frozen=True, slots=True)
class WorldComparison:
    """One building in its simulated worlds: its results, the claimed saving and the true one."""

    site: str
    zones: int
    occupied_days: int
    own_control: WorldResult
    tuned_setback: WorldResult
    optimised: WorldResult
    claimed: SiteSavings

    @property
    def true_saving_kwh(self) -> float:
        return self.own_control.energy_kwh - self.optimised.energy_kwh

    @property
    def comfort_limit_kh(self) -> float:
        """Discomfort [K·h] that we may cause: as much as today, or 0.25 K·h per zone and day."""
        allowed = COMFORT_KH_PER_ZONE_DAY * self.zones * self.occupied_days
        return max(self.own_control.comfort_kh, allowed)

    @property
    def claim_holds(self) -> bool | None:
        """Whether the true saving lies inside the claimed interval, None without a claim."""
        low, high = self.claimed.saving_low_kwh, self.claimed.saving_high_kwh
        if low is None or high is None:
            return None
        return low <= self.true_saving_kwh <= high

    @property
    def half_width(self) -> float | None:
        """Half-width of the claimed interval as a share of the adjusted baseline."""
        claim = self.claimed
        if claim.saving_low_kwh is None or claim.saving_high_kwh is None:
            return None
        if not claim.adjusted_baseline_kwh:
            return None
        return (claim.saving_high_kwh - claim.saving_low_kwh) / 2 / claim.adjusted_baseline_kwh

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        claim = self.claimed
        return {
            "site": self.site,
            "zones": self.zones,
            "occupied_days": self.occupied_days,
            **{world: asdict(getattr(self, world)) for world in WORLDS},
            "comfort_limit_kh": self.comfort_limit_kh,
            "claimed_saving": {
                "kwh": claim.saving_kwh,
                "low_kwh": claim.saving_low_kwh,
                "high_kwh": claim.saving_high_kwh,
                "verdict": claim.verdict.value,
                "adjusted_baseline_kwh": claim.adjusted_baseline_kwh,
                "half_width": self.half_width,
            },
            "true_saving_kwh": self.true_saving_kwh,
        }


def compare_worlds(
    site: Site,
    truth: Truth,
    *,
    baseline: Span,
    reporting: Span,
    readings: ReadingStore,
    ledgers: LedgerStore,
    feed: Feed,
    tariffs: Tariffs,
) -> WorldComparison:
    """The row of a site: the truth from the simulator, the claim from the stored meters."""
    index = truth.sites.index(site.id)

    def world(number: int) -> WorldResult:
        use = HourlyUse(
            start=truth.start,
            heat_kwh=truth.heat_kwh[index, number],
            electricity_kwh=truth.electricity_kwh[index, number],
        )
        comfort = float(truth.comfort_kh[index, number])
        return outcome(site, use, comfort, feed=feed, tariffs=tariffs)

    return WorldComparison(
        site=site.id,
        zones=len(site.zones),
        occupied_days=int(truth.occupied_days[index]),
        own_control=world(0),
        tuned_setback=world(1),
        optimised=world(2),
        claimed=assess_site(
            site,
            readings=readings,
            ledgers=ledgers,
            feed=feed,
            periods=Periods(baseline=baseline, reporting=reporting),
        ),
    )


METER_ROLES = (Role.METER_ENERGY, Role.METER_VOLUME)


def past_readings(
    site: Site, times: Floats, signals: dict[str, Floats], detailed_from: datetime
) -> Iterator[Reading]:
    """Hourly meter readings of all the past, and every signal from ``detailed_from`` on.

    ``times`` [s since 1970], shape (n,); ``signals`` by name, each (n,) in the unit of its point.
    """
    moments = [datetime.fromtimestamp(int(t), UTC) for t in times]
    seconds = np.asarray(times, dtype=np.int64)
    late = seconds >= detailed_from.timestamp()
    hourly = late | (seconds % int(HOUR.total_seconds()) == 0)
    for point in site.points:
        values = signals.get(point.id.split("/", 1)[1])
        if values is None:
            continue
        for index in np.flatnonzero(hourly if point.role in METER_ROLES else late):
            yield Reading(point.id, moments[index], float(values[index]))
