"""Energy and volume of a heat meter that do not go together, by both doors: columns that were
swapped, a unit, a factor. Cooling of district heating is 10 to 70 K, 12 to 81 kWh/m3."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.feeds.suppliers.meter_files import read_meters
from bms.model.planning.feed import WeatherSeries
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.assessment import AssessmentPeriods
from bms.services.assessment.file_savings import assess_series
from bms.services.assessment.site_savings import assess_site
from bms.services.collect.file_ingest import ingest_file
from bms.services.collect.supplier_points import SupplierBook
from bms.services.periods import Periods
from bms.store.memory.store import MemoryStore
from sites.loader import load_site_text
from tests.rigs.fakes.city import FakeFeed

SITE = """site: hall
name: Hallen
area_m2: 900
use: sports_hall
meters:
  - id: heat
    commodity: heat
    supplier: {number: X, interval: true, quantities: [energy, volume]}
"""
MAPPING = """columns:
  number: m
  time: t
  values: [{column: %s, quantity: energy, unit: kWh}, {column: %s, quantity: volume, unit: m3}]
timezone: Europe/Copenhagen
"""
START, DAYS = datetime(2022, 12, 31, 23, tzinfo=UTC), 731
BASELINE, REPORTING = (
    Span(start=START + timedelta(days=first), end=START + timedelta(days=end))
    for first, end in ((0, 365), (365, 731))
)
SEASON = np.cos(2 * np.pi * np.arange(DAYS) / 365.25)
TEMPERATURE = Series(START, timedelta(days=1), 8.0 - 9.0 * SEASON)


class SeasonsFeed(FakeFeed):
    """Weather of ``TEMPERATURE``, without sun."""

    def weather(
        self, latitude: float, longitude: float, *, start: datetime, end: datetime, now: datetime
    ) -> WeatherSeries:
        usual = super().weather(latitude, longitude, start=start, end=end, now=now)
        hours = (usual.temp_out_c.series.start - START) / timedelta(hours=1) + np.arange(
            len(usual.temp_out_c.series)
        )
        at = np.clip(hours // 24, 0, DAYS - 1).astype(int)
        values = TEMPERATURE.values[at]
        old = usual.temp_out_c.series
        told = replace(usual.temp_out_c, series=Series(old.start, old.step, values))
        return replace(usual, temp_out_c=told)


def a_file(cooling_k: float) -> str:
    kwh = 900.0 + 800.0 * SEASON + 20.0 * (np.arange(DAYS) % 7)
    kwh[365:] *= 0.8
    m3 = kwh / (1.163 * cooling_k)
    rows = (
        f"X,{START + timedelta(days=i):%Y-%m-%dT%H:%MZ},{e:.3f},{v:.4f}\n"
        for i, (e, v) in enumerate(zip(kwh, m3, strict=True))
    )
    return "m,t,e,v\n" + "".join(rows)


def by_file(path: Path, mapping: CsvMapping) -> Savings:
    file = read_meters(path, mapping)
    periods = AssessmentPeriods(
        baseline=BASELINE, reporting=REPORTING, timezone="Europe/Copenhagen"
    )
    (found,) = assess_series(
        file.use,
        TEMPERATURE,
        periods=periods,
        bills=file.bills,
        volumes=file.volumes,
        commodity=Commodity.HEAT,
    )
    return found


def by_store(path: Path, mapping: CsvMapping) -> Savings:
    site, store = load_site_text(SITE), MemoryStore()
    report = ingest_file(
        path.read_bytes(),
        path.name,
        reader("csv", mapping),
        book=SupplierBook.of([site]),
        now=datetime(2025, 6, 1, tzinfo=UTC),
        readings=store,
    )
    assert report.refused_rows == 0
    periods = Periods(baseline=BASELINE, reporting=REPORTING)
    answer = assess_site(site, readings=store, ledgers=store, feed=SeasonsFeed(), periods=periods)
    return answer.meters[0]


@pytest.mark.parametrize(
    ("cooling_k", "swapped", "ceiling"),
    [
        (30.0, False, None),
        (30.0, True, Verdict.NOT_CLAIMABLE),
        (0.03, False, Verdict.NOT_CLAIMABLE),
        (7.0, False, Verdict.INDICATIVE),
    ],
)
def test_energy_that_its_volume_cannot_have_carried_is_no_proof(
    cooling_k: float, swapped: bool, ceiling: Verdict | None, tmp_path: Path
) -> None:
    path = tmp_path / "heat.csv"
    path.write_text(a_file(cooling_k))
    mapping = CsvMapping.from_yaml(MAPPING % (("v", "e") if swapped else ("e", "v")))
    for found in (by_file(path, mapping), by_store(path, mapping)):
        said = [each for each in found.reasons if each.code == "energy_per_volume"]
        assert [each.ceiling for each in said] == ([] if ceiling is None else [ceiling])
        assert (found.saving_kwh is None) == (ceiling is Verdict.NOT_CLAIMABLE)
