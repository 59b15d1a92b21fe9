"""What poor cooling costs, so far and by the year's end: the arithmetic of a bill by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bms.errors import ConfigError
from bms.feeds.tariffs.book import TariffBook
from bms.feeds.tariffs.heat_charges import cooling_tables, in_force
from bms.model.planning.cooling_fee import CoolingRule
from bms.savings.portfolio.cooling_year_end import CoolingMonth, total_cooling, year_end_forecast

RULE = CoolingRule(
    first=date(2021, 1, 1), end=None, below_k=30.0, malus_dkk_per_k_mwh=8.0, source="a test"
)
BOTH_WAYS = replace(RULE, above_k=32.0, bonus_dkk_per_k_mwh=5.0)


def a_month(
    month: int, cooling_k: float | None, mwh: float | None = 10.0, m3: float = 400.0
) -> CoolingMonth:
    return CoolingMonth(
        first=date(2021, month, 1),
        cooling_k=cooling_k,
        volume_m3=m3,
        energy_mwh=mwh,
        coverage=1.0,
    )


def months(*coolings: float, first: int = 1, mwh: float = 10.0) -> list[CoolingMonth]:
    return [a_month(first + i, k, mwh) for i, k in enumerate(coolings)]


class TestTariffFile:
    def test_aarhus_as_it_is_printed_with_vat(self) -> None:
        rule = TariffBook.load().cooling_rule("kredslob", date(2021, 6, 1))
        assert rule is not None
        assert rule.below_k == 30.0
        assert rule.malus_dkk_per_k_mwh * 1.25 == pytest.approx(9.75)
        assert rule.fee_dkk(25.0, 400.0) * 1.25 == pytest.approx(5 * 400 * 9.75)
        assert rule.bonus_dkk_per_k_mwh == 0.0

    def test_other_suppliers_have_no_rule(self) -> None:
        assert TariffBook.load().cooling_rule("elsewhere", date(2021, 6, 1)) is None

    def test_a_rule_holds_until_the_next_and_the_first_before_it(self) -> None:
        rows = [
            {"from": date(2024, 1, 1), "to": date(2026, 1, 1), "below_k": 32, "malus": 6},
            {"from": date(2021, 1, 1), "below_k": 30, "malus_with_vat": 10, "bonus": 1},
        ]
        rules = cooling_tables({"x": [row | {"source": "a test"} for row in rows]})["x"]
        days = (date(2019, 1, 1), date(2023, 12, 31), date(2024, 1, 1), date(2026, 1, 1))
        found = [in_force(rules, day) for day in days]
        assert [rule and rule.below_k for rule in found] == [30.0, 30.0, 32.0, None]
        assert rules[0].malus_dkk_per_k_mwh == 8.0

    @pytest.mark.parametrize("wrong", ["below_k: 30, malus_with_wat: 9", "malus: 9", "below_k: -1"])
    def test_a_slip_of_the_pen_is_named(self, tmp_path, wrong: str) -> None:
        original = (TariffBook.load.__globals__["DATA"]).read_text("utf-8")
        head = original[: original.index("\ncooling:")]
        file = tmp_path / "tariffs.yaml"
        row = f"{{from: 2021-01-01, {wrong}, source: a test}}"
        file.write_text(f"{head}\ncooling:\n  x:\n    - {row}\n", "utf-8")
        with pytest.raises(ConfigError, match=r"tariffs\.yaml"):
            TariffBook.load(file)


class TestTogether:
    def test_months_weigh_by_their_volume(self) -> None:
        whole = total_cooling([a_month(1, 20.0, m3=300.0), a_month(2, 40.0, m3=100.0)])
        assert whole is not None
        assert whole.cooling_k == pytest.approx(25.0)
        assert (whole.volume_m3, whole.energy_mwh) == (400.0, 20.0)

    def test_what_is_not_known_is_left_out_whole(self) -> None:
        whole = total_cooling([a_month(1, 20.0), a_month(2, None), a_month(3, 50.0, mwh=None)])
        assert whole is not None
        assert (whole.cooling_k, whole.energy_mwh) == (20.0, 10.0)

    def test_nothing_known_is_nothing(self) -> None:
        assert total_cooling([a_month(1, None), a_month(2, 30.0, m3=0.0)]) is None


class TestYearsEnd:
    def test_the_rest_of_the_year_goes_on_like_its_beginning(self) -> None:
        """3 K less than last year and 20 % more heat with 10 % more volume."""
        before = months(30.0, 30.0, 30.0)
        now = [replace(row, energy_mwh=12.0, volume_m3=440.0) for row in months(27.0, 27.0, 27.0)]
        rest = months(33.0, 33.0, 33.0, first=4)
        end = year_end_forecast(RULE, now, before, rest)
        assert end is not None
        assert end.cooling_k == pytest.approx((27.0 + 30.0) / 2)
        assert end.energy_mwh == pytest.approx(2 * 36.0)
        assert end.fee_dkk == pytest.approx(1.5 * 72.0 * 8.0)

    def test_a_year_that_is_over_is_certain(self) -> None:
        end = year_end_forecast(RULE, months(*[25.0] * 12), months(*[29.0] * 12), [])
        assert end is not None
        assert end.fee_dkk == end.fee_low_dkk == end.fee_high_dkk == 5 * 120.0 * 8.0
        assert end.cooling_low_k == end.cooling_high_k == 25.0

    def test_without_last_year_nothing_is_foreseen(self) -> None:
        unknown = [a_month(1, None)]
        assert year_end_forecast(RULE, months(25.0), unknown, months(30.0, first=2)) is None
        assert year_end_forecast(RULE, months(25.0), months(30.0), [a_month(2, None)]) is None
        assert year_end_forecast(RULE, unknown, months(30.0), months(30.0, first=2)) is None

    def test_months_that_scatter_more_make_it_wider(self) -> None:
        before, rest = months(*[30.0] * 4), months(*[30.0] * 8, first=5)
        widths = []
        for now in ((25.0, 25.0, 25.0, 25.0), (20.0, 30.0, 22.0, 28.0)):
            end = year_end_forecast(RULE, months(*now), before, rest)
            assert end is not None
            assert end.fee_low_dkk < end.fee_dkk < end.fee_high_dkk
            widths.append(end.fee_high_dkk - end.fee_low_dkk)
        assert widths[1] > 2 * widths[0]

    def test_few_months_take_the_usual_scatter(self) -> None:
        end = year_end_forecast(RULE, months(25.0), months(30.0), months(*[30.0] * 11, first=2))
        assert end is not None
        half = 1.645 * 2.0 * (1 + 1 / 11) ** 0.5 * 11 / 12
        assert end.cooling_high_k - end.cooling_k == pytest.approx(half)

    def test_a_fee_is_never_less_than_none(self) -> None:
        end = year_end_forecast(RULE, months(29.5), months(30.0), months(*[30.0] * 11, first=2))
        assert end is not None
        assert end.fee_low_dkk == 0.0
        assert end.fee_high_dkk > end.fee_dkk > 0.0

    def test_good_cooling_may_still_turn_bad(self) -> None:
        end = year_end_forecast(RULE, months(31.0), months(31.0), months(*[31.0] * 11, first=2))
        assert end is not None
        assert (end.fee_dkk, end.fee_low_dkk) == (0.0, 0.0)
        assert end.fee_high_dkk > 0.0

    def test_a_bonus_lies_on_both_sides_of_nothing(self) -> None:
        end = year_end_forecast(
            BOTH_WAYS, months(31.0), months(31.0), months(*[31.0] * 11, first=2)
        )
        assert end is not None
        assert end.fee_low_dkk < 0.0 < end.fee_high_dkk

    def test_the_interval_shrinks_as_the_year_goes_by(self) -> None:
        last = [25.0 + i % 3 for i in range(12)]
        this = [26.0 + i % 2 for i in range(12)]
        halves = []
        for k in (3, 6, 9, 11):
            end = year_end_forecast(
                RULE, months(*this[:k]), months(*last[:k]), months(*last[k:], first=k + 1)
            )
            assert end is not None
            halves.append(end.cooling_high_k - end.cooling_k)
        assert halves == sorted(halves, reverse=True)
        assert halves[-1] < halves[0] / 3
