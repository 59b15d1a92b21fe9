"""Charges of heat beside the energy, and slips in the tariff file."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.feeds.tariffs.book import DATA, TariffBook
from tests.rigs.feeds.answers import HOUR

BOOK = TariffBook.load()


class TestTheBook:
    def test_a_year_of_heat_costs_by_meter_area_and_capacity(self) -> None:
        old = BOOK.standing_charge("kredslob", date(2022, 5, 1))
        new = BOOK.standing_charge("kredslob", date(2026, 5, 1))
        assert old is not None
        assert new is not None
        # with VAT: 1740 + 13 x 1000 DKK in 2021, 910 + 19.50 x 1000 DKK in 2024
        assert old.year_dkk("qp_3.5-6", 1000.0) * 1.25 == pytest.approx(14_740)
        assert new.year_dkk("qp_1.5-2.5", 1000.0) * 1.25 == pytest.approx(20_410)
        with pytest.raises(ConfigError, match=r"'qp_3.5-6'; known: qp_1.5-2.5"):
            new.year_dkk("qp_3.5-6", 1000.0)
        assert BOOK.standing_charge("kredslob", date(2020, 1, 1)) is None
        assert BOOK.standing_charge("oil", date(2022, 1, 1)) is None

    def test_heat_may_cost_more_in_winter_and_by_capacity(self, tmp_path: Path) -> None:
        text = DATA.read_text("utf-8").replace(
            "heat:                   # [DKK/kWh]",
            'heat:\n  seasonal:\n    - {from: 2024-01-01, winter: 0.7, summer: 0.3, source: ""}',
        )
        text = text.replace(
            "heat_standing:",
            "heat_standing:\n  seasonal:\n"
            '    - {from: 2024-01-01, fixed: {all: 100}, per_kw: 50, source: ""}\n#',
        )
        (tmp_path / "tariffs.yaml").write_text(text, "utf-8")
        book = TariffBook.load(tmp_path / "tariffs.yaml")
        spring = datetime(2026, 3, 31, 21, tzinfo=UTC)
        assert book.heat("seasonal", spring, HOUR, 2).values.tolist() == [0.7, 0.3]
        charge = book.standing_charge("seasonal", date(2026, 1, 1))
        assert charge is not None
        assert charge.year_dkk("all", 0.0, 20.0) == 1100.0

    def test_the_names_are_those_that_a_site_may_have(self) -> None:
        assert BOOK.names.electricity == {"konstant_c"}
        assert BOOK.names.heat == {"kredslob"}

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            ("to: 2026-03-01}, {code: C_FB", "to: 2026-03-02}, {code: C_FB", "at the same time"),
            ("{code: 151-NT01T, to: 2026-03-01}", "{code: 151-NT01T}", "at the same time"),
            ("{code: 151-NT01T, to: 2026-03-01}", "{code: 151-NT01T, to: soon}", "are days"),
            ("per_m2: 13", "per_m2: -13", "negative price"),
            ("per_m2: 13", "per_sqm: 13", "has no per_sqm"),
        ],
    )
    def test_slips_in_the_file_are_named(
        self, tmp_path: Path, old: str, new: str, why: str
    ) -> None:
        text = DATA.read_text("utf-8")
        assert old in text
        (tmp_path / "tariffs.yaml").write_text(text.replace(old, new, 1), "utf-8")
        with pytest.raises(ConfigError, match=why):
            TariffBook.load(tmp_path / "tariffs.yaml")
