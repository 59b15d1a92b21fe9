"""Cooler supply air as variables of the linear program: one per unit and block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.linear_program.sparse_rows import Matrix
from optimizer.linear_program.time_blocks import Blocks, Places
from optimizer.model.rc_network import Floats

LEAST_RELATIVE_GAIN = 0.02
"""Cooler air has to gain more than this part of the heat that it saves at the coil, so that heat is
not moved from coil to radiators for nothing."""


@dataclass(frozen=True, slots=True)
class SupplyReset:
    """Supply air of ``v`` units that may be cooler than its own setpoint, over ``n`` steps.

    ``units`` (v,) are their indices among all units; ``per_k`` [kW/K] (v, n) is the heat saved per
    kelvin, constant within a block; ``most`` [K] (v, n) the upper limit; ``part`` (p, v) the share
    of each zone in the air.
    """

    units: Places
    per_k: Floats
    most: Floats
    part: Floats

    def zone_loss_kw(self, reset_k: Floats) -> Floats:
        """Returns the heat that the zones lose [kW] (p, n) by a reset of ``reset_k`` [K] (v, n)."""
        return np.asarray(self.part @ (self.per_k * reset_k))

    def saved_kw(self, reset_k: Floats) -> Floats:
        """Returns the heat saved at the coils [kW] (n,)."""
        return np.asarray((self.per_k * reset_k).sum(axis=0))

    def saved_in_blocks_kw(self, blocks: Blocks, reset_k: Floats) -> Floats:
        """Returns the heat saved at the coils in each block [kW] (m,); ``reset_k`` [K] (v m,)."""
        per_k = blocks.mean(self.per_k)
        return np.asarray((per_k * reset_k.reshape(per_k.shape)).sum(axis=0))

    def count(self, blocks: Blocks) -> int:
        """Returns the number of variables."""
        return len(self.per_k) * blocks.m

    def cost_per_k(self, blocks: Blocks, price: Floats, hours: Floats) -> Floats:
        """Returns the cost of each variable [DKK/K] at a ``price`` (n,) [DKK/kWh] over ``hours``
        (m,) [h]."""
        saved_kw = blocks.mean(self.per_k * price) * hours
        return np.asarray(-(1.0 - LEAST_RELATIVE_GAIN) * saved_kw).ravel()

    def upper_bounds(self, blocks: Blocks) -> Floats:
        """Returns the upper limit of each variable [K]."""
        return blocks.least(self.most).ravel()

    def columns(self, blocks: Blocks, first: int) -> list[tuple[Places, Floats]]:
        """Returns the columns (m,) of each unit and the heat saved per kelvin there [kW/K] (m,)."""
        return [
            (first + v * blocks.m + np.arange(blocks.m), row)
            for v, row in enumerate(blocks.mean(self.per_k))
        ]

    def add_to_dynamics(
        self, matrix: Matrix, row: Places, b: Floats, columns: list[tuple[Places, Floats]]
    ) -> None:
        """Adds the loss of the zones to the rows ``row`` (p, 2, m) of the dynamics, with the effect
        ``b`` (p, 2, m) of a zone's heat."""
        for v, (column, per_k) in enumerate(columns):
            served = np.flatnonzero(self.part[:, v] > 0)
            share = self.part[served, v, np.newaxis]
            for node in (0, 1):
                matrix.add(row[served, node], column, b[served, node] * share * per_k)
