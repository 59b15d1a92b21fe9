"""The grid of a plan: fine where it decides, coarse where it only looks ahead."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.linear_program.time_blocks import Blocks, blocks_of, single_steps

QUARTER = 900


def blocks(
    n: int = 192,
    *,
    use: np.ndarray | None = None,
    price: np.ndarray | None = None,
    peak: bool = False,
    step_s: int = QUARTER,
    steps_into_hour: int = 0,
) -> Blocks:
    used = np.zeros((1, n)) if use is None else use
    return blocks_of(
        use=used,
        fixed=np.where(used > 0, 20.0, 16.0),
        price=np.full(n, 0.65) if price is None else price,
        peak=peak,
        step_s=step_s,
        steps_into_hour=steps_into_hour,
    )


def in_use(first: int, last: int, n: int = 192) -> np.ndarray:
    used = np.zeros((1, n))
    used[0, first:last] = 1.0
    return used


class TestLengths:
    def test_quarter_hours_first_and_whole_hours_after(self) -> None:
        found = blocks()
        assert found.length[:32].tolist() == [1] * 32
        assert set(found.length[32:].tolist()) == {4}

    def test_the_blocks_cover_every_step_once(self) -> None:
        found = blocks(use=in_use(100, 137), steps_into_hour=3)
        assert found.first[0] == 0
        assert (found.first[1:] == found.first[:-1] + found.length[:-1]).all()
        assert found.length.sum() == 192

    def test_quarter_hours_before_use_and_half_hours_before_those(self) -> None:
        found = blocks(use=in_use(128, 160))
        per_step = found.spread(found.length.astype(np.float64))
        assert (per_step[120:128] == 1).all()
        assert (per_step[104:120] == 2).all()
        assert (per_step[128:160] == 4).all()

    def test_whole_hours_are_those_of_the_clock(self) -> None:
        found = blocks(steps_into_hour=3)
        wide = found.first[found.length == 4]
        assert ((wide + 3) % 4 == 0).all()

    def test_no_block_crosses_a_change_of_use(self) -> None:
        for edge in range(90, 99):
            found = blocks(use=in_use(edge, 150))
            assert edge in found.first


class TestPrices:
    def test_hours_with_prices_of_their_own_are_planned_in_half_hours(self) -> None:
        hourly = np.repeat(0.5 + 0.02 * np.arange(48), 4)
        assert set(blocks(price=hourly).length[32:].tolist()) == {2}

    def test_a_step_of_the_price_is_no_blocks_inside(self) -> None:
        price = np.full(192, 0.5)
        price[101:] = 0.8
        assert 101 in blocks(price=price).first

    def test_prices_that_hardly_differ_are_one_price(self) -> None:
        price = 0.65 + 0.002 * np.sin(np.arange(192))
        assert set(blocks(price=price).length[32:].tolist()) == {4}

    def test_a_price_on_power_asks_for_half_hours(self) -> None:
        assert set(blocks(peak=True).length[32:].tolist()) == {2}


@pytest.mark.parametrize(("step_s", "n"), [(300, 576), (420, 400), (1800, 96), (3600, 48)])
def test_any_step_of_the_problem(step_s: int, n: int) -> None:
    found = blocks(n, step_s=step_s)
    assert found.length.sum() == n
    assert (found.length * step_s <= 3600).all()


def test_five_minutes_are_decided_by_the_quarter_hour() -> None:
    assert set(blocks(576, step_s=300).length[:32].tolist()) == {3}


def test_means_and_extremes_of_blocks() -> None:
    found = Blocks(first=np.array([0, 1, 3]), length=np.array([1, 2, 1]))
    values = np.array([[4.0, 1.0, 2.0, 8.0]])
    assert found.mean(values).tolist() == [[4.0, 1.5, 8.0]]
    assert found.least(values).tolist() == [[4.0, 1.0, 8.0]]
    assert found.greatest(values).tolist() == [[4.0, 2.0, 8.0]]
    assert found.spread(found.mean(values)).tolist() == [[4.0, 1.5, 1.5, 8.0]]
    assert found.last.tolist() == [0, 2, 3]


def test_a_horizon_shorter_than_a_block() -> None:
    assert blocks(1).length.tolist() == [1]
    assert single_steps(3).m == 3
