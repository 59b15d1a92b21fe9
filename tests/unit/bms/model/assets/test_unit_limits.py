"""Points of which only the unit is known."""

from __future__ import annotations

import pytest

from bms.model.assets.unit_limits import UNIT_LIMITS, lies_within
from bms.model.readings.units import Unit
from tests.rigs.paths import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text("utf-8")


@pytest.mark.parametrize("unit", Unit)
def test_w03_every_unit_says_how_far_and_is_on_the_page(unit: Unit) -> None:
    limits = UNIT_LIMITS[unit]
    for low, high in limits.unattended:
        assert low < high
        assert limits.by_people is not None
        assert lies_within(low, high, (limits.by_people,))
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 4]
    assert any(unit.value in row.split("|")[1].replace(",", " ").split() for row in rows)


def test_w18_what_may_be_hot_water_or_frost_protection_is_not_unattended() -> None:
    spans = UNIT_LIMITS[Unit.DEG_C].unattended
    assert not lies_within(2.0, 8.0, spans)
    assert not lies_within(35.0, 60.0, spans)
    assert lies_within(16.0, 23.0, spans)
