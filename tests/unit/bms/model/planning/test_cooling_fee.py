"""The fee for poor cooling: the arithmetic of a bill by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bms.model.planning.cooling_fee import CoolingRule

RULE = CoolingRule(
    first=date(2021, 1, 1), end=None, below_k=30.0, malus_dkk_per_k_mwh=8.0, source="a test"
)
BOTH_WAYS = replace(RULE, above_k=32.0, bonus_dkk_per_k_mwh=5.0)


class TestRule:
    @pytest.mark.parametrize(
        ("cooling", "fee"), [(25.0, 5 * 8.0 * 100), (30.0, 0.0), (40.0, 0.0), (0.0, 24_000.0)]
    )
    def test_every_kelvin_below_costs(self, cooling: float, fee: float) -> None:
        assert RULE.fee_dkk(cooling, 100.0) == fee

    @pytest.mark.parametrize(("cooling", "fee"), [(25.0, 4000.0), (31.0, 0.0), (36.0, -2000.0)])
    def test_a_bonus_is_a_negative_fee(self, cooling: float, fee: float) -> None:
        assert BOTH_WAYS.fee_dkk(cooling, 100.0) == fee

    @pytest.mark.parametrize(
        "wrong",
        [
            {"malus_dkk_per_k_mwh": -1.0},
            {"bonus_dkk_per_k_mwh": -1.0},
            {"below_k": 0.0},
            {"above_k": 29.0},
        ],
    )
    def test_a_rule_that_cannot_be_is_refused(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r"cooling rule|bonus begins"):
            replace(RULE, **wrong)
