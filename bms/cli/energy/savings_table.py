"""How savings look on a screen of 80 to 120 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bms.cli.console.language import language
from bms.cli.console.screen import say, screen, slim_table
from bms.model.savings.objection import Verdict
from bms.model.savings.savings import Savings, SiteSavings

ROOMY = 116
"""Columns from which on the model and the degree-day correction are shown too."""


def print_site(answer: SiteSavings) -> None:
    """The meters of a building and their sum, with the reasons of the sum."""
    console = screen()
    table = Table("meter", "baseline kWh", "measured kWh", "saving kWh", "90 % interval", "verdict")
    rows: tuple[Savings | SiteSavings, ...] = (*answer.meters, answer)
    for row in rows:
        table.add_row(
            row.id if isinstance(row, SiteSavings) else row.meter_id,
            _kwh(row.adjusted_baseline_kwh),
            _kwh(row.measured_kwh),
            _kwh(row.saving_kwh),
            f"{_kwh(row.saving_low_kwh)} … {_kwh(row.saving_high_kwh)}",
            row.verdict,
        )
    console.print(table)
    for reason in answer.reasons:
        say(console, language().of(reason), indent=2)
    worth = _worth(answer)
    if worth:
        say(console, worth, indent=2)


def _worth(answer: SiteSavings) -> str:
    values = (
        (answer.cost_dkk, "DKK"),
        (answer.co2_kg, "kg CO2"),
        (answer.primary_energy_kwh, "kWh primary energy"),
    )
    known = [f"{value:,.0f} {unit}" for value, unit in values if value is not None]
    return f"worth {', '.join(known)}" if known else ""


def print_meters(answers: Sequence[Savings], seconds: float) -> None:
    """One row per meter of a file, then what there is to say about each."""
    console = screen()
    roomy = console.width >= ROOMY
    console.print(_table(answers, roomy))
    console.print()
    for row in answers:
        _print_notes(console, row)
    verified = sum(row.verdict is Verdict.VERIFIED for row in answers)
    console.print(f"{len(answers)} meters, {verified} verified, {seconds:.1f} s")


def _table(answers: Sequence[Savings], roomy: bool) -> Table:
    names = ["n", "CV %", "expected kWh", "measured kWh", "saving %", "± %"]
    table = slim_table("meter")
    if roomy:
        table.add_column("model", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if roomy:
        table.add_column("flags", overflow="fold")
    for row in answers:
        table.add_row(row.meter_id, *_cells(row, roomy))
    return table


def _cells(row: Savings, roomy: bool) -> tuple[str, ...]:
    saving = half = None
    whole = row.adjusted_baseline_kwh
    if row.saving_kwh is not None and row.saving_high_kwh is not None and whole:
        saving, half = row.saving_kwh / whole, (row.saving_high_kwh - row.saving_kwh) / whole
    figures = (
        str(row.n),
        _share(row.cv_rmse),
        _kwh(whole),
        _kwh(row.measured_kwh),
        _share(saving, signed=True),
        _share(half),
        row.verdict.value,
    )
    return (short_model(row.model), *figures, " ".join(row.flags)) if roomy else figures


def short_model(model: str | None) -> str:
    """A model's name for a narrow column: ``3PH+sun|2PH`` is one for weekdays, one for weekends."""
    if model is None:
        return "–"
    short = model.replace(" weekday, ", "|").removesuffix(" weekend")
    return short.replace(", sun", "+sun")


def _print_notes(console: Console, row: Savings) -> None:
    told = set()
    for words in (*row.reasons, *(found.fact for found in row.findings)):
        sentence = language().of(words)
        if sentence not in told:
            told.add(sentence)
            say(console, f"{row.meter_id}: {sentence}", indent=2)


def _kwh(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _share(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    return f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
