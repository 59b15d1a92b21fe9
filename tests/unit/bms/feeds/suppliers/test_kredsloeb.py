"""The drop file of district heating (a preset after public descriptions)."""

from datetime import UTC, datetime

import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.kredsloeb import read_kredsloeb
from bms.model.readings.metering import Quantity

HEADER = (
    "Målernummer;Tidspunkt;Energi [MWh];Volumen [m3];Fremløb [m3*°C];Retur [m3*°C];"
    "Middeleffekt [kW];Middelflow [l/h];Adresse"
)
ROW = "6841234;05-01-2026 10:00;123,456;4567,89;300000,5;150000,5;12,5;340;Skolevej 1"


def read(*lines, encoding="utf-8"):
    return read_kredsloeb("\n".join(lines).encode(encoding), "drop.csv")


def told(found):
    return [(row.quantity, row.value, str(row.unit)) for row in found.rows]


class TestADropFile:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
    def test_holds_registers_and_states_at_their_moment(self, encoding):
        found = read(HEADER, ROW, encoding=encoding)
        assert told(found) == [
            (Quantity.ENERGY, 123456.0, "kWh"),
            (Quantity.VOLUME, 4567.89, "m3"),
            (Quantity.FLOW_ENERGY, 300000.5, "m3*degC"),
            (Quantity.RETURN_ENERGY, 150000.5, "m3*degC"),
            (Quantity.POWER, 12.5, "kW"),
            (Quantity.FLOW, 0.34, "m3/h"),
        ]
        assert {row.number for row in found.rows} == {"6841234"}
        assert {row.interval_s for row in found.rows} == {0}
        moment = datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp()
        assert {row.time for row in found.rows} == {moment}
        assert found.mistakes == ()
        assert found.ignored == ("Adresse",)

    @pytest.mark.parametrize(
        ("header", "row"),
        [
            ("Meter ID;Timestamp;Energy (kWh)", "1;2026-01-05T10:00;5"),
            ("meter_no;date;time;energy_kwh", "1;2026-01-05;10:00;5"),
            ("MÅLERNR.;Dato;Klokkeslæt;ENERGI kWh", "1;05-01-2026;10:00:00;5"),
            ("Måler;Dato;Tid;Varmeenergi [kwh]", "1;05.01.2026;10:00;5"),
            ("Energi [kWh];Tidsstempel;Serienummer", "5;05/01/2026 10:00;1"),
        ],
    )
    def test_is_read_by_its_headings_in_any_order_danish_and_english(self, header, row):
        found = read(header, row)
        moment = int(datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp())
        assert [(r.number, r.time, r.value) for r in found.rows] == [("1", moment, 5.0)]

    def test_takes_forward_and_return_in_degrees_as_temperatures(self):
        found = read("Måler;Tid;Fremløb [°C];Retur °C", "1;2026-01-05 10:00;70,5;38")
        assert told(found) == [
            (Quantity.FLOW_TEMP, 70.5, "degC"),
            (Quantity.RETURN_TEMP, 38.0, "degC"),
        ]

    def test_needs_no_unit_where_heat_meters_share_one(self):
        found = read("Måler;Tid;Volumen;E8;Returtemperatur", "1;2026-01-05 10:00;1;2;3")
        assert [str(row.unit) for row in found.rows] == ["m3", "m3*degC", "degC"]

    @pytest.mark.parametrize(
        ("heading", "word"),
        [
            ("Energi", "its unit does not stand in the file"),
            ("Flow", "its unit does not stand in the file"),
            ("Fremløb", "its unit does not stand in the file"),
            ("Energi [kr]", "'kr' is no unit of energy"),
            ("Volume [m3]", "another column with volume"),
        ],
    )
    def test_leaves_a_column_of_unknown_unit_out_and_says_so_once(self, heading, word):
        found = read(f"Måler;Tid;Volumen [m3];{heading}", *["1;2026-01-05 10:00;1;2"] * 3)
        assert {row.quantity for row in found.rows} == {Quantity.VOLUME}
        (mistake,) = found.mistakes
        assert mistake.line == 1
        assert word in mistake.message
        assert "declare a mapping" in mistake.message

    def test_refuses_a_number_with_a_point_for_it_may_be_a_thousand_times_less(self):
        found = read("Måler;Tid;Energi [MWh]", "1;2026-01-05 10:00;12.345")
        assert found.rows == ()
        assert [mistake.line for mistake in found.mistakes] == [2]

    def test_a_damaged_byte_in_a_row_does_not_change_how_the_others_are_read(self):
        lines = "\n".join([HEADER, ROW, ROW.replace("10:00", "11:00")]).encode()
        damaged = lines.replace(b"Skolevej 1", b"Skolevej \xe6", 1)
        assert len(read_kredsloeb(damaged, "drop.csv").rows) == 12

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"a;b;c\n1;2;3\n", "a meter number (M\u00e5lernummer) and a time"),
            (b"Maaler;Tid;Energi\n1;2026-01-05 10:00;1\n", "its unit does not stand"),
            (b"Maaler;Energi [kWh]\n1;2\n", "a time (Tidspunkt)"),
            (b"Maaler,Tid,Energi [kWh]\n", "the header lacks"),
            (b"<html></html>", "HTML"),
            (b"", "empty"),
        ],
    )
    def test_that_is_something_else_says_what_is_lacking(self, content, word):
        with pytest.raises(FeedError, match=r"drop\.csv") as caught:
            read_kredsloeb(content, "drop.csv")
        assert word in str(caught.value)
