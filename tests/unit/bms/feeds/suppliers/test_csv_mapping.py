"""The mapping file of a CSV format: what it declares, and all its mistakes at once."""

import pytest

from bms.errors import ConfigError
from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.model.readings.metering import Quantity

WHOLE = """\
columns:
  number: Målernr
  time: [Dato, Kl]
  values:
    - {column: Energi, quantity: energy, unit: MWh}
    - {column: Volumen, quantity: volume, unit: m3}
separator: ";"
decimal: ","
thousands: "."
timezone: Europe/Copenhagen
stamp: end
interval_s: 3600
encoding: latin-1
time_format: "%d-%m-%Y %H:%M"
ambiguous: first
"""


def mistakes(text):
    with pytest.raises(ConfigError) as caught:
        CsvMapping.from_yaml(text, "m.yaml")
    return str(caught.value).splitlines()


class TestAMapping:
    def test_declares_everything(self):
        assert CsvMapping.from_yaml(WHOLE) == CsvMapping(
            number="Målernr",
            time=("Dato", "Kl"),
            values=(
                ValueColumn(column="Energi", quantity=Quantity.ENERGY, unit="MWh"),
                ValueColumn(column="Volumen", quantity=Quantity.VOLUME, unit="m3"),
            ),
            separator=";",
            decimal=",",
            thousands=".",
            timezone="Europe/Copenhagen",
            stamp="end",
            interval_s=3600,
            encoding="latin-1",
            time_format="%d-%m-%Y %H:%M",
            ambiguous="first",
        )

    def test_keeps_the_default_of_what_it_leaves_out(self):
        assert CsvMapping.from_yaml("separator: tab\n") == CsvMapping(separator="\t")

    def test_says_register_for_values_that_are_no_amounts(self):
        assert CsvMapping.from_yaml("interval_s: register\n").interval_s == 0

    def test_a_single_column_of_time_is_a_text(self):
        text = WHOLE.replace("[Dato, Kl]", "Tid")
        assert CsvMapping.from_yaml(text).time == ("Tid",)


class TestAWrongMapping:
    def test_is_told_all_its_mistakes_with_their_lines(self):
        text = (
            "columns:\n"
            "  number: [5]\n"
            "  values:\n"
            "    - {column: E, quantity: energi, unit: MWh}\n"
            "    - {column: V, quantity: volume, unit: kWh}\n"
            "    - Energi\n"
            "seperator: ';'\n"
            "decimal: x\n"
            "timezone: Mars/Olympus\n"
            "interval_s: 5\n"
            "time_format: '%H:%M'\n"
        )
        found = mistakes(text)
        assert [line.split(":")[1] for line in found] == [
            *("1", "2", "4", "5", "6", "7", "8", "9", "10", "11")
        ]
        assert found[0] == "m.yaml:1: columns: time is missing"
        assert "known are energy, export, volume" in found[2]
        assert "'kWh' is no unit of volume; known are m3, l" in found[3]
        assert "'seperator' is not known; known are ambiguous, columns" in found[5]
        assert "write Europe/Copenhagen or UTC" in found[7]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("decimal: ','\nthousands: ','\n", "have to differ"),
            ("interval_s: register\nstamp: end\n", "says nothing of registers"),
            ("- a\n", "has to be a mapping"),
            ("a: [", "not YAML"),
            ("separator: ';'\nseparator: ','\n", "not YAML"),
            ("", "has to be a mapping"),
            ("columns: 3\n", "number, time and values"),
            ("separator: ';;'\n", "one sign"),
            ("stamp: middle\n", "known are start, end"),
            ("encoding: utf-7\n", "known are utf-8"),
            ("interval_s: true\n", "register, or seconds"),
            ("time_format: '%Q'\n", "time_format"),
            ("columns: {number: a, time: b, values: []}\n", "list of {column"),
            ("columns: {number: a, time: b, values: [{column: x}]}\n", "quantity is missing"),
            ("[" * 1000, "nested deeper"),
            ("[" * 19_000, "not YAML"),
            ("<<: {separator: ','}\n", "merge key"),
            ("separator: !x ','\n", "has a tag"),
            ("".join(f"k{i}: 1\n" for i in range(1500)), "and 1400 more mistakes"),
            ("#" * 30_000, "longer than"),
        ],
    )
    def test_says_what_is_allowed(self, text, word):
        assert any(word in line for line in mistakes(text))
