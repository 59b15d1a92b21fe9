"""Numbers and units of suppliers → ours."""

import re
from dataclasses import replace

import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.csv_mapping import ValueColumn
from bms.feeds.suppliers.numbers_and_units import UNITS, NumberStyle, parse_number, unit_scale
from bms.model.readings.metering import Quantity
from tests.rigs.feeds.supplier_csv import PLAIN, read, refused, values


def one_value(text, **changes):
    """The rows of a file with one value, in tabs so that it may hold any sign."""
    mapping = replace(PLAIN, separator="\t", **changes)
    return read(f"meter_id\ttimestamp_utc\tkwh\na\t2026-01-01T00:00Z\t{text}\n", mapping)


class TestANumber:
    @pytest.mark.parametrize(
        ("text", "changes", "value"),
        [
            ("1.5", {}, 1.5),
            ("+1.5", {}, 1.5),
            ("-0.5", {}, -0.5),
            (" 1.5 ", {}, 1.5),
            (".5", {}, 0.5),
            ("1.5E2", {}, 150.0),
            ("−3", {}, -3.0),
            ("1,5", {"decimal": ","}, 1.5),
            ("1.234,5", {"decimal": ",", "thousands": "."}, 1234.5),
            ("1.234", {"decimal": ",", "thousands": "."}, 1234.0),
            ("12,5", {"decimal": ",", "thousands": "."}, 12.5),
            ("1 234 567,5", {"decimal": ",", "thousands": " "}, 1234567.5),
            ("1\u00a0234,5", {"decimal": ",", "thousands": " "}, 1234.5),
            ("1,234,567.5", {"thousands": ","}, 1234567.5),
        ],
    )
    def test_is_read_as_declared(self, text, changes, value):
        assert values(one_value(text, **changes)) == [value]

    @pytest.mark.parametrize(
        ("text", "changes"),
        [
            ("1.234,5", {}),
            ("1.234,5", {"decimal": ","}),
            ("1.234", {"decimal": ","}),
            ("1,234", {}),
            ("1.23", {"decimal": ",", "thousands": "."}),
            ("1.2345", {"decimal": ",", "thousands": "."}),
            ("1,5,5", {"decimal": ","}),
            ("0x10", {}),
            ("1e", {}),
            ("e5", {}),
            ("１２", {}),
            ("1.5 kWh", {}),
            ("9" * 400, {}),
            ("Infinity", {}),
        ],
    )
    def test_is_refused_where_it_could_mean_something_else(self, text, changes):
        found = one_value(text, **changes)
        assert found.rows == ()
        assert refused(found)

    @pytest.mark.parametrize(
        ("text", "quantity", "unit", "value"),
        [
            ("1.001", "energy", "MWh", 1001.0),
            ("0.0035", "energy", "MWh", 3.5),
            ("1500", "energy", "Wh", 1.5),
            ("3.6", "energy", "GJ", 1000.0),
            ("36", "energy", "MJ", 10.0),
            ("2", "energy", "GWh", 2e6),
            ("1234", "volume", "l", 1.234),
            ("1.5", "volume", "m³", 1.5),
            ("800", "flow", "l/h", 0.8),
            ("2", "power", "MW", 2000.0),
            ("60.5", "flow_temp", "°C", 60.5),
            ("7", "return_energy", "m³·°C", 7.0),
        ],
    )
    def test_is_converted_exactly(self, text, quantity, unit, value):
        column = ValueColumn(column="kwh", quantity=Quantity(quantity), unit=unit)
        (row,) = one_value(text, values=(column,)).rows
        assert row.value == value
        assert row.unit in {scale.unit for scale in UNITS[Quantity(quantity)].values()}

    def test_in_an_unknown_unit_makes_the_file_useless(self):
        column = ValueColumn(column="kwh", quantity=Quantity.ENERGY, unit="ton")
        with pytest.raises(FeedError, match="'ton' is no unit of energy; known are Wh, kWh"):
            one_value("1", values=(column,))


@pytest.mark.parametrize(
    ("unit", "kwh"), [("Gcal", 1163.0), ("MMBtu", 293.0710701722), ("therm", 29.30710701722)]
)
def test_energy_in_units_of_other_countries_is_read(unit, kwh):
    scale = unit_scale(Quantity.ENERGY, unit)
    assert parse_number("1", scale) == pytest.approx(kwh, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["4.384,197", "4,384.197", "1 234 567,5", "12'500.25", "1.234.567"]
)
def test_the_advice_about_a_thousands_separator_is_taken_when_it_is_followed(text):
    scale = unit_scale(Quantity.ENERGY, "kWh")
    with pytest.raises(ValueError, match="thousands") as caught:
        parse_number(text, scale)
    mark = re.search(r"thousands: (['\"])(.)\1", str(caught.value))[2]
    point = re.search(r"decimal: '(.)'", str(caught.value))[1]
    value = parse_number(text, scale, NumberStyle(point, mark))
    assert value == float(text.replace(mark, "").replace(point, "."))
