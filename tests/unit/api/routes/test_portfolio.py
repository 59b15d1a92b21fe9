"""All buildings side by side, through the API and on the pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bms.errors import FeedError
from bms.model.assets.address import SupplierAddress
from bms.model.planning.feed import WeatherSeries
from bms.model.readings.measurement import Reading
from bms.model.readings.metering import Quantity
from bms.savings.portfolio.ranking import Metric
from tests.rigs.fakes.api import HTML, NOW, World, YearFeed, a_world, live_in, meters
from tests.rigs.fakes.city import HOUR, another_lodge, lodge
from tests.rigs.fakes.cooling import registers, with_volume


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three lodges with the same meters: of 100, 200 and 400 m2; a fourth without any reading."""
    areas = {"a": 100.0, "b": 200.0, "c": 400.0, "silent": 200.0}
    sites = tuple(another_lodge(name, area) for name, area in areas.items())
    made = a_world(tmp_path_factory.mktemp("four"), sites=sites, open_dashboard=True)
    for name in "abc":
        made.store.add_readings(
            replace(row, point=row.point.replace("lodge/", f"{name}/")) for row in meters()
        )
    return made


async def get(world: World, path: str, **headers: str):
    async with world.browser(**(headers or world.key("read"))) as browser:
        return await browser.get(path)


class TestRanking:
    @pytest.mark.slow
    async def test_the_worst_comes_first_with_its_peers(self, world: World) -> None:
        body = (await get(world, "/v1/portfolio/ranking?metric=electricity_kwh_m2")).json()
        assert (body["metric"], body["unit"]) == ("electricity_kwh_m2", "kWh/m2")
        rows = body["buildings"]
        assert [row["site"] for row in rows] == ["a", "b", "c", "silent"]
        first = rows[0]
        assert (first["rank"], first["of"], first["group"]) == (3, 3, "all")
        assert first["value"] == pytest.approx(2 * rows[1]["value"])
        assert first["median"] == pytest.approx((rows[1]["value"] + rows[2]["value"]) / 2)
        less = first["at_median_kwh"]
        assert less == pytest.approx(first["distance"] * 100.0)
        assert first["at_median_dkk"] == pytest.approx(less * 2.5)
        assert first["notes"][0]["en"] == "Peer comparison, no proof."
        assert rows[-1]["value"] is None

    @pytest.mark.slow
    async def test_pages_follow_the_order(self, world: World) -> None:
        seen, cursor = [], ""
        for _ in range(4):
            path = f"/v1/portfolio/ranking?metric=base_load_w_m2&order=best&limit=1{cursor}"
            body = (await get(world, path)).json()
            seen += [row["site"] for row in body["buildings"]]
            cursor = f"&cursor={body['next']}"
        assert seen == ["c", "b", "a", "silent"]
        assert body["next"] is None

    @pytest.mark.slow
    @pytest.mark.parametrize("metric", [each.value for each in Metric])
    async def test_every_metric_has_a_value(self, world: World, metric: str) -> None:
        body = (await get(world, f"/v1/portfolio/ranking?metric={metric}")).json()
        assert all(row["value"] is not None for row in body["buildings"][:3])

    @pytest.mark.parametrize("query", ["metric=beauty", "order=random", "cursor=nobody"])
    async def test_what_is_not_known_is_refused(self, world: World, query: str) -> None:
        answer = await get(world, f"/v1/portfolio/ranking?{query}")
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_without_weather_electricity_is_still_ranked(self, tmp_path: Path) -> None:
        world = a_world(tmp_path)
        live_in(world)
        dark = world.rewired(feed=_NoWeather())
        for metric, known in (("heat_kwh_m2", False), ("night_share", True)):
            body = (await get(dark, f"/v1/portfolio/ranking?metric={metric}")).json()
            assert (body["buildings"][0]["value"] is not None) is known

    @pytest.mark.parametrize("language", ["da", "en"])
    async def test_the_page_has_a_bar_for_each_and_no_promise(
        self, world: World, language: str
    ) -> None:
        page = (await get(world, f"/ranking?metric=weekend_share&lang={language}", **HTML)).text
        words = {"da": "ikke et bevis", "en": "no proof"}
        assert words[language] in page
        assert page.count("<g><title>") == 3
        assert page.count('<th scope="row"><a href="/sites/') == 4


