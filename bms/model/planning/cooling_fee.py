"""What a supplier of district heating takes for poor cooling (afkøling), or pays for good one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingRule:
    """Settled by the volume-weighted mean cooling of a calendar year, without VAT.

    Every kelvin below ``below_k`` [K] costs ``malus_dkk_per_k_mwh`` for each MWh of the year;
    every kelvin above ``above_k`` [K] earns ``bonus_dkk_per_k_mwh``, where there is a bonus. In
    force from local day ``first`` until ``end`` (exclusive; None: until the next one). Raises
    ValueError for a negative price, or a bonus that begins below the malus.
    """

    first: date
    end: date | None
    below_k: float
    malus_dkk_per_k_mwh: float
    source: str
    """Where the rule stands; ``source_da`` the same in Danish."""
    above_k: float | None = None
    bonus_dkk_per_k_mwh: float = 0.0
    source_da: str | None = None

    def __post_init__(self) -> None:
        if min(self.malus_dkk_per_k_mwh, self.bonus_dkk_per_k_mwh) < 0 or self.below_k <= 0:
            raise ValueError("a cooling rule has a positive cooling and prices of 0 or more")
        if self.above_k is not None and self.above_k < self.below_k:
            raise ValueError(f"the bonus begins at {self.above_k} K, below {self.below_k} K")

    def fee_dkk(self, cooling_k: float, energy_mwh: float) -> float:
        """What a year of ``energy_mwh`` [MWh] costs at ``cooling_k`` [K]; negative: a bonus."""
        malus = self.malus_dkk_per_k_mwh * max(self.below_k - cooling_k, 0.0)
        bonus = 0.0
        if self.above_k is not None:
            bonus = self.bonus_dkk_per_k_mwh * max(cooling_k - self.above_k, 0.0)
        return (malus - bonus) * energy_mwh
