"""Prices and emission factors of Energi Data Service, and the usual day that ends them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.electricity import energidata
from tests.rigs.feeds.answers import envelope
from tests.rigs.feeds.server import payload

RECORDED = "eds_DayAheadPrices_2025-11-05"
START = datetime(2025, 11, 4, 23, tzinfo=UTC)


def spoilt(change) -> bytes:
    answer = json.loads(payload(RECORDED))
    change(answer["records"])
    return json.dumps(answer).encode()


class TestDayAhead:
    def test_the_recorded_day(self) -> None:
        seen = energidata.read_day_ahead(payload(RECORDED))
        west = seen.by_area["DK1"]
        assert west.seconds[0] == START.timestamp()
        assert (np.diff(west.seconds) == 900).all()
        assert len(west) == 96
        np.testing.assert_allclose(west.values[:2], [0.212229192, 0.502942845])
        assert len(seen.by_area["DK2"]) == 0
        assert seen.dkk_per_eur is None

    def test_a_price_without_dkk_is_taken_from_eur_at_the_last_rate(self) -> None:
        seen = energidata.read_day_ahead(
            spoilt(lambda rows: [row.update(DayAheadPriceDKK=None) for row in rows[90:]])
        )
        assert seen.dkk_per_eur == pytest.approx(7.4676, abs=1e-4)
        whole = energidata.read_day_ahead(payload(RECORDED)).by_area["DK1"].values
        np.testing.assert_allclose(seen.by_area["DK1"].values, whole, rtol=1e-5)

    def test_without_any_rate_the_central_one_is_taken_and_said(self) -> None:
        seen = energidata.read_day_ahead(
            spoilt(lambda rows: [row.update(DayAheadPriceDKK=None) for row in rows])
        )
        assert np.isfinite(seen.by_area["DK1"].values).all()
        assert seen.dkk_per_eur == pytest.approx(7.46038)

    def test_a_rate_that_cannot_be_is_none(self) -> None:
        def swapped(rows: list[dict[str, object]]) -> None:
            for row in rows[:90]:
                row["DayAheadPriceDKK"] = row["DayAheadPriceEUR"]
            for row in rows[90:]:
                row["DayAheadPriceDKK"] = None

        values = energidata.read_day_ahead(spoilt(swapped)).by_area["DK1"].values
        whole = energidata.read_day_ahead(payload(RECORDED)).by_area["DK1"].values
        np.testing.assert_allclose(values[90:], whole[90:], rtol=0.01)

    def test_the_rate_is_of_the_last_day_with_both(self) -> None:
        rows = [
            {
                "TimeUTC": f"2026-01-0{day}T12:00:00",
                "PriceArea": "DK1",
                "DayAheadPriceDKK": 100 * rate if rate else None,
                "DayAheadPriceEUR": 100,
            }
            for day, rate in ((1, 7.40), (2, 7.45), (3, 7.50), (4, None))
        ]
        seen = energidata.read_day_ahead(envelope(rows))
        assert seen.dkk_per_eur == pytest.approx(7.50)
        assert seen.by_area["DK1"].values[-1] == pytest.approx(0.750)

    def test_negative_prices_are_prices(self) -> None:
        seen = energidata.read_day_ahead(
            spoilt(lambda rows: rows[0].update(DayAheadPriceDKK=-400.5))
        )
        assert seen.by_area["DK1"].values[0] == pytest.approx(-0.4005)

    @pytest.mark.parametrize(
        ("date", "quarters"), [("2026-03-29", 92), ("2026-10-25", 100), ("2026-05-05", 96)]
    )
    def test_days_on_which_the_clocks_change_are_keyed_on_utc(
        self, date: str, quarters: int
    ) -> None:
        begin = datetime.fromisoformat(f"{date}T00:00:00").astimezone(UTC)
        rows = [
            {
                "TimeUTC": (begin + timedelta(minutes=15 * i)).strftime("%Y-%m-%dT%H:%M:%S"),
                "TimeDK": "2026-10-25T02:00:00",
                "PriceArea": "DK1",
                "DayAheadPriceDKK": float(i),
            }
            for i in range(quarters)
        ]
        seen = energidata.read_day_ahead(envelope(rows)).by_area["DK1"]
        assert len(seen) == quarters
        np.testing.assert_allclose(seen.values, np.arange(quarters) / 1000)

    def test_a_truncated_answer_is_refused(self) -> None:
        answer = json.loads(payload(RECORDED))
        answer["records"] = answer["records"][:40]
        with pytest.raises(FeedError, match="only 40 of 96 records came"):
            energidata.read_day_ahead(json.dumps(answer).encode())

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b'{"records": {}}', b'{"records": [1]}', b'{"records": [{}]}']
    )
    def test_another_shape_is_refused_by_name(self, body: bytes) -> None:
        with pytest.raises(FeedError, match="DayAheadPrices"):
            energidata.read_day_ahead(body)


def test_hours_of_elspot_become_four_quarters() -> None:
    row = {"HourUTC": "2025-01-01T12:00:00", "PriceArea": "DK2", "SpotPriceDKK": 500.0}
    seen = energidata.read_elspot(envelope([row])).by_area["DK2"]
    assert seen.values.tolist() == [0.5] * 4
    assert (seen.seconds - seen.seconds[0]).tolist() == [0, 900, 1800, 2700]


@pytest.mark.parametrize(
    ("start", "end", "dataset", "last"),
    [
        ("2025-01-01", "2026-01-01", "Elspotprices", "2025-09-30T22:00"),
        ("2025-10-01", "2026-01-01", "DayAheadPrices", "2026-01-01T00:00"),
    ],
)
def test_prices_come_from_the_dataset_of_their_time(
    start: str, end: str, dataset: str, last: str
) -> None:
    begin, until = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (start, end))
    parts = urlsplit(energidata.prices_url(energidata.BASE, begin, until))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == f"/dataset/{dataset}"
    assert query["end"] == last
    assert query["timezone"] == "UTC"
    assert query["limit"] == "0"
    assert json.loads(query["filter"]) == {"PriceArea": ["DK1", "DK2"]}


class TestEmissions:
    def test_the_made_up_day_becomes_quarters(self) -> None:
        seen = energidata.read_emissions(
            payload("eds_CO2EmisProg_SYNTHETIC_VALUES"), "CO2EmisProg"
        )["DK1"]
        assert len(seen) == 96
        assert seen.seconds[0] == datetime(2026, 10, 6, 22, tzinfo=UTC).timestamp()
        assert seen.values[0] == pytest.approx((110 + 111 + 112) / 3 / 1000)

    def test_a_quarter_of_which_a_part_is_missing_is_not_known(self) -> None:
        answer = json.loads(payload("eds_CO2EmisProg_SYNTHETIC_VALUES"))
        del answer["records"][4]
        answer["records"][6]["CO2Emission"] = None
        answer["total"] = 287
        seen = energidata.read_emissions(json.dumps(answer).encode(), "CO2EmisProg")["DK1"]
        assert len(seen) == 95, "the quarter of 22:15 is left out"
        assert np.isnan(seen.values[1]), "and that of 22:30 unknown"
        assert np.isfinite(seen.values[2:]).all()
