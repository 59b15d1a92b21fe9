"""What heat costs in a plan: the price of each day, and what poor cooling adds to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bms.feeds.tariffs.book import DATA, TariffBook
from bms.messages import translator
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.readings.measurement import Reading
from bms.model.readings.units import Unit
from bms.services.planning.heat_price import heat_price
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, FlatTariffs, lodge, utc
from tests.rigs.fakes.ports import problem_ports

NOW = utc(2019, 3, 20, 10, 20)
SEASONAL = """
heat:
  seasonal: [{from: 2019-01-01, winter: 0.6, summer: 0.3, source: made up}]
"""


def with_volume(site: Site | None = None) -> Site:
    site = site or lodge()
    energy = next(point for point in site.points if point.id == "lodge/heat.energy")
    volume = replace(energy, id="lodge/heat.volume", role=Role.METER_VOLUME, unit=Unit.M3)
    return replace(site, points=(*site.points, volume))


def cooled(by_k: float, days: int = 40) -> MemoryStore:
    """A store whose heat meter counted a cubic metre an hour, cooled by ``by_k`` [K]."""
    store = MemoryStore()
    start = NOW - timedelta(days=days, minutes=20)
    for i in range(days * 24 + 1):
        store.add_readings(
            [
                Reading("lodge/heat.volume", start + i * HOUR, float(i)),
                Reading("lodge/heat.energy", start + i * HOUR, 1.163 * by_k * i),
            ]
        )
    return store


def priced(store: MemoryStore, site: Site | None = None) -> tuple[float, list[str]]:
    price, notes = heat_price(
        site or with_volume(), NOW, 4, now=NOW, tariffs=FlatTariffs(), readings=store
    )
    assert len(set(price.tolist())) == 1
    return float(price[0]), [translator("en").describe(each) for each in notes]


class DearerFromThe21st(FlatTariffs):
    """The malus is twice as high from 21 March on."""

    def cooling_rule(self, tariff: str, day: date) -> CoolingRule | None:
        rule = super().cooling_rule(tariff, day)
        assert rule is not None
        malus = rule.malus_dkk_per_k_mwh * (2.0 if day >= date(2019, 3, 21) else 1.0)
        return replace(rule, malus_dkk_per_k_mwh=malus)


class TestPoorCooling:
    def test_each_kwh_costs_what_it_adds_to_the_fee(self) -> None:
        price, (words,) = priced(cooled(25.0))
        assert price == pytest.approx(0.5 + 8.0 * 5.0 / 1000.0)  # 8 DKK/(K MWh) below 30 K
        assert "cooled by 25.0 K in the last 30 days; heat is counted at +40 DKK/MWh" in words

    def test_it_is_the_change_of_the_years_fee(self) -> None:
        """By hand: a year of 100 MWh and one more at the same cooling of 25 K."""
        rule = FlatTariffs().cooling_rule("kredslob", NOW.date())
        assert rule is not None
        fees = [rule.fee_dkk(25.0, energy) for energy in (100.0, 101.0)]
        assert priced(cooled(25.0))[0] - 0.5 == pytest.approx((fees[1] - fees[0]) / 1000.0)

    @pytest.mark.parametrize("by_k", [30.0, 38.0])
    def test_good_cooling_costs_nothing(self, by_k: float) -> None:
        assert priced(cooled(by_k)) == (0.5, [])

    def test_cooling_that_nobody_measured_is_not_made_up(self) -> None:
        assert priced(MemoryStore()) == (0.5, [])
        assert priced(cooled(25.0), lodge()) == (0.5, [])  # it counts no volume

    def test_behind_a_heat_pump_no_water_is_sent_back(self) -> None:
        assert priced(cooled(25.0), with_volume(lodge(HeatSourceKind.HEAT_PUMP))) == (0.5, [])

    def test_a_rule_that_begins_inside_the_horizon_holds_from_its_local_midnight(self) -> None:
        before = utc(2019, 3, 20, 22)  # 23:00 of local time
        price, _ = heat_price(
            with_volume(), before, 8, now=NOW, tariffs=DearerFromThe21st(), readings=cooled(25.0)
        )
        assert price.tolist() == pytest.approx([0.54] * 4 + [0.58] * 4)

    def test_the_plan_counts_with_it_and_says_so(self) -> None:
        made = assemble(with_volume(), now=NOW, horizon=6 * HOUR, ports=problem_ports(cooled(25.0)))
        assert set(made.heat_dkk_per_kwh) == {0.54}
        assert "cooling_in_price" in [note.code for note in made.notes]


class TestSeasons:
    def price(self, folder: Path, start: datetime, n: int) -> np.ndarray:
        path = folder / "tariffs.yaml"
        text = DATA.read_text("utf-8")
        before, after = text.split("\nheat:", 1)
        path.write_text(before + SEASONAL + after.split("\n", 1)[1], "utf-8")
        site = replace(lodge(), heat_tariff="seasonal")
        tariffs = TariffBook.load(path)
        return heat_price(site, start, n, now=start, tariffs=tariffs, readings=MemoryStore())[0]

    def test_the_price_changes_at_local_midnight_inside_the_horizon(self, tmp_path: Path) -> None:
        before_april = utc(2019, 3, 31, 21)  # 23:00 of local time
        assert self.price(tmp_path, before_april, 8).tolist() == [0.6] * 4 + [0.3] * 4
