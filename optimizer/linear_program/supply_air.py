"""Cooler supply air as variables of the linear program: one per unit and block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.linear_program.sparse_rows import Matrix
from optimizer.linear_program.time_blocks import Blocks, Places
from optimizer.model.rc_network import Floats

WORTH_MORE = 0.02
"""Cooler air has to gain more than this part of the heat that it saves at the coil, so that heat is
not moved from coil to radiators for nothing."""


@dataclass(frozen=True, slots=True)
class Coolable:
    """Supply air of ``v`` units that may be cooler than its own setpoint, over ``n`` steps.

    ``units`` (v,) are their numbers among all; ``per_k`` [kW/K] (v, n) is the heat that a kelvin
    saves, the same throughout a block; ``most`` [K] (v, n) how many kelvin there may be; ``part``
    (p, v) each zone's share of the air.
    """

    units: Places
    per_k: Floats
    most: Floats
    part: Floats

    def to_zones(self, cooler: Floats) -> Floats:
        """What the zones lose [kW] (p, n) by air that is ``cooler`` [K] (v, n)."""
        return np.asarray(self.part @ (self.per_k * cooler))

    def saved(self, cooler: Floats) -> Floats:
        """What the coils give less [kW] (n,)."""
        return np.asarray((self.per_k * cooler).sum(axis=0))

    def saved_in(self, blocks: Blocks, cooler: Floats) -> Floats:
        """What the coils give less [kW] (m,) in each block, ``cooler`` [K] one after another."""
        per_k = blocks.mean(self.per_k)
        return np.asarray((per_k * cooler.reshape(per_k.shape)).sum(axis=0))

    def count(self, blocks: Blocks) -> int:
        """How many variables there are."""
        return len(self.per_k) * blocks.m

    def gain(self, blocks: Blocks, worth: Floats, hours: Floats) -> Floats:
        """Cost of each variable [DKK/K]; ``worth`` (n,) [DKK/kWh], ``hours`` (m,) [h]."""
        saved = blocks.mean(self.per_k * worth) * hours
        return np.asarray(-(1.0 - WORTH_MORE) * saved).ravel()

    def most_in(self, blocks: Blocks) -> Floats:
        """Upper limit of each variable [K]."""
        return blocks.least(self.most).ravel()

    def columns(self, blocks: Blocks, first: int) -> list[tuple[Places, Floats]]:
        """Of each unit its columns (m,) and what a kelvin saves there [kW/K] (m,)."""
        return [
            (first + v * blocks.m + np.arange(blocks.m), row)
            for v, row in enumerate(blocks.mean(self.per_k))
        ]

    def take(
        self, matrix: Matrix, row: Places, b: Floats, columns: list[tuple[Places, Floats]]
    ) -> None:
        """What cooler air takes from the zones, like less heat: into ``row`` (p, 2, m), with the
        effect ``b`` (p, 2, m) of a zone's heat."""
        for v, (column, per_k) in enumerate(columns):
            served = np.flatnonzero(self.part[:, v] > 0)
            share = self.part[served, v, np.newaxis]
            for node in (0, 1):
                matrix.add(row[served, node], column, b[served, node] * share * per_k)
