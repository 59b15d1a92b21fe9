"""Nouns as JSON with the sentences of their facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from bms.messages.spelled_out import spelled_out
from bms.metering.quality import MeterState, SilencePhrase
from bms.model.fact import Fact, Moment, fact
from bms.model.readings.units import Commodity
from bms.model.savings.objection import Verdict
from tests.rigs.fakes.objections import POOR_FIT

SILENT = fact(
    MeterState.SILENT,
    age=fact(SilencePhrase.HOURS, hours=30.2),
    last=Moment(datetime(2026, 1, 5, 23, 30, tzinfo=UTC)),
)


@dataclass(frozen=True)
class _Row:
    day: date
    commodity: Commodity
    share: float | None
    facts: tuple[Fact, ...]
    by_meter: dict[Commodity, Fact]


def test_a_fact_has_its_code_its_parameters_and_a_sentence_in_each_language() -> None:
    told = spelled_out(SILENT, "Europe/Copenhagen")
    assert told["code"] == "silent"
    assert told["parameters"]["age"] == {"code": "silent_hours", "parameters": {"hours": 30.2}}
    assert told["da"].startswith("Måleren har ikke givet lyd i 30 timer (sidst 2026-01-06 00:30)")
    assert told["en"].startswith("Nothing was heard of the meter for 30 hours (last 2026-01-06")


def test_times_keep_their_own_zone_without_another() -> None:
    assert "2026-01-05 23:30" in spelled_out(SILENT)["en"]


def test_facts_are_found_wherever_they_stand_in_a_noun() -> None:
    row = _Row(date(2026, 1, 5), Commodity.HEAT, None, (SILENT,), {Commodity.GAS: SILENT})
    told = spelled_out(row)
    assert (told["day"], told["commodity"], told["share"]) == ("2026-01-05", "heat", None)
    assert told["facts"] == [told["by_meter"]["gas"]] == [spelled_out(SILENT)]


def test_what_a_fact_has_beside_its_parameters_stays() -> None:
    told = spelled_out(POOR_FIT)
    assert (told["kind"], told["ceiling"]) == ("model", Verdict.INDICATIVE.value)
