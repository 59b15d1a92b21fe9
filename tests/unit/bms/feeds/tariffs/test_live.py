"""The DataHub price list with its traps, tariffs that follow it, and standing charges of heat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.clock import VirtualClock
from bms.errors import ConfigError, FeedError
from bms.feeds.client.http import HttpxClient
from bms.feeds.live import ADDRESSES, live_tariffs
from bms.feeds.tariffs.book import DATA, TariffBook
from bms.feeds.tariffs.datahub_pricelist import (
    Code,
    Listing,
    hourly_prices,
    pricelist_url,
    read_pricelist,
)
from bms.model.readings.series import Series
from bms.ports.feeds import Tariffs
from tests.rigs.feeds.answers import HOUR, envelope
from tests.rigs.feeds.server import FeedServer, Reply, payload

RECORDED = "eds_DatahubPricelist_Konstant_Energinet"
BOOK = TariffBook.load()
GRID = BOOK.listings["konstant_c_grid"]
ROWS = read_pricelist(payload(RECORDED))
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
PATH = "/dataset/DatahubPricelist"


def changed(**values: object) -> bytes:
    """The first row of the recorded list with other values."""
    row = json.loads(payload(RECORDED))["records"][0]
    return envelope([{**row, **values}])


def price(listing: Listing, day: str, hour: int) -> float:
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
        both = Listing(gln=GRID.gln, codes=(Code(code="151-NT01T"), Code(code="C_FBTNTR_B")))
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

    def test_an_unknown_resolution_is_left_out(self) -> None:
        assert read_pricelist(changed(ResolutionDuration="PT15M")) == ()

    @pytest.mark.parametrize(
        "values", [{"ValidFrom": None}, {"ValidFrom": "spring"}, {"ValidTo": "later"}]
    )
    def test_a_row_without_a_day_is_refused(self, values: dict[str, object]) -> None:
        with pytest.raises(FeedError, match="DatahubPricelist"):
            read_pricelist(changed(**values))


class Rig:
    def __init__(self, server: FeedServer, folder: Path) -> None:
        self.server = server
        self.clock = VirtualClock(datetime(2026, 9, 22, 8, tzinfo=UTC))
        self.tariffs: Tariffs = live_tariffs(
            folder,
            self.clock,
            BOOK,
            web=HttpxClient(user_agent="bms", timeout_s=2),
            addresses=dict.fromkeys(ADDRESSES, server.address),
        )

    def at(self, moment: datetime, tariffs: Tariffs | None = None) -> float:
        spot = Series(moment.astimezone(UTC), HOUR, np.array([1.0]))
        return float((tariffs or self.tariffs).electricity("konstant_c", spot).values[0]) - 1.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with FeedServer() as server:
        server.says(PATH, Reply(payload(RECORDED)))
        yield Rig(server, tmp_path)


class TestLiveTariffs:
    def test_a_discount_of_the_list_is_in_the_price(self, rig: Rig) -> None:
        evening = datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN)
        assert rig.at(evening) == pytest.approx(0.2361 - 0.0432 + 0.043 + 0.072 + 0.008)
        assert rig.at(evening, BOOK) == pytest.approx(0.2361 + 0.043 + 0.072 + 0.008)

    def test_hours_are_local_on_the_day_the_clocks_change(self, rig: Rig) -> None:
        begin = datetime(2026, 3, 29, tzinfo=COPENHAGEN).astimezone(UTC)
        spot = Series(begin, timedelta(minutes=15), np.zeros(92))
        grid = rig.tariffs.electricity("konstant_c", spot).values - (0.043 + 0.072 + 0.008)
        assert (grid[: 5 * 4] < 0.061).all()
        assert grid[5 * 4] == pytest.approx(0.1816)

    def test_days_that_the_list_does_not_have_are_the_books(self, rig: Rig) -> None:
        winter = datetime(2027, 1, 14, 18, tzinfo=COPENHAGEN)
        assert rig.at(winter) == pytest.approx(0.5449 + 0.056 + 0.049 + 0.008)

    def test_without_a_list_the_book_stands(self, rig: Rig) -> None:
        rig.server.says(PATH, Reply(status=500))
        evening = datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN)
        assert rig.at(evening) == pytest.approx(rig.at(evening, BOOK))

    def test_one_request_a_day_for_all_sites(self, rig: Rig) -> None:
        for _ in range(50):
            rig.at(datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN))
        assert rig.server.paths() == [PATH]
        rig.clock.advance(25 * HOUR)
        rig.at(datetime(2026, 9, 22, 18, tzinfo=COPENHAGEN))
        assert rig.server.paths() == [PATH] * 2

    def test_an_unknown_tariff_is_still_named(self, rig: Rig) -> None:
        spot = Series(rig.clock.now(), HOUR, np.zeros(1))
        with pytest.raises(ConfigError, match="'n1_c'; known: konstant_c"):
            rig.tariffs.electricity("n1_c", spot)

    def test_heat_and_cooling_are_the_books(self, rig: Rig) -> None:
        start = rig.clock.now()
        for name in ("heat", "heat_emissions"):
            ours, theirs = (
                getattr(t, name)("kredslob", start, HOUR, 3).values for t in (rig.tariffs, BOOK)
            )
            np.testing.assert_array_equal(ours, theirs)
        rule = rig.tariffs.cooling_rule("kredslob", date(2026, 1, 1))
        assert rule is not None
        assert rule.below_k == 30


class TestTheBook:
    def test_a_year_of_heat_costs_by_meter_area_and_capacity(self) -> None:
        old = BOOK.standing_charge("kredslob", date(2022, 5, 1))
        new = BOOK.standing_charge("kredslob", date(2026, 5, 1))
        assert old is not None
        assert new is not None
        # with VAT: 1740 + 13 x 1000 DKK in 2021, 910 + 19.50 x 1000 DKK in 2024
        assert old.year_dkk("qp_3.5-6", 1000.0) * 1.25 == pytest.approx(14_740)
        assert new.year_dkk("qp_1.5-2.5", 1000.0) * 1.25 == pytest.approx(20_410)
        with pytest.raises(ConfigError, match=r"'qp_3.5-6'; known: qp_1.5-2.5"):
            new.year_dkk("qp_3.5-6", 1000.0)
        assert BOOK.standing_charge("kredslob", date(2020, 1, 1)) is None
        assert BOOK.standing_charge("oil", date(2022, 1, 1)) is None

    def test_heat_may_cost_more_in_winter_and_by_capacity(self, tmp_path: Path) -> None:
        text = DATA.read_text("utf-8").replace(
            "heat:                   # [DKK/kWh]",
            'heat:\n  seasonal:\n    - {from: 2024-01-01, winter: 0.7, summer: 0.3, source: ""}',
        )
        text = text.replace(
            "heat_standing:",
            "heat_standing:\n  seasonal:\n"
            '    - {from: 2024-01-01, fixed: {all: 100}, per_kw: 50, source: ""}\n#',
        )
        (tmp_path / "tariffs.yaml").write_text(text, "utf-8")
        book = TariffBook.load(tmp_path / "tariffs.yaml")
        spring = datetime(2026, 3, 31, 21, tzinfo=UTC)
        assert book.heat("seasonal", spring, HOUR, 2).values.tolist() == [0.7, 0.3]
        charge = book.standing_charge("seasonal", date(2026, 1, 1))
        assert charge is not None
        assert charge.year_dkk("all", 0.0, 20.0) == 1100.0

    def test_the_names_are_those_that_a_site_may_have(self) -> None:
        assert BOOK.names.electricity == {"konstant_c"}
        assert BOOK.names.heat == {"kredslob"}

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            ("to: 2026-03-01}, {code: C_FB", "to: 2026-03-02}, {code: C_FB", "at the same time"),
            ("{code: 151-NT01T, to: 2026-03-01}", "{code: 151-NT01T}", "at the same time"),
            ("{code: 151-NT01T, to: 2026-03-01}", "{code: 151-NT01T, to: soon}", "are days"),
            ("per_m2: 13", "per_m2: -13", "negative price"),
            ("per_m2: 13", "per_sqm: 13", "has no per_sqm"),
        ],
    )
    def test_slips_in_the_file_are_named(
        self, tmp_path: Path, old: str, new: str, why: str
    ) -> None:
        text = DATA.read_text("utf-8")
        assert old in text
        (tmp_path / "tariffs.yaml").write_text(text.replace(old, new, 1), "utf-8")
        with pytest.raises(ConfigError, match=why):
            TariffBook.load(tmp_path / "tariffs.yaml")
