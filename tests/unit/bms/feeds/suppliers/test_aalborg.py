"""The REST answer of Aalborg Forsyning (a preset after public descriptions)."""

import json
from datetime import UTC, datetime

import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.aalborg import read_aalborg
from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.model.readings.metering import Quantity

READING = {
    "Kundenummer": 12,
    "MeterID": 999999999,
    "Aflæsningstidspunkt": "2026-01-05T10:00:00",
    "Energi1Varmeenergi": 12.345,
    "Energi1VarmeenergiEnhed": "MWh",
    "Volumen": 678.9,
}
MAPPED = CsvMapping(
    number="MeterID",
    time=("Aflæsningstidspunkt",),
    values=(ValueColumn(column="Energi1Varmeenergi", quantity=Quantity.ENERGY, unit="kWh"),),
    timezone="Europe/Copenhagen",
    interval_s=0,
)


def read(document, mapping=None):
    return read_aalborg(json.dumps(document).encode(), "answer.json", mapping)


def told(found):
    return [(row.number, row.quantity, row.value) for row in found.rows]


class TestAReading:
    def test_is_a_register_at_its_moment_in_local_time(self):
        found = read([READING])
        assert told(found) == [
            ("999999999", Quantity.ENERGY, 12345.0),
            ("999999999", Quantity.VOLUME, 678.9),
        ]
        moment = int(datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp())
        assert {(row.time, row.interval_s, row.line) for row in found.rows} == {(moment, 0, 1)}
        assert found.mistakes == ()
        assert found.ignored == ("Kundenummer",)

    def test_is_found_whatever_the_case_of_its_names(self):
        assert told(read([{key.upper(): value for key, value in READING.items()}])) == told(
            read([{key.lower(): value for key, value in READING.items()}])
        )

    @pytest.mark.parametrize(
        "document",
        [
            READING,
            {"data": [READING]},
            {"Result": {"Readings": [READING]}},
            [{"MeterID": 999999999, "values": [{**READING, "MeterID": None}]}],
        ],
    )
    def test_may_lie_inside_other_objects(self, document):
        assert told(read(document)) == told(read([READING]))

    def test_without_the_unit_of_its_energy_is_not_guessed(self):
        bare = {key: value for key, value in READING.items() if "Enhed" not in key}
        found = read([bare, bare])
        assert {row.quantity for row in found.rows} == {Quantity.VOLUME}
        (mistake,) = found.mistakes
        assert "'Energi1Varmeenergi' is left out" in mistake.message
        assert "declare it in a mapping" in mistake.message

    def test_is_read_as_a_mapping_declares(self):
        found = read([READING], MAPPED)
        assert told(found) == [("999999999", Quantity.ENERGY, 12.345)]

    def test_with_a_null_is_missing(self):
        found = read([{**READING, "Volumen": None}])
        assert [row.value for row in found.rows] == [12345.0, None]

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"Aflæsningstidspunkt": "soon"}, "'soon' is no ISO 8601 time"),
            ({"Aflæsningstidspunkt": None}, "no time"),
            ({"MeterID": None}, "no meter number"),
            ({"Aflæsningstidspunkt": "2026-03-29T02:30:00"}, "does not exist"),
        ],
    )
    def test_that_cannot_be_used_spares_the_others(self, changes, word):
        found = read([READING, {**READING, **changes}, READING])
        assert [row.line for row in found.rows] == [1, 1, 3, 3]
        (mistake,) = found.mistakes
        assert mistake.line == 2
        assert word in mistake.message

    def test_of_the_repeated_hour_is_told_apart_by_its_order(self):
        stamps = [f"2026-10-25T{hour}:00:00" for hour in ("01", "02", "02", "03")]
        found = read([{**READING, "Aflæsningstidspunkt": stamp} for stamp in stamps], MAPPED)
        times = [row.time for row in found.rows]
        assert [later - times[0] for later in times] == [0, 3600, 7200, 10800]


class TestAnAnswer:
    def test_without_readings_is_empty(self):
        assert read([]).rows == ()

    @pytest.mark.parametrize(
        ("document", "word"),
        [
            ({"RegisteredMeters": [1, 2]}, "the list of meters"),
            ({"access_token": "x"}, "no object has a time"),
            ({"Message": "denied"}, "no object has a time"),
        ],
    )
    def test_that_is_another_one_says_so(self, document, word):
        with pytest.raises(FeedError, match=word):
            read(document)
