"""Factors as they were published: the Danish normal year, primary energy, Aarhus's heat."""

from datetime import date, timedelta

import pytest

from bms.feeds.tariffs.factors import load_factors


class TestDanishTables:
    def test_the_normal_year_sums_to_3112(self) -> None:
        normal = load_factors().normal_years["danish_3112"]
        assert normal.year == 3112.0
        assert normal.months[0] == 519.0

    @pytest.mark.parametrize(
        ("carrier", "factor"), [("electricity", 1.9), ("district_heating", 0.85), ("gas", 1.0)]
    )
    def test_primary_energy_factors(self, carrier, factor) -> None:
        found = load_factors().factors.primary_energy(carrier, date(2026, 1, 1))
        assert found is not None
        assert found.value == factor
        assert found.source

    def test_aarhus_heat_has_a_factor_for_the_years_that_published_one(self) -> None:
        factors = load_factors().factors

        def of(day: date) -> float | None:
            found = factors.emission("kredslob", day)
            return None if found is None else found.value

        assert of(date(2021, 6, 1)) == 0.0457
        assert of(date(2019, 6, 1)) == 0.0425
        assert of(date(2020, 6, 1)) is None  # nobody published one
        assert of(date(2018, 12, 31)) is None
        first = date(2021, 1, 1)
        assert of(first - timedelta(days=1)) is None
