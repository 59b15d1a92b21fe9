"""CO2 in rooms: the balance against known numbers, and the least flow that keeps a limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.setpoints.co2_balance import (
    LEAKS_PER_H,
    OUTDOORS_PPM,
    PER_PERSON_M3_H,
    Co2Rooms,
    UnitAir,
    least_steady_flow,
    use_periods,
)

STEP_H = 0.25
N = 96
LEVELS = np.arange(20.0, 101.0, 5.0)


def rooms(
    people: np.ndarray, *, volume: float = 170.0, target: float = 950.0, start: float = 500.0
) -> Co2Rooms:
    rows = np.atleast_2d(people).astype(float)
    z = len(rows)
    return Co2Rooms(
        step_h=STEP_H,
        volume=np.full(z, volume),
        source=PER_PERSON_M3_H * rows,
        occupied=rows > 0,
        target=np.full(z, target),
        start=np.full(z, start),
    )


def duct(full: np.ndarray, in_use: np.ndarray, least: float = 20.0) -> UnitAir:
    rows = np.atleast_2d(full).astype(float)
    return UnitAir(
        full=rows,
        other=np.zeros_like(rows),
        levels=LEVELS,
        least_in_use=least,
        in_use=in_use,
        held=np.full(N, np.nan),
    )


def day(people: float, first: int = 32, last: int = 60) -> np.ndarray:
    return np.where((np.arange(N) >= first) & (np.arange(N) < last), people, 0.0)


def running(first: int = 30, last: int = 60, flow: float = 900.0) -> np.ndarray:
    return np.where((np.arange(N) >= first) & (np.arange(N) < last), flow, 0.0)


def ppm_of(asked: Co2Rooms, through: UnitAir, flow: np.ndarray) -> np.ndarray:
    return asked.ppm(through.supply(flow, 0, N), 0, asked.start)


class TestTheBalance:
    def test_of_seven_and_a_half_litres_a_second_and_person_is_700_ppm_above_outdoors(self) -> None:
        """The steady state that ASHRAE 62.1 has been explained with for decades, to 1 %."""
        one = rooms(np.ones(N * 20), volume=10.0)
        air = np.full((1, N * 20), 27.0 - LEAKS_PER_H * 10.0)
        above = one.ppm(air, 0, one.start)[0, -1] - OUTDOORS_PPM

        assert above == pytest.approx(700.0, rel=0.011)

    def test_forgets_63_percent_of_its_start_in_one_air_change(self) -> None:
        empty = rooms(np.zeros(N), volume=100.0, start=1420.0)
        air = np.full((1, N), (4.0 - LEAKS_PER_H) * 100.0)

        assert empty.ppm(air, 0, empty.start)[0, 0] == pytest.approx(420.0 + 1000.0 / np.e)

    def test_is_exact_within_a_step(self) -> None:
        """The same as thousands of small steps of the equation."""
        full = rooms(np.full(N, 25.0), start=700.0)
        air = np.full((1, N), 300.0)
        ppm, dt = 700.0, STEP_H / 5000
        for _ in range(5000):
            exchanged = 300.0 + LEAKS_PER_H * 170.0
            ppm += dt * (1e6 * PER_PERSON_M3_H * 25 + exchanged * (OUTDOORS_PPM - ppm)) / 170.0

        assert full.ppm(air, 0, full.start)[0, 0] == pytest.approx(ppm, abs=0.1)

    def test_of_a_closed_room_only_rises(self) -> None:
        closed = rooms(np.full(N, 5.0))

        assert np.all(np.diff(closed.ppm(np.zeros((1, N)), 0, closed.start)[0]) > 0)


class TestTheLeastFlow:
    def test_keeps_the_target_and_one_level_less_does_not(self) -> None:
        asked, through = rooms(day(15)), duct(running(), day(1) > 0)
        flow = least_steady_flow(asked, through)
        used = slice(32, 60)

        assert ppm_of(asked, through, flow)[0, used].max() <= 950.0
        assert ppm_of(asked, through, flow - 5.0)[0, used].max() > 950.0

    def test_is_steady_while_people_are_in_and_from_an_hour_before(self) -> None:
        flow = least_steady_flow(rooms(day(15)), duct(running(), day(1) > 0))

        assert len(set(flow[30:60])) == 1

    def test_is_that_of_the_room_that_needs_most(self) -> None:
        people = np.stack([day(3), day(18)])
        both = least_steady_flow(rooms(people), duct(np.stack([running()] * 2), day(1) > 0))
        alone = least_steady_flow(rooms(people[1]), duct(running(), day(1) > 0))

        assert np.array_equal(both, alone)

    def test_never_falls_with_more_people(self) -> None:
        highest = [
            least_steady_flow(rooms(day(count)), duct(running(), day(1) > 0)).max()
            for count in range(0, 40, 3)
        ]

        assert highest == sorted(highest)
        assert highest[0] < highest[5] < highest[-1]

    def test_is_full_where_even_that_is_too_little(self) -> None:
        flow = least_steady_flow(rooms(day(80)), duct(running(), day(1) > 0))

        assert set(flow[32:60]) == {100.0}

    def test_is_not_below_the_least_while_people_are_in(self) -> None:
        flow = least_steady_flow(rooms(day(1)), duct(running(), day(1) > 0, least=45.0))

        assert flow[32:60].min() == 45.0

    def test_is_the_least_level_while_it_runs_for_nobody(self) -> None:
        all_day = running(0, N)
        flow = least_steady_flow(rooms(day(15)), duct(all_day, day(1) > 0))

        assert set(flow[:28]) == {20.0}
        assert set(flow[60:]) == {20.0}

    def test_is_full_at_first_where_people_sit_in_stale_air(self) -> None:
        asked = rooms(day(8, 0, 40), start=2500.0, target=750.0)
        through = duct(running(0, 40), day(1, 0, 40) > 0)
        flow = least_steady_flow(asked, through)
        ppm = ppm_of(asked, through, flow)[0, :40]
        stale = np.flatnonzero(ppm > 750.0)

        assert set(flow[: stale[-1] + 1]) == {100.0}
        assert flow[39] < 100.0

    def test_counts_the_air_of_other_units(self) -> None:
        through = duct(running(), day(1) > 0)
        helped = replace(through, other=np.full((1, N), 400.0))

        assert (
            least_steady_flow(rooms(day(15)), helped).max()
            < least_steady_flow(rooms(day(15)), through).max()
        )

    def test_of_a_unit_that_stands_still_is_the_least(self) -> None:
        assert set(least_steady_flow(rooms(day(15)), duct(np.zeros(N), day(0) > 0))) == {20.0}


class TestStretchesOfUse:
    def test_have_a_lead_of_an_hour(self) -> None:
        assert use_periods(day(1) > 0, STEP_H) == [(28, 60)]

    def test_join_over_short_breaks_only(self) -> None:
        lunch = (day(1, 32, 48) + day(1, 52, 64)) > 0
        evening = (day(1, 32, 48) + day(1, 72, 80)) > 0

        assert use_periods(lunch, STEP_H) == [(28, 64)]
        assert use_periods(evening, STEP_H) == [(28, 48), (68, 80)]

    def test_begin_at_the_start_where_people_are_in_already(self) -> None:
        assert use_periods(day(1, 0, 10) > 0, STEP_H) == [(0, 10)]

    def test_are_none_where_nobody_comes(self) -> None:
        assert use_periods(day(0) > 0, STEP_H) == []


class TestAFlowThatSomebodyHolds:
    def test_stays_and_what_it_leaves_behind_is_made_good(self) -> None:
        room, free = rooms(day(20.0)), duct(running(), day(1.0) > 0)
        held = replace(free, held=np.where(np.arange(N) < 44, 25.0, np.nan))
        flow = least_steady_flow(room, held)
        ppm = ppm_of(room, held, flow)[0]

        assert (flow[:44] == 25.0).all()
        assert ppm[43] > 950.0
        assert flow[44] == LEVELS[-1]
        assert ppm[50:60].max() <= 950.0 + 1e-6

    def test_throughout_is_all_there_is(self) -> None:
        held = replace(duct(running(), day(1.0) > 0), held=np.full(N, 33.0))
        assert (least_steady_flow(rooms(day(20.0)), held) == 33.0).all()
