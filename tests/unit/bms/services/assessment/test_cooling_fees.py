"""Cooling of heat meters over the year, from their readings to the fee."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bms.errors import ConfigError
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.site import Site
from bms.model.readings.measurement import Reading
from bms.services.assessment.cooling_fees import MeterCooling, meter_cooling, portfolio_cooling
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.cooling import cooling
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, a_world
from tests.rigs.fakes.city import HOUR, FlatTariffs, lodge, utc
from tests.rigs.fakes.cooling import registers, with_volume

TODAY = date(2019, 4, 1)


def told(store: MemoryStore, today: date = TODAY) -> MeterCooling:
    site = with_volume()
    rule = FlatTariffs().cooling_rule("kredslob", today)
    return meter_cooling(site, site.meters[0], store, today, rule)


@pytest.fixture(scope="module")
def two_years() -> MemoryStore:
    store = MemoryStore()
    registers(store, date(2018, 1, 1), date(2019, 12, 31), {2018: 28.0, 2019: 25.0})
    return store


def codes(row: MeterCooling) -> list[str]:
    return [words.code for words in row.notes]


class TestOneMeter:
    def test_without_temperatures_energy_and_volume_tell(self) -> None:
        store = MemoryStore()
        start = utc(2019, 3, 1)
        for i, (volume, energy) in enumerate(((0.0, 0.0), (1.0, 40.0), (2.0, 80.0))):
            at = start + i * HOUR
            store.add_readings(
                [Reading("lodge/heat.volume", at, volume), Reading("lodge/heat.energy", at, energy)]
            )
        found = cooling(with_volume(), "heat", store, start, start + 2 * HOUR)
        assert found.mean == pytest.approx(80.0 / (2.0 * 1.163))
        assert found.per_step.values.tolist() == pytest.approx([40.0 / 1.163] * 2)
        assert (found.volume_m3, found.coverage, found.energy_ratio) == (2.0, 1.0, None)

    def test_the_months_of_the_year_until_yesterday(self, two_years: MemoryStore) -> None:
        row = told(two_years, date(2019, 3, 11))
        assert [month.first for month in row.months] == [date(2019, m, 1) for m in (1, 2, 3)]
        assert [month.volume_m3 for month in row.months] == pytest.approx([310.0, 280.0, 100.0])
        assert [month.cooling_k for month in row.months] == pytest.approx([25.0] * 3)
        assert (row.year, row.until) == (2019, date(2019, 3, 11))

    def test_the_fee_so_far_is_that_of_the_bill(self, two_years: MemoryStore) -> None:
        row = told(two_years)
        assert row.to_date is not None
        assert row.to_date.cooling_k == pytest.approx(25.0)
        assert row.to_date.energy_mwh == pytest.approx(1.163 * 900.0 * 25.0 / 1000.0)
        assert row.fee_dkk == pytest.approx(5.0 * 8.0 * row.to_date.energy_mwh)
        assert row.notes == ()

    @pytest.mark.slow
    def test_the_years_end_is_what_it_then_was(self, two_years: MemoryStore) -> None:
        """Every month is like last year's, three kelvin lower: the forecast cannot be wrong."""
        row, end = told(two_years).forecast, told(two_years, date(2019, 12, 31)).to_date
        assert row is not None
        assert end is not None
        assert row.cooling_k == pytest.approx(25.0, abs=1e-6)
        assert row.energy_mwh == pytest.approx(end.energy_mwh, rel=0.01)
        assert row.fee_low_dkk < row.fee_dkk < row.fee_high_dkk

    def test_a_year_that_is_over_is_told_to_its_last_day(self, two_years: MemoryStore) -> None:
        site, rule = with_volume(), FlatTariffs().cooling_rule("kredslob", TODAY)
        row = meter_cooling(site, site.meters[0], two_years, date(2018, 12, 31), rule, over=True)
        assert (row.year, row.until, len(row.months)) == (2018, date(2019, 1, 1), 12)
        assert row.months[-1].volume_m3 == pytest.approx(310.0)
        assert row.to_date is not None
        assert row.to_date.cooling_k == pytest.approx(28.0)

    def test_a_year_alone_is_not_foreseen_and_says_so(self) -> None:
        store = MemoryStore()
        registers(store, date(2019, 1, 1), date(2019, 4, 2), {2019: 25.0})
        row = told(store)
        assert row.fee_dkk is not None
        assert (row.forecast, codes(row)) == (None, ["no_last_year"])

    def test_without_readings_nothing_is_known(self) -> None:
        row = told(MemoryStore())
        assert (row.to_date, row.fee_dkk, row.forecast) == (None, None, None)
        assert codes(row) == ["cooling_unknown"]

    def test_without_a_rule_there_is_a_cooling_and_no_fee(self, two_years: MemoryStore) -> None:
        site = with_volume()
        row = meter_cooling(site, site.meters[0], two_years, TODAY, None)
        assert row.to_date is not None
        assert (row.fee_dkk, row.forecast, codes(row)) == (None, None, ["no_cooling_rule"])

    @pytest.mark.parametrize("today", [date(2020, 2, 29), date(2020, 3, 1), date(2020, 1, 1)])
    def test_leap_days_and_new_year_are_days_like_others(self, today: date) -> None:
        store = MemoryStore()
        coolings = {2019: 26.0, 2020: 26.0}
        registers(store, date(2019, 1, 1), date(2020, 3, 2), coolings)
        row = told(store, today)
        assert row.forecast is not None
        assert row.forecast.cooling_k == pytest.approx(26.0, abs=1e-6)


class TestPortfolio:
    def rows(self, tmp_path, *sites: Site) -> tuple[MeterCooling, ...]:
        world = a_world(tmp_path, sites=sites)
        registers(world.store, date(2018, 1, 1), NOW.date(), {2018: 28.0, 2019: 25.0})
        return portfolio_cooling(SavingsCache(world.city.assessment))

    def test_every_district_heating_meter_with_a_volume_is_there(self, tmp_path) -> None:
        (row,) = self.rows(tmp_path, with_volume())
        assert (row.site, row.meter) == ("lodge", "lodge/heat")
        assert row.until == date(2019, 1, 28)
        assert row.fee_dkk is not None
        assert row.fee_dkk > 0

    def test_an_earlier_year_can_be_asked_for_and_a_later_one_not(self, tmp_path) -> None:
        world = a_world(tmp_path, sites=(with_volume(),))
        registers(world.store, date(2018, 1, 1), NOW.date(), {2018: 28.0, 2019: 25.0})
        cache = SavingsCache(world.city.assessment)
        (row,) = portfolio_cooling(cache, 2018)
        assert (row.year, row.until, len(row.months)) == (2018, date(2019, 1, 1), 12)
        with pytest.raises(ConfigError, match="from 1990 to 2019"):
            portfolio_cooling(cache, 2020)

    @pytest.mark.parametrize(
        "site", [lodge(), with_volume(lodge(HeatSourceKind.HEAT_PUMP))], ids=["volume", "supplier"]
    )
    def test_others_have_no_supplier_to_pay(self, tmp_path, site: Site) -> None:
        assert self.rows(tmp_path, site) == ()

    def test_submeters_are_not_billed(self, tmp_path) -> None:
        site = with_volume()
        meters = tuple(replace(meter, billed=False) for meter in site.meters)
        assert self.rows(tmp_path, replace(site, meters=meters)) == ()
