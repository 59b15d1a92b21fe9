"""CSV from suppliers: what is read, what is refused with its line, and what spoils a whole file."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.model.readings.measurement import Quality
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit
from tests.rigs.feeds.supplier_csv import (
    DANISH,
    DANISH_HEADER,
    HEADER,
    PLAIN,
    hours,
    read,
    refused,
    values,
)


class TestARow:
    def test_is_an_amount_from_the_start_of_its_hour(self):
        (row,) = read(HEADER + "5713,2026-01-05T10:00:00Z,1.25\n").rows
        assert row == (
            "5713",
            Quantity.ENERGY,
            int(datetime(2026, 1, 5, 10, tzinfo=UTC).timestamp()),
            1.25,
            Unit.KWH,
            3600,
            Quality.GOOD,
            2,
        )

    def test_with_an_empty_value_is_missing_and_not_zero(self):
        found = read(HEADER + "a,2026-01-05T10:00Z,\na,2026-01-05T11:00Z,  \n")
        assert values(found) == [None, None]
        assert {row.quality for row in found.rows} == {Quality.ABSENT}
        assert found.mistakes == ()

    def test_may_stand_in_columns_of_another_order_between_others(self):
        found = read("kwh,note,timestamp_utc,meter_id\n2,x,2026-01-05T10:00Z,a\n")
        assert [(row.number, row.value) for row in found.rows] == [("a", 2.0)]
        assert found.ignored == ("note",)

    def test_may_hold_the_separator_in_quotes(self):
        found = read(HEADER + '"a, north",2026-01-05T10:00Z,"1.5"\n')
        assert [(row.number, row.value) for row in found.rows] == [("a, north", 1.5)]

    def test_honours_the_offset_of_its_stamp(self):
        found = read(HEADER + "a,2026-07-01T02:00:00+02:00,1\n")
        assert hours(found) == ["01 00:00"]

    def test_may_end_with_a_separator(self):
        assert values(read(HEADER + "a,2026-01-05T10:00Z,1,\n")) == [1.0]

    def test_is_one_row_per_column_of_values(self):
        mapping = replace(
            PLAIN,
            interval_s=0,
            values=(
                ValueColumn(column="MWh", quantity=Quantity.ENERGY, unit="MWh"),
                ValueColumn(column="m3", quantity=Quantity.VOLUME, unit="m3"),
            ),
        )
        found = read("meter_id,timestamp_utc,MWh,m3\na,2026-01-05T10:00Z,1.001,x\n", mapping)
        assert [(row.quantity, row.value, row.interval_s) for row in found.rows] == [
            (Quantity.ENERGY, 1001.0, 0)
        ]
        assert refused(found) == {2: "m3: 'x' is no number"}

    def test_may_have_its_time_in_two_columns(self):
        mapping = replace(DANISH, time=("Dato", "Kl"))
        text = "Måler;Dato;Kl;Forbrug\na;05-01-2026;01:00;1\na;05-01-2026;02:00;2\n"
        assert hours(read(text, mapping)) == ["05 00:00", "05 01:00"]

    def test_is_stamped_with_its_start_where_the_file_marks_the_end(self):
        found = read(HEADER + "a,2026-01-05T11:00Z,1\n", replace(PLAIN, stamp="end"))
        assert hours(found) == ["05 10:00"]

    def test_may_end_at_24_00(self):
        mapping = replace(DANISH, stamp="end", time_format="%d-%m-%Y %H:%M")
        found = read(DANISH_HEADER + "a;05-01-2026 24:00;1\n", mapping)
        assert hours(found) == ["05 22:00"]


class TestABadRow:
    def test_is_named_by_its_line_and_spares_the_others(self):
        text = (
            HEADER
            + "a,2026-01-05T00:00Z,1\n"
            + "a,2026-01-05T01:00Z,many\n"  # 3
            + "a,yesterday,1\n"  # 4
            + "a,2026-01-05T03:00Z\n"  # 5
            + ",2026-01-05T04:00Z,1\n"  # 6
            + "a,1899-01-05T05:00Z,1\n"  # 7
            + "a,2026-01-05T06:00Z,nan\n"  # 8
            + "a,2026-01-05T07:00Z,-inf\n"  # 9
            + "a,2026-01-05T08:00Z,1,2\n"  # 10
            + 'a,2026-01-05T09:00Z,"1\n'  # 11: an open quote ends with its line
            + "a,2026-01-05T10:00Z,1_000\n"  # 12
            + "a,2026-01-05T11:00Z,1e99\n"  # 13
            + "\n"
            + "a,2026-01-05T12:00Z,2\n"
        )
        found = read(text)
        assert sorted(refused(found)) == [3, 4, 5, 6, 7, 8, 9, 10, 12, 13]
        assert values(found) == [1.0, 1.0, 2.0]
        assert [row.line for row in found.rows] == [2, 11, 15]

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("a,2026-01-05T00:00Z,1,5\n", "needs quotes"),
            ("a,2026-01-05T00:00Z\n", "cut short"),
            ("a,05/01/2026,1\n", "time_format"),
            ('a,2026-01-05T00:00Z,"1,5"\n', "declare decimal: ','"),
            ('a,2026-01-05T00:00Z,"1,234.5"\n', "declare thousands: ','"),
            ("a,2026-01-05T00:00Z,NaN\n", "a missing value is left empty"),
            (" ,2026-01-05T00:00Z,1\n", "a row needs its meter"),
            ("5" * 65 + ",2026-01-05T00:00Z,1\n", "longer than any"),
        ],
    )
    def test_is_told_the_way_out(self, text, word):
        assert word in refused(read(HEADER + text))[2]

    def test_never_carries_a_text_that_cannot_be_printed(self):
        found = read(HEADER.encode() + b"m\xe5ler,2026-01-05T00:00Z,1\na,2026-01-05T00:00Z,\xff\n")
        assert found.rows == ()
        assert "latin-1" in refused(found)[2]
        assert all(mistake.message.isprintable() for mistake in found.mistakes)


def mapped(text, yaml):
    return read(text, CsvMapping.from_yaml(yaml))


class TestAColumnOfUnits:
    def test_refuses_rows_in_another_unit_than_is_declared(self):
        header = DANISH_HEADER.replace("\n", ";Enhed\n")
        lines = "1;05-01-2026 10:00;1,5;kWh\n1;05-01-2026 11:00;0,0015;MWh\n1;05-01-2026 12:00;2;\n"
        found = read(header + lines + "1;05-01-2026 13:00;3;m³\n1;05-01-2026 14:00;4;KWH\n", DANISH)
        assert values(found) == [1.5, 2.0, 4.0]
        assert list(refused(found)) == [3, 5]
        assert "unit: MWh" in refused(found)[3]

    def test_that_says_what_is_no_unit_is_left_alone(self):
        found = read("meter_id,timestamp_utc,kwh,unit\na,2026-01-05T10:00Z,2,Block 3\n")
        assert (values(found), found.ignored) == ([2.0], ("unit",))

    def test_is_left_alone_beside_several_columns_of_values(self):
        both = (*DANISH.values, ValueColumn(column="Vand", quantity=Quantity.VOLUME, unit="m3"))
        text = "Måler;Tid;Forbrug;Vand;Enhed\n1;05-01-2026 10:00;1,5;2;MWh\n"
        assert values(read(text, replace(DANISH, values=both))) == [1.5, 2.0]


class TestAnotherLayout:
    def test_may_have_lines_above_its_header(self):
        yaml = (
            "columns: {number: Måler, time: Tid, values: "
            "[{column: Forbrug, quantity: energy, unit: kWh}]}\n"
            "separator: ';'\ntimezone: Europe/Copenhagen\n"
        )
        text = (
            "Rapport;;\nSkole;;\n\nMåler;Tid;Forbrug\na;2026-01-05 00:00;1\na;2026-01-05 01:00;2\n"
        )
        assert values(mapped(text, yaml + "header: 4\n")) == [1.0, 2.0]
        assert values(mapped(text, yaml + "skip_lines: 2\n")) == [1.0, 2.0]

    def test_may_have_no_header(self):
        yaml = (
            "columns: {number: 1, time: [2, 3],"
            " values: [{column: 4, quantity: energy, unit: kWh}]}\n"
            "header: none\ntimezone: UTC\ninterval_s: 3600\n"
        )
        found = mapped("a,2026-01-05,00:00,1.5\na,2026-01-05,01:00,2\n", yaml)
        assert values(found) == [1.5, 2.0]
        assert [row.line for row in found.rows] == [1, 2]
        named = yaml.replace("none", "[m, d, t, v]").replace("number: 1", "number: m")
        named = named.replace("[2, 3]", "[d, t]").replace("column: 4", "column: v")
        assert values(mapped("a,2026-01-05,00:00,1.5\n", named)) == [1.5]

    def test_may_be_of_one_meter_whose_number_stands_nowhere(self):
        yaml = (
            "columns: {time: Fra, values: [{column: kWh, quantity: energy, unit: kWh}]}\n"
            "meter: 571313100000000001\ntimezone: UTC\ninterval_s: 3600\n"
        )
        (row,) = mapped("Fra,kWh\n2026-01-05T00:00,3\n", yaml).rows
        assert (row.number, row.value) == ("571313100000000001", 3.0)

    def test_may_have_a_column_for_each_meter(self):
        yaml = (
            "columns: {time: Tid, meters: {quantity: energy, unit: MWh}}\n"
            "decimal: ','\nseparator: ';'\ntimezone: Europe/Copenhagen\ninterval_s: 3600\n"
        )
        text = "Tid;571;572\n2026-01-05 00:00;0,001;\n2026-01-05 01:00;0,002;0,5\n"
        found = mapped(text, yaml)
        assert [(row.number, row.value) for row in found.rows] == [
            ("571", 1.0),
            ("572", None),
            ("571", 2.0),
            ("572", 500.0),
        ]
        assert found.mistakes == ()
        some = (
            "columns: {time: Tid,"
            " values: [{column: Hal, quantity: energy, unit: kWh, number: '9'}]}\n"
            "timezone: UTC\ninterval_s: 3600\n"
        )
        found = mapped("Tid,Hal,Skole\n2026-01-05 00:00,1,2\n", some)
        assert [(row.number, row.value) for row in found.rows] == [("9", 1.0)]
        assert found.ignored == ("Skole",)

    def test_may_have_the_days_of_a_spreadsheet(self):
        yaml = (
            "columns: {number: m, time: t, values: [{column: v, quantity: energy, unit: kWh}]}\n"
            "separator: ';'\ndecimal: ','\ntimezone: Europe/Copenhagen\ntime_format: excel\n"
        )
        found = mapped("m;t;v\na;46027;1\na;46027,0416666667;2\na;46027,0833333333;3\n", yaml)
        assert hours(found) == ["04 23:00", "05 00:00", "05 01:00"]
        unread = mapped("m;t;v\na;46027,5;1\n", yaml.replace("time_format: excel\n", ""))
        assert "time_format: excel" in refused(unread)[2]

    def test_keeps_the_quality_of_each_value(self):
        yaml = (
            "columns: {number: m, time: t, quality: Kvalitet,"
            " values: [{column: v, quantity: energy, unit: kWh}]}\n"
            "timezone: UTC\ninterval_s: 3600\nqualities: {prøve: uncertain, ok: good}\n"
        )
        words = {
            "Målt": Quality.GOOD,
            "A04": Quality.GOOD,
            "E01": Quality.GOOD,
            "ok": Quality.GOOD,
            "Estimeret": Quality.ESTIMATED,
            "Beregnet": Quality.CALCULATED,
            "Korrigeret": Quality.CORRECTED,
            "A03": Quality.ESTIMATED,
            "D01": Quality.CALCULATED,
            "A02": Quality.ABSENT,
            "A05": Quality.ABSENT,
            "prøve": Quality.UNCERTAIN,
            "et nyt ord": Quality.UNCERTAIN,
        }
        rows = "".join(f"a,2026-01-05T{hour:02}:00,1,{word}\n" for hour, word in enumerate(words))
        found = mapped("m,t,v,Kvalitet\n" + rows, yaml)
        assert [row.quality for row in found.rows] == list(words.values())
        assert all((row.value is None) == (row.quality is Quality.ABSENT) for row in found.rows)


class TestLocalStamps:
    yaml = (
        "columns: {number: m, time: Tid, values: [{column: v, quantity: energy, unit: kWh}]}\n"
        "interval_s: 3600\n"
    )

    def test_without_a_zone_are_told(self):
        found = mapped("m,Tid,v\na,2026-01-05T00:00,1\n", self.yaml)
        assert "timezone" in found.warnings[0]

    def test_with_a_zone_or_an_offset_are_not(self):
        text = "m,Tid,v\na,2026-01-05T00:00,1\n"
        assert mapped(text, self.yaml + "timezone: Europe/Copenhagen\n").warnings == ()
        assert mapped(text.replace("00:00", "00:00Z"), self.yaml).warnings == ()

    def test_in_a_column_of_utc_are_told_by_the_hour_that_clocks_skip(self):
        def night(*stamps):
            return read(HEADER + "".join(f"a,{stamp},1\n" for stamp in stamps))

        march = "2026-03-29T0"
        assert night(f"{march}1:00", f"{march}3:00").warnings != ()
        assert night(f"{march}1:00", f"{march}2:00", f"{march}3:00").warnings == ()
        assert night("2026-10-25T02:00", "2026-10-25T02:00").warnings != ()


class TestLengthsOfIntervals:
    start = datetime(2025, 9, 25, tzinfo=UTC)

    @pytest.mark.parametrize("days", [1, 6])
    def test_go_from_hours_to_quarters_in_one_file(self, days):
        stamps = [self.start + timedelta(hours=i) for i in range(24 * days)]
        stamps += [stamps[-1] + timedelta(hours=1, minutes=15 * i) for i in range(96)]
        text = HEADER + "".join(f"a,{stamp.isoformat()},1\n" for stamp in stamps)
        found = read(text, CsvMapping())
        assert found.mistakes == ()
        assert [row.interval_s for row in found.rows] == [3600] * 24 * days + [900] * 96

    def test_of_months_show_from_their_stamps(self):
        text = HEADER + "".join(f"a,2025-{month:02}-01T00:00Z,300\n" for month in range(1, 13))
        found = read(text, CsvMapping())
        assert found.mistakes == ()
        assert [row.interval_s // 86400 for row in found.rows[:4]] == [31, 28, 31, 30]
