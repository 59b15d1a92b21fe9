"""How savings look on a screen of 80 to 120 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bms.cli.console.language import CommandTranslator
from bms.cli.console.screen import print_folded, screen, slim_table
from bms.messages import MISSING
from bms.model.savings.avoided_use import Savings, SiteSavings
from bms.model.savings.objection import Verdict

SIGNED = "+0.0;-0.0"
ROOMY = 116
"""Columns from which on the model and the degree-day correction are shown too."""


def print_site(answer: SiteSavings, t: CommandTranslator) -> None:
    """The meters of a building and their sum, with the reasons of the sum."""
    console = screen()
    table = Table(
        t("meter"),
        t("baseline_kwh"),
        t("measured_kwh"),
        t("saving_kwh"),
        t("interval", confidence=0.9),
        t("verdict"),
    )
    rows: tuple[Savings | SiteSavings, ...] = (*answer.meters, answer)
    for row in rows:
        table.add_row(
            row.id if isinstance(row, SiteSavings) else row.meter_id,
            t.number(row.adjusted_baseline_kwh),
            t.number(row.measured_kwh),
            t.number(row.saving_kwh),
            f"{t.number(row.saving_low_kwh)} … {t.number(row.saving_high_kwh)}",
            t(f"verdict_{row.verdict.value}"),
        )
    console.print(table)
    for reason in answer.reasons:
        print_folded(console, t.describe(reason), indent=2)
    worth = _worth(answer, t)
    if worth:
        print_folded(console, t("worth", figures=worth), indent=2)


def _worth(answer: SiteSavings, t: CommandTranslator) -> str:
    figures = (
        None if answer.cost_dkk is None else t("worth_dkk", value=answer.cost_dkk),
        None if answer.co2_kg is None else t("worth_kg", value=answer.co2_kg),
        None
        if answer.primary_energy_kwh is None
        else t("worth_primary", value=answer.primary_energy_kwh),
    )
    return ", ".join(filter(None, figures))


def print_meters(answers: Sequence[Savings], seconds: float, t: CommandTranslator) -> None:
    """One row per meter of a file, then what there is to say about each."""
    console = screen()
    roomy = console.width >= ROOMY
    console.print(_table(answers, roomy, t))
    console.print()
    for row in answers:
        _print_notes(console, row, t)
    verified = sum(row.verdict is Verdict.VERIFIED for row in answers)
    console.print(t("meters_assessed", count=len(answers), verified=verified, seconds=seconds))


def _table(answers: Sequence[Savings], roomy: bool, t: CommandTranslator) -> Table:
    numbers = ("n", "CV %", t("expected_kwh"), t("measured_kwh"), t("saving_share"), "± %")
    table = slim_table(t("meter"))
    if roomy:
        table.add_column(t("model"), no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(t("verdict"), no_wrap=True)
    if roomy:
        table.add_column(t("flags"), overflow="fold")
    for row in answers:
        table.add_row(row.meter_id, *_cells(row, roomy, t))
    return table


def _cells(row: Savings, roomy: bool, t: CommandTranslator) -> tuple[str, ...]:
    saving = half = None
    whole = row.adjusted_baseline_kwh
    low, high = row.saving_low_kwh, row.saving_high_kwh
    if row.saving_kwh is not None and low is not None and high is not None and whole:
        saving, half = row.saving_kwh / whole, (high - low) / 2.0 / whole
    figures = (
        str(row.n),
        _share(row.cv_rmse, t),
        t.number(whole),
        t.number(row.measured_kwh),
        MISSING if saving is None else t.pattern(100 * saving, SIGNED),
        _share(half, t),
        t(f"verdict_{row.verdict.value}"),
    )
    return (short_model(row.model), *figures, " ".join(row.flags)) if roomy else figures


def short_model(model: str | None) -> str:
    """A model's name for a narrow column: ``3PH+sun|2PH`` is one for weekdays, one for weekends."""
    if model is None:
        return MISSING
    short = model.replace(" weekday, ", "|").removesuffix(" weekend")
    return short.replace(", sun", "+sun")


def _print_notes(console: Console, row: Savings, t: CommandTranslator) -> None:
    facts = (*row.reasons, *(found.fact for found in row.findings))
    for sentence in dict.fromkeys(map(t.describe, facts)):
        print_folded(console, f"{row.meter_id}: {sentence}", indent=2)


def _share(value: float | None, t: CommandTranslator) -> str:
    return t.number(None if value is None else 100 * value, 1)
