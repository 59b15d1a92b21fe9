"""A steady saving over three years: report, page, API and table say the same, month by month."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bms.model.control.command import Accepted
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.readings.measurement import Reading
from bms.model.readings.series import Floats
from bms.model.reporting.request import ReportKind, ReportRequest
from bms.model.savings.avoided_use import is_lopsided
from bms.services.accounts.answers_job import AnswersJob
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.reporting.build import build
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import HTML, World, a_command, a_world, temperature_c
from tests.rigs.fakes.city import HOUR, utc
from tests.rigs.reports import written

BEGIN = utc(2018, 10, 31, 23)
"""Local midnight of 1 November 2018: from here on the lodge uses a fifth less."""
END = utc(2021, 11, 1, 9)
MONTHS = [date(2018 + (10 + i) // 12, (10 + i) % 12 + 1, 1) for i in range(36)]
SAVED = 0.2


@cache
def _registers() -> tuple[Reading, ...]:
    start = BEGIN - timedelta(days=366)
    n = int((END - start) / HOUR)
    times = [start + HOUR * i for i in range(n + 1)]
    share = np.where(np.array([at >= BEGIN for at in times]), 1.0 - SAVED, 1.0)
    noise = 1.0 + 0.03 * np.random.default_rng(15).standard_normal(n + 1)
    warmth = np.array([max(0.0, 17.0 - temperature_c(at)) for at in times])
    found: list[Reading] = []
    for name, use in (("heat", 6.0 + 1.5 * warmth), ("el", np.full(n + 1, 3.0))):
        total = np.cumsum(np.concatenate(([0.0], (share * noise * use)[:-1])))
        found += _readings(name, times, total)
    return tuple(found)


def _readings(name: str, times: list[datetime], total: Floats) -> Iterator[Reading]:
    for at, value in zip(times, total, strict=True):
        yield Reading(f"lodge/{name}.energy", at, round(float(value), 3))


@pytest.fixture(scope="module")
def kept() -> MemoryStore:
    store = MemoryStore()
    store.add_readings(_registers())
    store.add_receipts([Accepted(a_command("c1", BEGIN, 18.0), 18.0)], BEGIN)
    return store


@pytest.fixture
def world(kept: MemoryStore, tmp_path: Path) -> World:
    made = a_world(tmp_path, store=kept)
    made.clock.move_to(END)
    return made


def next_month(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def span_of(month: date) -> str:
    return f"{month}..{next_month(month)}"


def report(world: World, month: str | None = None, year: str | None = None) -> dict[str, float]:
    """The row of the building in the file that ``bms report`` writes."""
    asked = ReportRequest(kind=ReportKind.SAVINGS, period=month or year)
    made = build(SavingsCache(world.city.assessment), asked)
    return _building(written(made, "csv", plain=True).decode())


def _building(text: str) -> dict[str, float]:
    rows = list(csv.DictReader(io.StringIO(text)))
    (row,) = [each for each in rows if each["level"] == "building"]
    names = (
        "adjusted_baseline_kwh",
        "measured_kwh",
        "saving_kwh",
        "saving_low_kwh",
        "saving_high_kwh",
    )
    return {name: float(row[name]) for name in names}


def answers_made(world: World) -> None:
    """What the job does at its next turn."""
    job = AnswersJob(world.city.assessment)
    for site in world.city.sites.values():
        job.keep(site, world.clock.now())


def same(row: dict[str, float], other: dict[str, float]) -> None:
    for name, value in row.items():
        assert value == pytest.approx(other[name], rel=1e-6), name


async def test_report_api_and_table_agree_month_by_month_and_do_not_fade(world: World) -> None:
    async with world.browser(**world.key("read")) as browser:
        asked = f"{MONTHS[0]}..{next_month(MONTHS[-1])}"
        whole = (await browser.get(f"/v1/sites/lodge/savings?reporting={asked}")).json()
        rows = {row["month"]: row for row in whole["savings"]["months"]}
        assert len(rows) == 36
        for month in MONTHS[::7]:
            row = report(world, month=f"{month:%Y-%m}")
            same(row, rows[str(month)])
            period = span_of(month)
            alone = (await browser.get(f"/v1/sites/lodge/savings?reporting={period}")).json()
            same(row, alone["savings"])
            table = await browser.get(f"/v1/sites/lodge/savings.csv?reporting={period}")
            same(row, _building(table.text))
    told = [row["saving_kwh"] / row["adjusted_baseline_kwh"] for row in rows.values()]
    assert told == pytest.approx([SAVED] * 36, abs=0.02)


async def test_the_page_says_the_same_each_year(world: World) -> None:
    async with world.browser(**world.key("read"), **HTML) as browser:
        for year in (2019, 2020, 2021):
            world.clock.set_calendar(datetime(year, 11, 1, 9, tzinfo=UTC))
            answers_made(world)
            page = (await browser.get("/sites/lodge/savings?lang=en")).text
            assert as_shown(report(world, month=f"{year}-06")) in page
            assert as_shown(report(world, year=str(year))) in page


def as_shown(row: dict[str, float]) -> str:
    """A saving in English with ±, or with both ends where it lies off the middle."""
    names = ("saving_kwh", "saving_low_kwh", "saving_high_kwh")
    saving, low, high = (row[name] for name in names)
    if is_lopsided(saving, low, high):
        return f"{saving:,.0f} ({low:,.0f} to {high:,.0f})"
    return f"{saving:,.0f} ± {(high - low) / 2:,.0f}"


async def test_the_last_year_is_that_of_the_page(world: World) -> None:
    answers_made(world)
    async with world.browser(**world.key("read")) as browser:
        shown = (await browser.get("/v1/sites/lodge/savings")).json()
        same(report(world), shown["savings"])
        assert shown["baseline"]["end"] == "2018-10-31T23:00:00Z"


def test_the_interval_grows_in_the_second_and_third_year(world: World) -> None:
    rows = [report(world, year=year) for year in ("2019", "2020", "2021")]
    shares = [
        (row["saving_high_kwh"] - row["saving_kwh"]) / row["adjusted_baseline_kwh"] for row in rows
    ]
    assert shares == sorted(shares)
    assert shares[-1] > 1.2 * shares[0]


def test_control_began_when_it_did_after_its_receipts_are_gone(kept: MemoryStore) -> None:
    kept.prune(
        Pruning(
            site="lodge",
            kind=EvidenceKind.RECEIPT,
            part=Part.ROW,
            before=END,
            actor="retention",
            at=END,
            reason="too old",
        )
    )
    assert kept.receipts("lodge", utc(2018, 1, 1)) == []
    assert kept.control_start("lodge") == BEGIN


async def test_use_budget_and_target_are_the_same_everywhere_each_year(world: World) -> None:
    """API, its months, the portfolio, report and page; 2021 is told until the end of October."""
    async with world.browser(**world.key("energy_team"), **HTML) as browser:
        for year in (2019, 2020, 2021):
            goal = {"year": year, "commodity": "heat", "budget": 90_000, "target": 70_000}
            made = await browser.post("/v1/sites/lodge/goals", json={**goal, "reason": "decided"})
            assert made.status_code == 201
        answers_made(world)
        for year in (2019, 2020, 2021):
            told = (await browser.get(f"/v1/sites/lodge/consumption?year={year}")).json()
            heat = told["commodities"][0]
            so_far = {name: heat["so_far"][name] for name in ("use", "budget", "target")}
            months = [month for month in heat["months"] if month["use"] is not None]
            for name, value in so_far.items():
                assert sum(month[name] for month in months) == pytest.approx(value)
            city = (await browser.get(f"/v1/portfolio/consumption?year={year}")).json()
            assert city["sites"][0]["commodities"] == told["commodities"]
            asked = ReportRequest(kind=ReportKind.CONSUMPTION, period=str(year))
            report = written(build(SavingsCache(world.city.assessment), asked), "csv", plain=True)
            row = next(csv.DictReader(io.StringIO(report.decode())))
            assert {name: float(row[name]) for name in so_far} == pytest.approx(so_far, abs=1e-3)
        page = (await browser.get("/sites/lodge/use?lang=en")).text
        shown = [so_far["budget"], so_far["target"], *(month["use"] for month in months)]
        assert [value for value in shown if f"{value:,.0f}" not in page] == []
