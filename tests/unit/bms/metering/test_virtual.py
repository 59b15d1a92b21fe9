"""Sums, differences and shares of meters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.metering.virtual import virtual_use
from bms.model.readings.metering import Consumption, Flaw, MeterEvent
from bms.model.readings.series import Series
from bms.model.readings.units import Unit
from bms.model.words import Words

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAN = float("nan")
GAP = MeterEvent(
    flaw=Flaw.GAP,
    start=START + HOUR,
    end=START + 2 * HOUR,
    amount=3.0,
    words=Words("gap", "Ingen.", "None."),
)


def part(
    *values: float, total: float | None = None, unit: Unit = Unit.KWH, events: tuple[()] = ()
) -> Consumption:
    use = Series(START, HOUR, np.array(values, dtype=np.float64))
    return Consumption(use=use, unit=unit, total=total, events=events)


class TestAVirtualMeter:
    def test_adds_subtracts_and_shares(self) -> None:
        parts = {"el": part(9.0, 8.0, total=17.0), "hp": part(4.0, 2.0, total=6.0)}
        found = virtual_use(parts, (("el", 1.0), ("hp", -0.5)))
        assert found.use.values.tolist() == [7.0, 7.0]
        assert found.total == 14.0
        assert (found.unit, found.events) == (Unit.KWH, ())

    def test_does_not_know_an_hour_that_a_part_does_not_know(self) -> None:
        gap = Consumption(
            use=Series(START, HOUR, np.array([4.0, NAN])),
            unit=Unit.KWH,
            total=7.0,
            events=(GAP,),
        )
        found = virtual_use({"el": part(9.0, 8.0, total=17.0), "hp": gap}, (("el", 1), ("hp", -1)))
        assert found.use.values.tolist()[0] == 5.0
        assert np.isnan(found.use.values[1])
        assert found.total == 10.0
        event = found.events[0]
        assert (event.words.en, event.words.da, event.amount) == ("hp: None.", "hp: Ingen.", None)

    def test_has_no_use_below_zero_and_keeps_its_total(self) -> None:
        parts = {"el": part(9.0, 2.0, total=11.0), "hp": part(4.0, 2.5, total=6.5)}
        found = virtual_use(parts, (("el", 1.0), ("hp", -1.0)))
        assert np.isnan(found.use.values[1])
        assert found.total == 4.5
        event = found.events[0]
        assert (event.flaw, event.start, event.amount) == (Flaw.NEGATIVE, START + HOUR, -0.5)

    def test_takes_arithmetic_for_zero(self) -> None:
        found = virtual_use(
            {"a": part(0.3), "b": part(0.1), "c": part(0.2)}, (("a", 1), ("b", -1), ("c", -1))
        )
        assert 0.3 - 0.1 - 0.2 < 0
        assert found.use.values.tolist() == [0.0]

    def test_has_no_total_where_a_part_has_none_or_it_is_below_zero(self) -> None:
        known, unknown = part(1.0, total=1.0), part(1.0)
        assert virtual_use({"a": known, "b": unknown}, (("a", 1), ("b", 1))).total is None
        assert virtual_use({"a": known}, (("a", -1.0),)).total is None

    def test_takes_parts_alike_only(self) -> None:
        parts = {"el": part(1.0), "water": part(1.0, unit=Unit.M3), "long": part(1.0, 2.0)}
        for terms, told in (
            ((), "at least one term"),
            ((("gas", 1.0),), "asks for gas"),
            ((("el", 1.0), ("water", 1.0)), "cannot be added"),
            ((("el", 1.0), ("long", 1.0)), "same steps"),
        ):
            with pytest.raises(ValueError, match=told):
                virtual_use(parts, terms)
