"""Eloverblik's answers: recorded shape, quality codes, resolutions, and what is no use."""

import gzip
import json
from datetime import UTC, datetime

import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.eloverblik import read_eloverblik
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit
from tests.rigs.paths import ROOT

RECORDED = ROOT / "tests" / "data" / "feeds" / "eloverblik_timeseries.json"
DAY = ("2026-01-04T23:00:00Z", "2026-01-05T23:00:00Z")


def point(position, quantity="1.0", quality="A04"):
    return {
        "position": str(position),
        "out_Quantity.quantity": quantity,
        "out_Quantity.quality": quality,
    }


def result(points=(), *, between=DAY, resolution="PT1H", number="571313", **changes):
    series = {
        "mRID": number,
        "businessType": "A04",
        "curveType": "A01",
        "measurement_Unit.name": "KWH",
        "MarketEvaluationPoint": {"mRID": {"codingScheme": "A10", "name": number}},
        "Period": [
            {
                "resolution": resolution,
                "timeInterval": {"start": between[0], "end": between[1]},
                "Point": list(points),
            }
        ],
    }
    series |= {key.replace("__", "."): value for key, value in changes.items()}
    return {
        "MyEnergyData_MarketDocument": {"TimeSeries": [series]},
        "success": True,
        "errorCode": "10000",
        "errorText": "NoError",
        "id": number,
    }


def read(*results):
    return read_eloverblik(json.dumps({"result": list(results)}).encode(), "answer.json")


def starts(found, form="%m-%d %H:%M"):
    return [datetime.fromtimestamp(row.time, UTC).strftime(form) for row in found.rows]


class TestTheRecordedAnswer:
    @pytest.mark.parametrize("packed", [bytes, gzip.compress])
    def test_is_a_day_of_hours(self, packed):
        found = read_eloverblik(packed(RECORDED.read_bytes()), "answer.json")
        assert found.mistakes == ()
        assert starts(found) == ["12-31 23:00", *(f"01-01 {hour:02}:00" for hour in range(23))]
        assert {row[:2] + row[3:7] for row in found.rows} == {
            ("269841726498172468", Quantity.ENERGY, 1.0, Unit.KWH, 3600, Quality.GOOD)
        }
        assert [row.line for row in found.rows] == list(range(1, 25))


class TestAPoint:
    @pytest.mark.parametrize(
        ("code", "value", "quality"),
        [
            ("A01", 1.0, Quality.CALCULATED),
            ("A02", None, Quality.ABSENT),
            ("A03", 1.0, Quality.ESTIMATED),
            ("A04", 1.0, Quality.GOOD),
            ("A05", None, Quality.ABSENT),
            ("Z99", 1.0, Quality.UNCERTAIN),
            (None, 1.0, Quality.UNCERTAIN),
        ],
    )
    def test_is_worth_what_its_code_says(self, code, value, quality):
        (row,) = read(result([point(1, quality=code)])).rows
        assert (row.value, row.quality) == (value, quality)

    @pytest.mark.parametrize("quantity", ["", None])
    def test_without_a_quantity_is_missing(self, quantity):
        (row,) = read(result([point(1, quantity)])).rows
        assert (row.value, row.quality) == (None, Quality.ABSENT)

    def test_may_have_numbers_for_texts(self):
        (row,) = read(result([point(3) | {"position": 3, "out_Quantity.quantity": 0.12}])).rows
        assert row.value == 0.12

    def test_that_is_left_out_is_a_gap_and_no_row(self):
        found = read(result([point(1), point(4)]))
        assert starts(found) == ["01-04 23:00", "01-05 02:00"]

    @pytest.mark.parametrize(
        "bad",
        [
            point(0),
            point(25),
            point("x"),
            point(1, "many"),
            point(1, "NaN"),
            point(1, "1,5"),
            {},
            [],
            7,
        ],
    )
    def test_that_cannot_be_used_spares_its_neighbours(self, bad):
        found = read(result([point(1), bad, point(3)]))
        assert starts(found) == ["01-04 23:00", "01-05 01:00"]
        assert [(m.line, m.message.startswith("571313: ")) for m in found.mistakes] == [(2, True)]


