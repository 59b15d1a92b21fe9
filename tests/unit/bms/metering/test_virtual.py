"""Sums, differences and shares of meters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bms.metering.quality import MeterState
from bms.metering.virtual import virtual_use
from bms.model.fact import fact
from bms.model.readings.metering import Consumption, FlawKind, MeterEvent
from bms.model.readings.series import Series
from bms.model.readings.units import Unit
from tests.rigs.sentences import danish, english

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAN = float("nan")
GAP = MeterEvent(
    flaw=FlawKind.GAP,
    start=START + HOUR,
    end=START + 2 * HOUR,
    amount=3.0,
    fact=fact(MeterState.NO_READINGS),
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
        assert english(event.fact) == "hp: No readings in the period."
        assert danish(event.fact) == "hp: Ingen aflæsninger i perioden."
        assert event.amount is None

    def test_has_no_use_below_zero_and_keeps_its_total(self) -> None:
        parts = {"el": part(9.0, 2.0, total=11.0), "hp": part(4.0, 2.5, total=6.5)}
        found = virtual_use(parts, (("el", 1.0), ("hp", -1.0)))
        assert np.isnan(found.use.values[1])
        assert found.total == 4.5
        event = found.events[0]
        assert (event.flaw, event.start, event.amount) == (FlawKind.NEGATIVE, START + HOUR, -0.5)

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
