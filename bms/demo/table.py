"""The demo's table: three worlds side by side, the claim beside the truth."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bms.demo.once import Result
from bms.services.simulated_worlds import WORLDS, WorldComparison

LABELS = {
    "own_control": "own control",
    "tuned_setback": "tuned setback",
    "optimised": "optimised",
}


def print_result(result: Result, console: Console) -> None:
    """Print the result of ``--once``. Everything in it is simulated, and says so."""
    worlds = Table(
        "building",
        "world",
        "energy kWh",
        "cost DKK",
        "CO2 kg",
        "discomfort K·h",
        "limit K·h",
        title="Simulated buildings, real weather, same occupants in each world",
    )
    claims = Table(
        "building",
        "claimed saving kWh",
        "90 % interval",
        "true saving kWh",
        "verdict",
        title="What the meters let us claim, and what is true",
    )
    for row in result.rows:
        _add_worlds(worlds, row)
        _add_claim(claims, row)
    console.print(worlds)
    console.print(claims)
    console.print(str(result.entrusted), highlight=False)
    console.print(f"{result.wall_s:.0f} s")


def _add_worlds(table: Table, row: WorldComparison) -> None:
    for world in WORLDS:
        outcome = getattr(row, world)
        table.add_row(
            row.site if world == WORLDS[0] else "",
            LABELS[world],
            f"{outcome.energy_kwh:,.0f}",
            f"{outcome.cost_dkk:,.0f}",
            f"{outcome.co2_kg:,.0f}",
            f"{outcome.comfort_kh:.1f}",
            f"{row.comfort_limit_kh:.1f}" if world == "optimised" else "",
            end_section=world == WORLDS[-1],
        )


def _add_claim(table: Table, row: WorldComparison) -> None:
    claim = row.claimed
    if claim.saving_kwh is None:
        table.add_row(row.site, "–", "–", f"{row.true_saving_kwh:,.0f}", claim.verdict)
        return
    interval = f"{claim.saving_low_kwh:,.0f} … {claim.saving_high_kwh:,.0f}"
    table.add_row(
        row.site, f"{claim.saving_kwh:,.0f}", interval, f"{row.true_saving_kwh:,.0f}", claim.verdict
    )