class TestAPeriod:
    def test_of_quarters(self):
        found = read(result([point(1), point(96)], resolution="PT15M"))
        assert starts(found) == ["01-04 23:00", "01-05 22:45"]
        assert {row.interval_s for row in found.rows} == {900}

    def test_of_days_follows_the_local_calendar(self):
        between = ("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z")
        found = read(result([point(1), point(2), point(3)], between=between, resolution="P1D"))
        assert starts(found) == ["03-27 23:00", "03-28 23:00", "03-29 22:00"]
        assert [row.interval_s // 3600 for row in found.rows] == [24, 23, 24]

    def test_of_months_has_their_lengths(self):
        between = ("2025-12-31T23:00:00Z", "2026-04-30T22:00:00Z")
        points = [point(i) for i in (1, 2, 3, 4, 5)]
        found = read(result(points, between=between, resolution="P1M"))
        assert [row.interval_s / 86400 for row in found.rows] == [31, 28, 31 - 1 / 24, 30]
        assert [mistake.line for mistake in found.mistakes] == [5]

    def test_of_a_month_that_begins_late_ends_with_its_month(self):
        between = ("2026-01-14T23:00:00Z", "2026-02-28T23:00:00Z")
        found = read(result([point(1), point(2)], between=between, resolution="P1M"))
        assert [row.interval_s / 86400 for row in found.rows] == [17, 28]

    def test_of_years(self):
        between = ("2023-12-31T23:00:00Z", "2025-12-31T23:00:00Z")
        found = read(result([point(1), point(2)], between=between, resolution="P1Y"))
        assert [row.interval_s // 86400 for row in found.rows] == [366, 365]

    def test_of_the_autumn_night_has_25_hours(self):
        between = ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")
        found = read(result([point(25), point(26)], between=between))
        assert starts(found) == ["10-25 22:00"]
        assert len(found.mistakes) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"resolution": "PT7M"},
            {"resolution": None},
            {"between": ("2026-01-05", "2026-01-06T23:00:00Z")},
            {"between": ("2026-01-05T23:00:00Z", "2026-01-05T23:00:00Z")},
            {"between": (None, [])},
            {"between": ("0001-01-01T00:00:00+14:00", "2026-01-05T23:00:00Z")},
        ],
    )
    def test_that_is_not_understood_is_left_out_with_its_count(self, changes):
        found = read(result([point(1), point(2)], **changes), result([point(1)]))
        assert len(found.rows) == 1
        assert "571313: 2 values left out" in found.mistakes[0].message


class TestASeries:
    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"businessType": "A64"}, "'A64' and not A04"),
            ({"curveType": "A03"}, "blocks of fixed length"),
            ({"measurement_Unit__name": "KVARH"}, "'KVARH' and not energy"),
        ],
    )
    def test_that_is_no_use_is_left_out_and_said(self, changes, word):
        found = read(result([point(1), point(2)], **changes), result([point(1)], number="2"))
        assert [row.number for row in found.rows] == ["2"]
        (mistake,) = found.mistakes
        assert "2 values left out" in mistake.message
        assert word in mistake.message

    def test_of_production_is_export(self):
        found = read(result([point(1)], businessType="A01"), result([point(1)], number="2"))
        assert [row.quantity.value for row in found.rows] == ["export", "energy"]

    def test_in_megawatt_hours_is_converted(self):
        found = read(result([point(1, "1.001")], measurement_Unit__name="MWH"))
        assert found.rows[0].value == 1001.0

    def test_without_a_metering_point_takes_that_of_the_result(self):
        one = result([point(1)], number="77", mRID=None, MarketEvaluationPoint=None)
        assert [row.number for row in read(one).rows] == ["77"]


class TestAnAnswer:
    def test_with_an_error_for_one_point_keeps_the_others(self):
        error = {"success": False, "errorCode": "20010", "errorText": "NoConsent", "id": "571"}
        found = read(error, result([point(1)]))
        assert len(found.rows) == 1
        assert "571: Eloverblik gave no data: NoConsent (20010)" in found.mistakes[0].message

    def test_without_data_yet_is_empty(self):
        empty = {"MyEnergyData_MarketDocument": None, "success": True, "id": "1"}
        assert read(empty) == read()

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"", "empty"),
            (b"<html>", "HTML"),
            (b"meter_id,kwh", "not JSON: it begins with"),
            (b'{"result": [{"a": ', "breaks off"),
            (b'{"result": "some text', "breaks off"),
            (b'{"result": [}', "at character"),
            (b'{"result": "token"}', "no list 'result'"),
            (b'{"result": [{"x": 1}]}', "MyEnergyData_MarketDocument"),
            (b"[1, 2]", "no list 'result'"),
            (b"[" * 100_000, "nested too deeply"),
            (RECORDED.read_bytes()[:3000], "breaks off"),
        ],
    )
    def test_that_is_something_else_says_what_it_looks_like(self, content, word):
        with pytest.raises(FeedError, match=r"answer\.json") as caught:
            read_eloverblik(content, "answer.json")
        assert word in str(caught.value)
