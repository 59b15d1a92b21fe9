"""Every kind of report of a city with a past, beside what the API answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.pages.language import PageTranslator
from bms.errors import ConfigError, NotFound
from bms.model.reporting.request import ReportKind, ReportRequest
from bms.model.reporting.table import LocalName, Report
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.reporting.build import build
from tests.rigs.fakes.api import World, a_world, live_in
from tests.rigs.fakes.ledger import a_goal
from tests.rigs.reports import (
    pdf_text,
    read_csv,
    read_json,
    read_parquet,
    read_xlsx,
    written,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = a_world(tmp_path_factory.mktemp("reports"))
    live_in(made)
    return made


@pytest.fixture(scope="module")
def cache(world: World) -> SavingsCache:
    return SavingsCache(world.city.assessment)


def made(cache: SavingsCache, kind: str, period: str | None = "2019-01", **asked: Any) -> Report:
    return build(cache, ReportRequest(kind=ReportKind(kind), period=period, **asked))


def rows_of(report: Report, table: int = 0) -> list[dict[str, Any]]:
    chosen = report.tables[table]
    return [dict(zip(chosen.codes, row, strict=True)) for row in chosen.rows]


async def answer(world: World, path: str) -> Any:
    async with world.browser(**world.key("read")) as browser:
        return (await browser.get(path)).json()


async def test_savings_are_those_of_the_api(world: World, cache: SavingsCache) -> None:
    report = made(cache, "savings")
    building, heat, el = rows_of(report)
    said = (await answer(world, "/v1/sites/lodge/savings?reporting=2019-01-01..2019-02-01"))[
        "savings"
    ]
    for row, theirs in zip((building, heat, el), (said, *said["meters"]), strict=True):
        for name in ("saving_kwh", "saving_low_kwh", "saving_high_kwh", "measured_kwh"):
            assert row[name] == pytest.approx(theirs[name], abs=1e-3)
        assert row["verdict"] == theirs["verdict"]
    assert (heat["level"], heat["meter_id"]) == ("meter", "lodge/heat")
    assert [row["building"] for row in rows_of(report, 1)] == ["lodge"]
    assert rows_of(report, 2)[0]["saving_kwh"] == pytest.approx(said["saving_kwh"], abs=1e-3)


async def test_consumption_is_that_of_the_api(world: World, cache: SavingsCache) -> None:
    said = await answer(world, "/v1/sites/lodge/consumption?year=2018")
    for theirs, row in zip(
        said["commodities"], rows_of(made(cache, "consumption", "2018")), strict=True
    ):
        assert row["use"] == pytest.approx(theirs["so_far"]["use"], abs=1e-3)
        assert row["commodity"] == theirs["commodity"]
    march = rows_of(made(cache, "consumption", "2018-03"))
    assert march[0]["use"] == pytest.approx(said["commodities"][0]["months"][2]["use"], abs=1e-3)
    days = made(cache, "consumption", "2018-03").table("days")
    assert sum(row[5] for row in days.rows if row[3] == "heat") == pytest.approx(march[0]["use"])


async def test_a_year_with_goals_is_the_same_on_page_report_api_and_in_the_export(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    world = a_world(tmp_path_factory.mktemp("goals"))
    live_in(world)
    world.store.set_goal(a_goal())
    said = await answer(world, "/v1/sites/lodge/consumption?year=2019")
    city = (await answer(world, "/v1/portfolio/consumption?year=2019"))["together"]["totals"]
    rows = rows_of(made(SavingsCache(world.city.assessment), "consumption", "2019"))
    months = rows_of(made(SavingsCache(world.city.assessment), "consumption", "2019"), 1)
    asked = {"kind": "consumption", "period": "2019", "format": "json", "lang": "da"}
    exported = read_json(await an_export(world, asked))
    async with world.browser(**world.key("operate"), accept="text/html") as browser:
        page = (await browser.get("/sites/lodge/use?lang=da")).text
    t = PageTranslator("da", "Europe/Copenhagen")
    for theirs, row, out, total in zip(said["commodities"], rows, exported, city, strict=True):
        so_far = theirs["so_far"]
        for name, code in (("use", "use"), ("budget", "budget"), ("target", "target")):
            assert row[code] == pytest.approx(so_far[name], abs=1e-3)
            assert out[code] == pytest.approx(so_far[name], abs=1e-3)
            assert total[name] == pytest.approx(so_far[name], abs=1e-3)
        assert t("use_so_far", **{n: so_far[n] for n in ("use", "days", "of")}, unit="kWh") in page
        for month, of_city in zip(theirs["months"], total["months"], strict=True):
            assert of_city["use"] == pytest.approx(month["use"], abs=1e-3)
            assert of_city["budget"] == pytest.approx(month["budget"], abs=1e-3)
    heat = said["commodities"][0]
    assert heat["so_far"]["budget"] < heat["budget"] == 50_000.0
    assert t.number(heat["months"][0]["budget"]) in page
    january = next(row for row in months if row["commodity"] == "heat")
    assert january["budget"] == pytest.approx(heat["months"][0]["budget"], abs=1e-3)


async def test_paper_has_the_target_beside_the_budget_where_one_was_set(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    world = a_world(tmp_path_factory.mktemp("targets"))
    live_in(world)
    cache = SavingsCache(world.city.assessment)
    without = pdf_text(written(made(cache, "consumption", "2019"), "pdf"))
    world.store.set_goal(a_goal())
    report = made(cache, "consumption", "2019")
    paper = pdf_text(written(report, "pdf"))
    t = PageTranslator("da", "Europe/Copenhagen")
    january = next(row for row in rows_of(report, 1) if row["target"] is not None)
    assert "Mål" not in without.split()
    assert paper.split().count("Mål") >= 2  # of the year and of its months
    for row in (rows_of(report)[0], january):
        assert t.number(row["target"]) in paper
    assert "Mål" in pdf_text(written(made(cache, "council", "2019"), "pdf")).split()


async def an_export(world: World, asked: dict[str, Any]) -> bytes:
    """The file of a report that was asked for through the API."""
    async with world.browser(**world.key("read")) as browser:
        made = (await browser.post("/v1/exports", json=asked)).json()
        while (state := (await browser.get(f"/v1/exports/{made['id']}")).json())["state"] in (
            "waiting",
            "running",
        ):
            await asyncio.sleep(0.02)
        assert state["state"] == "done", state
        return (await browser.get(f"/v1/exports/{made['id']}/file")).content


async def test_ranking_is_that_of_the_api(world: World, cache: SavingsCache) -> None:
    report = made(cache, "ranking", None)
    said = (await answer(world, "/v1/portfolio/ranking?metric=night_share"))["buildings"][0]
    (row,) = (
        dict(zip(table.codes, each, strict=True))
        for table in report.tables
        if table.code == "ranking_night_share"
        for each in table.rows
    )
    assert row["value"] == pytest.approx(said["value"], abs=1e-6)


async def test_missing_data_are_those_of_the_api(world: World, cache: SavingsCache) -> None:
    period = "2019-01-01..2019-02-01"
    said = (await answer(world, f"/v1/portfolio/missing-data?period={period}"))["missing"]
    assert [row["hours"] for row in rows_of(made(cache, "missing-data"))] == [
        row["hours"] for row in said
    ]
    states = (await answer(world, f"/v1/portfolio/quality?period={period}"))["meters"]
    assert [(row["meter_id"], row["state"]) for row in rows_of(made(cache, "quality"))] == [
        (row["meter"], row["state"]) for row in states
    ]


def test_a_report_of_one_building_bears_its_name(cache: SavingsCache) -> None:
    report = made(cache, "meters", site="lodge")
    assert (report.scope, report.name) == ("lodge", LocalName("Hytten", "The lodge"))
    assert "Hytten" in pdf_text(written(report, "pdf", "da"))
    assert "lodge, 1" not in pdf_text(written(report, "pdf", "da"))


def test_the_register_has_every_meter(cache: SavingsCache) -> None:
    rows = rows_of(made(cache, "meters"))
    assert [row["meter_id"] for row in rows] == ["lodge/heat", "lodge/el", "lodge/hp"]
    assert rows[0]["value"] is not None


def test_the_council_reads_savings_and_use(cache: SavingsCache) -> None:
    report = made(cache, "council", "2019")
    (row,) = rows_of(report)
    assert row["saving_kwh"] is not None
    assert {fact.code for fact in report.summary} >= {"report_saved", "report_worth"}
    assert len(report.charts) >= 2


@pytest.mark.parametrize("kind", list(ReportKind))
def test_one_set_of_numbers_in_five_forms(cache: SavingsCache, kind: str) -> None:
    report = made(cache, kind, None if kind == "ranking" else "2019-01")
    ours = rows_of(report)
    plain = read_csv(written(report, "csv", plain=True))
    by_json, by_parquet = (
        read_json(written(report, "json")),
        read_parquet(written(report, "parquet")),
    )
    by_sheet = read_xlsx(written(report, "xlsx"))
    assert len(plain) == len(by_json) == len(by_parquet) == len(by_sheet) == len(ours)
    for i, row in enumerate(ours):
        sheet = list(by_sheet[i].values())
        for at, (name, value) in enumerate(row.items()):
            if isinstance(value, float):
                same = (by_json[i][name], by_parquet[i][name], float(plain[i][name]), sheet[at])
                assert same == pytest.approx((value,) * 4, abs=1e-9), name
            elif value is None:
                assert (by_json[i][name], by_parquet[i][name], plain[i][name]) == (None, None, "")
    assert "The lodge" in pdf_text(written(report, "pdf", "en")) or not ours


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"period": "2019-13"}, ConfigError, "write a month as 2026-10"),
        ({"period": "0001"}, ConfigError, "from 1990 to 2099"),
        ({"site": "nowhere"}, NotFound, "lodge"),
        ({"group": "castles"}, NotFound, "there are:"),
        ({"site": "lodge", "group": "office"}, ConfigError, "not for both"),
    ],
)
def test_what_is_not_there_is_refused(
    cache: SavingsCache, asked: dict[str, str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        build(cache, ReportRequest(kind=ReportKind.METERS, **asked))


def test_a_period_that_has_not_begun_has_no_readings(cache: SavingsCache) -> None:
    assert rows_of(made(cache, "quality", "2030-01")) == []
