"""Meters that a caretaker reads by the month: months, bills, and what a slip of the pen costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bms.model.assets.site import Site
from bms.model.readings.measurement import Quality, Reading
from bms.model.savings.avoided_use import Span
from bms.services.assessment.counterfactual import meter_days
from bms.services.assessment.ranking import key_figures
from bms.services.assessment.seldom_read import seldom_read_use
from bms.services.assessment.site_savings import meter_use
from bms.services.consumption import months
from bms.services.periods import Periods
from bms.store.memory.store import MemoryStore
from sites.loader import load_site_text
from tests.rigs.fakes.city import FakeFeed, FlatTariffs

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
USE = [900.0, 800, 700, 500, 300, 100, 90, 80, 300, 500, 700, 850]


def a_site(*, interval: str = "false") -> Site:
    return load_site_text(
        "site: hall\nname: Hallen\narea_m2: 900\nuse: sports_hall\nmeters:\n"
        f'  - {{id: heat, commodity: heat, supplier: {{number: "1", interval: {interval}}}}}\n'
    )


def store_of(values: dict[datetime, tuple[float, Quality]]) -> MemoryStore:
    made = MemoryStore()
    made.add_readings(
        Reading("hall/heat.energy", time, value, quality, time)
        for time, (value, quality) in values.items()
    )
    return made


def registers(**changed: float) -> dict[datetime, tuple[float, Quality]]:
    """Read at ten in the morning, one to three days into the month."""
    counts = 52_000.0 + np.concatenate(([0.0], np.cumsum(USE)))
    stamps = [datetime(2024 + m // 12, m % 12 + 1, 1 + m % 3, 9, tzinfo=UTC) for m in range(13)]
    return {
        stamp: (changed.get(f"m{m}", float(count)), Quality.GOOD)
        for m, (stamp, count) in enumerate(zip(stamps, counts, strict=True))
    }


def test_registers_give_the_months() -> None:
    found = months(a_site(), "heat", store_of(registers()), date(2024, 1, 1), date(2024, 12, 31))
    assert found.use.values == pytest.approx(USE)
    assert found.total == pytest.approx(sum(USE))


@pytest.mark.parametrize("wrong", [5_310.0, 543_100.0, 531_00.0 + 9_000.0])
def test_one_slip_costs_two_months_and_no_more(wrong: float) -> None:
    store = store_of(registers(m5=wrong))
    found = months(a_site(), "heat", store, date(2024, 1, 1), date(2024, 12, 31))
    known = np.isfinite(found.use.values)
    assert known.sum() >= 10
    assert found.use.values[known] == pytest.approx(np.array(USE)[known])
    longest = max((event.end - event.start for event in found.events), default=timedelta())
    assert longest <= timedelta(days=70)


def test_registers_give_bills() -> None:
    site = a_site()
    found = seldom_read_use(site, site.meters[0], store_of(registers()), START, END)
    assert found is not None
    assert found.kwh == pytest.approx(USE)
    assert len(found.edges_s) == 13


def test_an_estimated_bill_and_its_catch_up_are_one() -> None:
    site = a_site(interval="true")
    amounts = {
        datetime(2024, m + 1, 1, tzinfo=UTC): (use, Quality.GOOD) for m, use in enumerate(USE)
    }
    third, fourth = list(amounts)[2:4]
    amounts[third], amounts[fourth] = (1_000.0, Quality.ESTIMATED), (200.0, Quality.GOOD)
    found = seldom_read_use(site, site.meters[0], store_of(amounts), START, END)
    assert found is not None
    assert found.kwh == pytest.approx([*USE[:2], 1200.0, *USE[4:]])
    assert np.diff(found.edges_s)[2] == 61 * 86_400


def test_hours_are_no_bills() -> None:
    site = a_site(interval="true")
    hours = {START + timedelta(hours=i): (1.0, Quality.GOOD) for i in range(500)}
    assert seldom_read_use(site, site.meters[0], store_of(hours), START, END) is None


def test_gas_in_cubic_metres_is_energy_by_its_dated_calorific_value() -> None:
    site = load_site_text(
        "site: hall\nname: Hallen\narea_m2: 900\nuse: sports_hall\nmeters:\n"
        '  - {id: gas, commodity: gas, supplier: {number: "1", interval: true}, calorific_value: '
        "[{from: 2024-01-01, kwh_per_m3: 11.0}, {from: 2024-01-03, kwh_per_m3: 12.0}]}\n"
    )
    store = MemoryStore()
    store.add_readings(
        Reading("hall/gas.volume", START + timedelta(hours=i), 2.0, Quality.GOOD, START)
        for i in range(72)
    )
    use = meter_use(site, site.meters[0], store, START, START + timedelta(days=3))
    assert use is not None
    assert use.values.tolist() == [22.0] * 47 + [24.0] * 25


def test_a_building_that_is_read_by_the_month_has_its_figures() -> None:
    site = a_site()
    year = Span(start=START, end=END)
    figures = key_figures(
        site, readings=store_of(registers()), feed=FakeFeed(), year=year, tariffs=FlatTariffs()
    )
    assert figures.coverage > 0.9
    assert figures.heat_kwh is not None
    assert figures.weather_slope_w_k is None
    mean_c = np.mean(range(24))
    warm = 365 * (17.0 - mean_c)
    assert figures.heat_kwh == pytest.approx(sum(USE) * (0.36 + 0.64 * 3112 / warm), rel=0.02)
    periods = Periods(baseline=year, reporting=year)
    assert not meter_days(site, readings=store_of(registers()), feed=FakeFeed(), periods=periods)
