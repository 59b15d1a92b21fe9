"""How long somebody holds a lever, in steps of the horizon, and what cannot be held."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.point import Role
from bms.model.planning.problem import HeldValue, Lever, Problem
from bms.model.readings.units import Unit
from tests.rigs.buildings.toy_building import Toy, lived_in
from tests.rigs.buildings.toy_problems import problem


@pytest.fixture(scope="module")
def asked() -> Problem:
    """Quarter-hours from a Monday at midnight UTC."""
    toy: Toy = lived_in(days=1)
    return problem(toy, n=8)


def lever(until: datetime | None, value: float = 23.0) -> Lever:
    return Lever(
        point="set",
        role=Role.ZONE_SETPOINT,
        unit=Unit.DEG_C,
        minimum=15.0,
        maximum=24.0,
        held=HeldValue(value=value, by="caretaker", until=until),
    )


class TestHeldSteps:
    def test_are_none_where_nobody_holds(self, asked: Problem) -> None:
        assert asked.held_steps(None) == 0
        assert asked.held_steps(replace(lever(None), held=None)) == 0

    def test_are_all_where_no_end_is_known(self, asked: Problem) -> None:
        assert asked.held_steps(lever(None)) == asked.steps == 8

    @pytest.mark.parametrize(
        ("minutes", "steps"), [(-60, 0), (0, 0), (1, 1), (15, 1), (16, 2), (60, 4), (600, 8)]
    )
    def test_are_those_that_begin_before_the_end(
        self, asked: Problem, minutes: int, steps: int
    ) -> None:
        assert asked.held_steps(lever(asked.start + timedelta(minutes=minutes))) == steps


class TestAHeldValue:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_is_finite(self, value: float) -> None:
        with pytest.raises(ValueError, match="finite number"):
            lever(None, value)

    def test_has_an_end_with_offset(self) -> None:
        with pytest.raises(ValueError, match="offset"):
            lever(datetime(2026, 1, 12, 6))  # noqa: DTZ001
