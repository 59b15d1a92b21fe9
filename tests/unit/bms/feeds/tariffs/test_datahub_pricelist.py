"""The DataHub price list with its traps."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.tariffs.book import TariffBook
from bms.feeds.tariffs.datahub_pricelist import (
    ChargeCode,
    PriceListing,
    hourly_prices,
    pricelist_url,
    read_pricelist,
)
from tests.rigs.feeds.answers import envelope
from tests.rigs.feeds.server import payload

RECORDED = "eds_DatahubPricelist_Konstant_Energinet"
BOOK = TariffBook.load()
GRID = BOOK.listings["konstant_c_grid"]
ROWS = read_pricelist(payload(RECORDED))


def changed(**values: object) -> bytes:
    """The first row of the recorded list with other values."""
    row = json.loads(payload(RECORDED))["records"][0]
    return envelope([{**row, **values}])


def price(listing: PriceListing, day: str, hour: int) -> float:
    return float(hourly_prices(ROWS, listing, date.fromisoformat(day))[hour])


class TestThePriceList:
    def test_it_is_asked_for_from_its_beginning(self) -> None:
        parts = urlsplit(pricelist_url("https://host", BOOK.listings.values(), date(2026, 3, 3)))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (query["start"], query["end"], query["limit"]) == ("2014-01-01", "2026-03-03", "0")
        wanted = json.loads(query["filter"])
        assert wanted["ChargeType"] == ["D03"]
        assert wanted["GLN_Number"] == ["5790000432752", "5790000704842"]
        assert {"C_FBTNTR_B", "C_FBTNTR_R", "151-NT01T", "40000", "EA-001"} <= {
            *wanted["ChargeTypeCode"]
        }

    def test_the_row_in_force_is_chosen_and_not_one_of_the_future(self) -> None:
        assert price(GRID, "2026-03-15", 17) == pytest.approx(0.5449)
        assert price(GRID, "2026-04-01", 17) == pytest.approx(0.2361)
        tax = BOOK.listings["elafgift"]
        assert price(tax, "2025-12-31", 0) == pytest.approx(0.72)
        assert price(tax, "2026-01-01", 0) == pytest.approx(0.008)

    def test_empty_hours_are_those_of_a_constant_price(self) -> None:
        assert {price(BOOK.listings["energinet_system"], "2027-05-05", h) for h in range(24)} == {
            0.049
        }

    def test_an_empty_hour_among_others_is_not_known(self) -> None:
        (row,) = read_pricelist(changed(Price5=None))
        assert np.isnan(row.hourly).tolist() == [i == 4 for i in range(24)]

    def test_discounts_are_added_while_they_hold(self) -> None:
        assert price(GRID, "2026-09-20", 0) == pytest.approx(0.0605)
        assert price(GRID, "2026-09-21", 0) == pytest.approx(0.0605 - 0.0111)
        assert price(GRID, "2026-09-25", 17) == pytest.approx(0.2361 - 0.0432)
        assert price(GRID, "2026-09-26", 0) == pytest.approx(0.0605)

    def test_old_and_new_code_are_never_added(self) -> None:
        for day in ("2026-02-28", "2026-03-01", "2026-03-31"):
            assert price(GRID, day, 17) == pytest.approx(0.5449)
        both = PriceListing(
            gln=GRID.gln, codes=(ChargeCode(code="151-NT01T"), ChargeCode(code="C_FBTNTR_B"))
        )
        assert np.isnan(hourly_prices(ROWS, both, date(2026, 3, 15))).all()

    def test_a_subscription_is_no_price_of_a_kilowatt_hour(self) -> None:
        assert "C_FBAHM__B" not in {row.code for row in ROWS}
        assert "41004" not in {row.code for row in ROWS}

    @pytest.mark.parametrize("end", [None, {"Data": None, "DayOfWeek": 0}])
    def test_an_end_that_is_an_object_or_empty_is_open(self, end: object) -> None:
        (row,) = read_pricelist(changed(ValidTo=end))
        assert row.end is None

    def test_where_nothing_is_in_force_nothing_is_known(self) -> None:
        assert np.isnan(hourly_prices(ROWS, GRID, date(2025, 12, 31))).all()
        assert np.isnan(hourly_prices(ROWS, GRID, date(2027, 1, 1))).all()

    def test_an_unknown_resolution_is_refused_by_name(self) -> None:
        with pytest.raises(FeedError, match="PT15M"):
            read_pricelist(changed(ResolutionDuration="PT15M"))

    def test_a_list_without_a_tariff_is_refused(self) -> None:
        with pytest.raises(FeedError, match="no tariff"):
            read_pricelist(envelope([]))

    @pytest.mark.parametrize(
        "values", [{"ValidFrom": None}, {"ValidFrom": "spring"}, {"ValidTo": "later"}]
    )
    def test_a_row_without_a_day_is_refused(self, values: dict[str, object]) -> None:
        with pytest.raises(FeedError, match="DatahubPricelist"):
            read_pricelist(changed(**values))
