"""The limit of the power, the price of its peak, and the highest hour so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.feeds.tariffs.book import DATA, TariffBook
from bms.feeds.tariffs.heat_charges import in_force, peak_tables
from bms.model.assets.equipment import HeatSourceKind
from bms.model.assets.site import Power, Site
from bms.model.fact import Fact
from bms.model.planning.heat_charges import PeakCharge, PeakSpan
from bms.model.readings.measurement import Reading
from bms.services.planning.power_terms import peak_kw, power_terms
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, QUARTER, FlatTariffs, lodge, utc
from tests.rigs.fakes.ports import problem_ports

NOW = utc(2019, 1, 15, 10, 20)
JANUARY = utc(2018, 12, 31, 23)
"""Midnight of local time."""
PRICED = Power(limit_kw=18.0, peak_dkk_per_kw=40.0)


@dataclass
class Charging(FlatTariffs):
    """Tariffs that take something for the peak of one of them."""

    tariff: str
    charge: PeakCharge

    def list_notes(self) -> tuple[Fact, ...]:
        return ()

    def peak_charge(self, tariff: str, day: date) -> PeakCharge | None:
        return self.charge if tariff == self.tariff else None


def a_charge(span: PeakSpan = PeakSpan.MONTH) -> PeakCharge:
    return PeakCharge(
        first=date(2019, 1, 1), end=None, dkk_per_kw=55.0, span=span, source="price list"
    )


def counting(
    meter: str, start: datetime, powers_kw: list[float], step: timedelta = HOUR
) -> list[Reading]:
    """Readings of a register that counts these mean powers, one for each step."""
    register, rows = 1000.0, [Reading(f"lodge/{meter}.energy", start, 1000.0)]
    for i, power in enumerate(powers_kw, start=1):
        register += power * (step / HOUR)
        rows.append(Reading(f"lodge/{meter}.energy", start + step * i, register))
    return rows


def stored(*batches: list[Reading]) -> MemoryStore:
    store = MemoryStore()
    for batch in batches:
        store.add_readings(batch)
    return store


def pumped() -> Site:
    return lodge(HeatSourceKind.HEAT_PUMP)


class TestThePeakSoFar:
    def test_it_is_the_highest_mean_over_an_hour_of_the_clock(self) -> None:
        store = stored(counting("heat", utc(2019, 1, 14, 10), [4.0, 2.0, 10.0, 4.0] * 2, QUARTER))
        assert peak_kw(lodge(), store, JANUARY, NOW) == 5.0

    def test_the_month_before_does_not_count(self) -> None:
        store = stored(counting("heat", JANUARY - 3 * HOUR, [9.0, 9.0, 9.0, 3.0, 4.0]))
        assert peak_kw(lodge(), store, JANUARY, NOW) == 4.0

    def test_nor_does_an_hour_that_is_not_over(self) -> None:
        store = stored(counting("heat", utc(2019, 1, 15, 8), [3.0, 4.0, 9.0]))
        assert peak_kw(lodge(), store, JANUARY, NOW) == 4.0

    def test_without_readings_it_is_not_known(self) -> None:
        assert peak_kw(lodge(), MemoryStore(), JANUARY, NOW) is None
        assert peak_kw(replace(lodge(), meters=()), MemoryStore(), JANUARY, NOW) is None

    def test_in_the_first_hour_of_a_month_there_is_none(self) -> None:
        assert peak_kw(lodge(), MemoryStore(), JANUARY, JANUARY + QUARTER) is None

    def test_behind_a_heat_pump_electricity_counts(self) -> None:
        start = utc(2019, 1, 14, 10)
        store = stored(
            counting("heat", start, [9.0, 9.0]),
            counting("el", start, [3.0, 5.0]),
            counting("hp", start, [7.0, 7.0]),  # a submeter is in the other one
        )
        assert peak_kw(pumped(), store, JANUARY, NOW) == 5.0

    def test_billed_meters_peak_together(self) -> None:
        site = lodge(HeatSourceKind.HEAT_PUMP)
        site = replace(site, meters=tuple(replace(m, billed=True) for m in site.meters))
        start = utc(2019, 1, 14, 10)
        store = stored(counting("el", start, [3.0, 5.0, 1.0]), counting("hp", start, [4.0, 1.0]))
        assert peak_kw(site, store, JANUARY, NOW) == 7.0


class TestTerms:
    def test_the_site_file_has_the_first_word(self) -> None:
        store = stored(counting("heat", utc(2019, 1, 14, 10), [6.0]))
        site = replace(lodge(), power=PRICED)
        terms = power_terms(
            site, now=NOW, tariffs=Charging("kredslob", a_charge(PeakSpan.YEAR)), readings=store
        )
        assert (terms.limit_kw, terms.dkk_per_kw, terms.so_far_kw) == (18.0, 40.0, 6.0)

    def test_without_one_the_tariff_of_the_heat_has_it(self) -> None:
        store = stored(counting("heat", utc(2019, 1, 14, 10), [6.0]))
        terms = power_terms(
            lodge(), now=NOW, tariffs=Charging("kredslob", a_charge()), readings=store
        )
        assert (terms.limit_kw, terms.dkk_per_kw, terms.so_far_kw) == (None, 55.0, 6.0)

    def test_behind_a_heat_pump_it_is_the_tariff_of_electricity(self) -> None:
        heat, power = Charging("kredslob", a_charge()), Charging("konstant_c", a_charge())
        store = MemoryStore()
        assert power_terms(pumped(), now=NOW, tariffs=heat, readings=store).dkk_per_kw == 0.0
        assert power_terms(pumped(), now=NOW, tariffs=power, readings=store).dkk_per_kw == 55.0

    def test_the_peak_of_a_year_goes_back_to_its_first_day(self) -> None:
        now = utc(2019, 3, 5, 10)
        store = stored(
            counting("heat", utc(2019, 1, 14, 10), [8.0]),
            counting("heat", utc(2019, 3, 4, 10), [3.0])[1:],
        )
        monthly, yearly = (
            power_terms(
                lodge(), now=now, tariffs=Charging("kredslob", a_charge(span)), readings=store
            )
            for span in PeakSpan
        )
        assert yearly.so_far_kw == 8.0
        assert monthly.so_far_kw != 8.0

    def test_without_a_price_no_peak_is_looked_up(self) -> None:
        store = stored(counting("heat", utc(2019, 1, 14, 10), [6.0]))
        terms = power_terms(lodge(), now=NOW, tariffs=FlatTariffs(), readings=store)
        assert (terms.limit_kw, terms.dkk_per_kw, terms.so_far_kw) == (None, 0.0, None)

    def test_the_question_for_the_optimiser_has_them(self) -> None:
        store = stored(counting("heat", utc(2019, 1, 14, 10), [6.0]))
        made = assemble(
            replace(lodge(), power=PRICED), now=NOW, horizon=6 * HOUR, ports=problem_ports(store)
        )
        assert (made.power_limit_kw, made.peak_dkk_per_kw, made.peak_so_far_kw) == (18.0, 40.0, 6.0)


ROWS = """
peak:
  seasonal:
    - {from: 2026-01-01, dkk_per_kw: 500, with_vat: true, span: year, source: made up}
    - {from: 2027-01-01, to: 2028-01-01, dkk_per_kw: 30, span: month, source: made up}
