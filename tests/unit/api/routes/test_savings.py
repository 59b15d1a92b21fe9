"""Savings over HTTP: since our control began and of chosen periods."""

import pytest

from tests.rigs.fakes.api import SHARE


async def test_savings_are_told_since_our_first_write(browser):
    body = (await browser.get("/v1/sites/lodge/savings")).json()
    assert body["control_start"] == "2019-01-13T23:00:00Z"
    assert body["reporting"] == {"start": "2019-01-13T23:00:00Z", "end": "2019-01-27T23:00:00Z"}
    assert body["baseline"] == {"start": "2018-01-13T23:00:00Z", "end": "2019-01-13T23:00:00Z"}
    savings = body["savings"]
    assert savings["verdict"] in ("verified", "indicative")
    true_kwh = savings["measured_kwh"] * (1 / SHARE - 1)
    assert savings["saving_low_kwh"] <= true_kwh <= savings["saving_high_kwh"]
    assert [meter["meter_id"] for meter in savings["meters"]] == ["lodge/heat", "lodge/el"]


async def test_savings_are_valued_at_the_mean_prices(browser):
    savings = (await browser.get("/v1/sites/lodge/savings")).json()["savings"]
    heat, el = (meter["saving_kwh"] for meter in savings["meters"])
    # electricity: spot 0..3 by the quarter of the hour, mean 1.5, and 1; heat: 0.5
    assert savings["cost_dkk"] == pytest.approx(heat * 0.5 + el * 2.5)
    assert savings["co2_kg"] == pytest.approx(heat * 0.1 + el * 3.0)


async def test_savings_of_chosen_periods(browser):
    body = (
        await browser.get(
            "/v1/sites/lodge/savings?reporting=2019-01-01..2019-01-11"
            "&baseline=2018-01-12..2018-12-31"
        )
    ).json()
    assert body["reporting"]["start"] == "2018-12-31T23:00:00Z"
    assert body["savings"]["meters"][0]["n"] > 60


@pytest.mark.parametrize(
    "query",
    [
        "reporting=2019-01-11..2019-01-01",
        "reporting=2019-01-41..2019-02-01",
        "reporting=last+week",
        "baseline=2010-01-01..2019-01-01",
    ],
)
async def test_wrong_periods_are_refused(browser, query):
    answer = await browser.get(f"/v1/sites/lodge/savings?{query}")
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/v1/sites/lodge/savings.csv", "/v1/portfolio/savings.csv"])
async def test_savings_as_a_table(browser, path):
    plain = await browser.get(path)
    assert plain.headers["content-type"] == "text/csv; charset=utf-8"
    assert plain.headers["content-disposition"].endswith('.csv"')
    assert plain.text.startswith("building,building_name,meter_id")
    danish = await browser.get(f"{path}?decimal_comma=true")
    assert danish.content.startswith(b"\xef\xbb\xbfBygnings-id;")


async def test_the_portfolio_is_the_sum(browser):
    body = (await browser.get("/v1/portfolio/savings")).json()
    (site,) = body["sites"]
    assert body["portfolio"]["saving_kwh"] == pytest.approx(site["savings"]["saving_kwh"])


async def test_a_page_names_what_the_data_of_a_meter_cannot_show(browser):
    """The heat meter of the lodge: an hour off cannot be seen on it."""
    heat = (await browser.get("/v1/sites/lodge/savings")).json()["savings"]["meters"][0]
    (said,) = (each["words"] for each in heat["findings"] if each["code"] == "clock_unseen")
    page = (await browser.get("/sites/lodge/savings")).text
    assert said["da"] in page or said["en"] in page
