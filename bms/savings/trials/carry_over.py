"""Carry-over: how long a switch of control still acts, and blocks that leave it out.

While the room follows a setpoint, what a switch leaves behind decays with the time constant of the
building's mass at a held air temperature. The order of carry-over m is the number of days that a
day's control acts beyond itself; days in the first m of a block are not analysed (Bojinov,
Simchi-Levi & Zhao 2023, Design and analysis of switchback experiments, doi:10.1287/mnsc.2022.4583).
"""

from __future__ import annotations

from math import exp

from bms.savings.trials.power import BlockDesign

REMAINING = 0.15
"""Share of a switch [1] that may be left after the wash-out."""
LONGEST_WASHOUT = 7
USUAL_WASHOUT = 1
FEWEST_USED = 2
"""Days of a block [d] that are analysed at least."""


def held_time_constant(parameters: dict[str, float]) -> float | None:
    """The time constant [h] of a zone's mass while its air is held, from the parameters of its
    identified model; None where that has no mass node."""
    capacity = parameters.get("c_mass_kwh_per_k", 0.0)
    conductance = parameters.get("mass_kw_per_k", 0.0) + parameters.get("mass_out_kw_per_k", 0.0)
    return capacity / conductance if capacity > 0 and conductance > 0 else None


def washout_for(time_constant_h: float | None) -> int:
    """Days [d] after which no more than ``REMAINING`` of a switch is left, 1 to 7."""
    if time_constant_h is None:
        return USUAL_WASHOUT
    days = range(USUAL_WASHOUT, LONGEST_WASHOUT + 1)
    return next((d for d in days if exp(-24.0 * d / time_constant_h) <= REMAINING), LONGEST_WASHOUT)


def design_for(time_constant_h: float | None) -> BlockDesign:
    """Blocks for a building of this time constant [h]; blocks of 3 days with one of wash-out where
    it is not known."""
    washout = washout_for(time_constant_h)
    return BlockDesign(washout + max(FEWEST_USED, (washout + 1) // 2), washout)