"""


class TestTheTariffFile:
    def book(self, folder: Path, text: str) -> TariffBook:
        path = folder / "tariffs.yaml"
        path.write_text(DATA.read_text("utf-8") + text, "utf-8")
        return TariffBook.load(path)

    def test_a_charge_holds_from_its_day_until_the_next(self, tmp_path: Path) -> None:
        book = self.book(tmp_path, ROWS)
        found = [
            book.peak_charge("seasonal", date(year, 6, 1)) for year in (2019, 2026, 2027, 2028)
        ]
        assert [None if c is None else (c.dkk_per_kw, c.span.value) for c in found] == [
            (400.0, "year"),  # as with prices, the first one stands before it
            (400.0, "year"),
            (30.0, "month"),
            None,
        ]
        assert book.peak_charge("kredslob", date(2026, 6, 1)) is None

    @pytest.mark.parametrize(
        ("old", "new"),
        [("span: year", "span: week"), ("dkk_per_kw: 30", "dkk_per_kw: -30"), ("span", "spam")],
    )
    def test_a_wrong_charge_is_refused(self, tmp_path: Path, old: str, new: str) -> None:
        assert old in ROWS
        with pytest.raises(ConfigError, match="tariff file"):
            self.book(tmp_path, ROWS.replace(old, new))

    def test_nothing_is_taken_where_nothing_is_written(self) -> None:
        assert peak_tables(None) == {}
        assert in_force((), date(2026, 1, 1)) is None