class _NoWeather(YearFeed):
    """A feed of prices only."""

    def weather(self, *args: object, **kwargs: object) -> WeatherSeries:
        raise FeedError("weather is away")


class TestCooling:
    @pytest.fixture
    def cooled(self, tmp_path: Path) -> World:
        made = a_world(tmp_path, sites=(with_volume(),), open_dashboard=True)
        registers(made.store, date(2018, 1, 1), NOW.date(), {2018: 28.0, 2019: 25.0})
        return made

    async def test_a_meter_has_its_months_its_fee_and_the_years_end(self, cooled: World) -> None:
        body = (await get(cooled, "/v1/portfolio/cooling")).json()
        (row,) = body["meters"]
        assert (row["id"], row["site"], row["year"], row["until"]) == (
            "lodge/heat",
            "lodge",
            2019,
            "2019-01-28",
        )
        assert row["cooling_k"] == pytest.approx(25.0)
        assert row["volume_m3"] == pytest.approx(270.0)
        assert row["fee_dkk"] == pytest.approx(5 * 8.0 * row["energy_mwh"])
        assert row["fee_with_vat_dkk"] == pytest.approx(1.25 * row["fee_dkk"])
        assert row["rule"]["malus_with_vat_dkk_per_k_mwh"] == 10.0
        assert [month["month"] for month in row["months"]] == ["2019-01-01"]
        end = row["forecast"]
        assert end["cooling_low_k"] < end["cooling_k"] < end["cooling_high_k"]
        assert end["fee_low_dkk"] < end["fee_dkk"] < end["fee_high_dkk"]
        assert body["next"] is None

    async def test_the_page_marks_poor_cooling(self, cooled: World) -> None:
        page = (await get(cooled, "/cooling?lang=da", **HTML)).text
        assert '<span class="pill attention">25,0</span>' in page
        assert "uden moms" in page

    async def test_a_city_without_such_meters_has_none(self, world: World) -> None:
        body = (await get(world, "/v1/portfolio/cooling")).json()
        assert (body["meters"], body["next"]) == ([], None)


class TestSavings:
    @pytest.mark.slow
    async def test_sites_come_in_pages_and_the_sum_is_always_whole(self, world: World) -> None:
        whole = (await get(world, "/v1/portfolio/savings")).json()
        first = (await get(world, "/v1/portfolio/savings?limit=2")).json()
        assert [row["site"] for row in first["sites"]] == ["a", "b"]
        assert first["next"] == "b"
        rest = (await get(world, "/v1/portfolio/savings?limit=2&cursor=b")).json()
        assert [row["site"] for row in rest["sites"]] == ["c", "silent"]
        assert rest["next"] is None
        assert first["portfolio"] == rest["portfolio"] == whole["portfolio"]

    @pytest.mark.slow
    async def test_months_add_up_and_the_year_to_date_is_told(self, world: World) -> None:
        body = (await get(world, "/v1/portfolio/savings?reporting=2018-11-20..2019-01-28")).json()
        for told in (body["sites"][0], body):
            savings = told.get("savings") or told["portfolio"]
            if not savings["months"]:
                continue
            assert sum(m["saving_kwh"] for m in savings["months"]) == pytest.approx(
                savings["saving_kwh"]
            )
            year = told["year_to_date"]
            assert (year["since"], year["until"]) == ("2019-01-01", "2019-01-01")
            assert year["saving_kwh"] == pytest.approx(savings["months"][-1]["saving_kwh"])
        assert body["sites"][0]["savings"]["months"]


async def test_what_a_supplier_delivers_is_no_age_of_polling(tmp_path: Path) -> None:
    """Polling has stopped for an hour; a meter file that came meanwhile does not hide it."""
    site = lodge()
    address = SupplierAddress(number="571313", quantity=Quantity.ENERGY, interval=True)
    points = tuple(
        replace(point, device="", address=address) if point.id == "lodge/hp.energy" else point
        for point in site.points
    )
    world = a_world(tmp_path, sites=(replace(site, points=points),), open_dashboard=True)
    world.store.add_readings(
        [Reading("lodge/hall.temp", NOW - HOUR, 20.0), Reading("lodge/hp.energy", NOW, 1.0)]
    )
    text = (await get(world, "/metrics")).text
    assert 'bms_reading_age_seconds{site="lodge"} 3600' in text
