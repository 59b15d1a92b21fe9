"""CSV from suppliers: what is read, what is refused with its line, and what spoils a whole file."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping, ValueColumn
from bms.feeds.suppliers.csv_reader import read_csv
from bms.feeds.suppliers.text import text_of
from bms.feeds.suppliers.values import UNITS
from bms.model.readings.metering import Quantity
from bms.model.readings.reading import Quality
from bms.model.readings.units import Unit

HEADER = "meter_id,timestamp_utc,kwh\n"
PLAIN = CsvMapping(interval_s=3600)
DANISH = CsvMapping(
    number="Måler",
    time=("Tid",),
    values=(ValueColumn(column="Forbrug", quantity=Quantity.ENERGY, unit="kWh"),),
    separator=";",
    decimal=",",
    timezone="Europe/Copenhagen",
    time_format="%d-%m-%Y %H:%M",
    interval_s=3600,
)
DANISH_HEADER = "Måler;Tid;Forbrug\n"


def read(text, mapping=PLAIN, name="file.csv"):
    return read_csv(text.encode() if isinstance(text, str) else text, name, mapping)


def values(found):
    return [row.value for row in found.rows]


def hours(found):
    return [datetime.fromtimestamp(row.time, UTC).strftime("%d %H:%M") for row in found.rows]


def refused(found):
    return {mistake.line: mistake.message for mistake in found.mistakes}


def one_value(text, **changes):
    """The rows of a file with one value, in tabs so that it may hold any sign."""
    mapping = replace(PLAIN, separator="\t", **changes)
    return read(f"meter_id\ttimestamp_utc\tkwh\na\t2026-01-01T00:00Z\t{text}\n", mapping)


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
        column = ValueColumn(column="kwh", quantity=Quantity.ENERGY, unit="therm")
        with pytest.raises(FeedError, match="'therm' is no unit of energy; known are Wh, kWh"):
            one_value("1", values=(column,))


class TestTheNightOfTheAutumnChange:
    def test_two_equal_hours_are_told_apart_by_their_order(self):
        rows = "".join(f"a;25-10-2026 {h:02}:00;{i}\n" for i, h in enumerate([1, 2, 2, 3]))
        found = read(DANISH_HEADER + rows, DANISH)
        assert hours(found) == ["24 23:00", "25 00:00", "25 01:00", "25 02:00"]

    def test_also_where_the_newest_row_comes_first(self):
        rows = "".join(f"a;25-10-2026 {h:02}:00;{i}\n" for i, h in enumerate([3, 2, 2, 1]))
        found = read(DANISH_HEADER + rows, DANISH)
        assert hours(found) == ["25 02:00", "25 01:00", "25 00:00", "24 23:00"]

    def test_quarters_step_back_where_the_second_pass_begins(self):
        stamps = [f"{h:02}:{q:02}" for h in (2, 2, 3) for q in (0, 15, 30, 45)]
        rows = "".join(f"a;25-10-2026 {stamp};1\n" for stamp in stamps)
        found = read(DANISH_HEADER + rows, replace(DANISH, interval_s=900))
        times = [row.time for row in found.rows]
        assert [later - sooner for sooner, later in pairwise(times)] == [900] * 11

    def test_meters_do_not_mix(self):
        rows = "".join(f"{meter};25-10-2026 02:00;{i}\n" for i, meter in enumerate("abab"))
        found = read(DANISH_HEADER + rows, DANISH)
        assert hours(found) == ["25 00:00", "25 00:00", "25 01:00", "25 01:00"]

    def test_a_single_one_may_be_either_and_is_refused(self):
        found = read(DANISH_HEADER + "a;25-10-2026 01:00;1\na;25-10-2026 02:00;2\n", DANISH)
        assert values(found) == [1.0]
        assert "ambiguous: first or second" in refused(found)[3]

    @pytest.mark.parametrize(("rule", "hour"), [("first", "25 00:00"), ("second", "25 01:00")])
    def test_unless_the_mapping_says_which(self, rule, hour):
        mapping = replace(DANISH, ambiguous=rule)
        assert hours(read(DANISH_HEADER + "a;25-10-2026 02:00;2\n", mapping)) == [hour]

    def test_refusing_can_be_declared(self):
        mapping = replace(DANISH, ambiguous="refuse")
        found = read(DANISH_HEADER + "a;25-10-2026 02:00;2\n" * 2, mapping)
        assert sorted(refused(found)) == [2, 3]

    def test_a_third_pass_is_one_too_many(self):
        found = read(DANISH_HEADER + "a;25-10-2026 02:00;2\n" * 3, DANISH)
        assert hours(found) == ["25 00:00", "25 01:00"]
        assert list(refused(found)) == [4]

    def test_hours_by_their_end(self):
        rows = "".join(f"a;25-10-2026 {h:02}:00;{i}\n" for i, h in enumerate([2, 2, 3]))
        found = read(DANISH_HEADER + rows, replace(DANISH, stamp="end"))
        assert hours(found) == ["24 23:00", "25 00:00", "25 01:00"]


class TestTheNightOfTheSpringChange:
    def test_an_hour_that_does_not_exist_is_refused(self):
        found = read(DANISH_HEADER + "a;29-03-2026 02:00;1\na;29-03-2026 03:00;2\n", DANISH)
        assert hours(found) == ["29 01:00"]
        assert "does not exist in Europe/Copenhagen" in refused(found)[2]

    @pytest.mark.parametrize("stamp", ["02:00", "03:00"])
    def test_an_hour_may_end_at_the_jump_written_either_way(self, stamp):
        found = read(DANISH_HEADER + f"a;29-03-2026 {stamp};1\n", replace(DANISH, stamp="end"))
        assert hours(found) == ["29 00:00"]

    def test_but_not_within_it(self):
        found = read(DANISH_HEADER + "a;29-03-2026 02:15;1\n", replace(DANISH, stamp="end"))
        assert list(refused(found)) == [2]


class TestTheInterval:
    LEARNED = replace(PLAIN, interval_s=None)

    def of(self, stamps, mapping=None):
        rows = "".join(f"a,{stamp},1\n" for stamp in stamps)
        return read(HEADER + rows, mapping or self.LEARNED)

    def test_is_learned_from_the_meters_own_stamps(self):
        text = HEADER + "".join(
            f"a,2026-01-05T{h:02}:00Z,1\nb,2026-01-05T00:{15 * h:02}Z,1\n" for h in (0, 1, 2, 3)
        )
        found = read(text, self.LEARNED)
        assert {(row.number, row.interval_s) for row in found.rows} == {("a", 3600), ("b", 900)}

    def test_gaps_and_the_order_of_rows_do_not_matter(self):
        found = self.of([f"2026-01-05T{h:02}:00Z" for h in (9, 8, 1, 2, 3, 4, 6, 9)])
        assert {row.interval_s for row in found.rows} == {3600}
        assert len(found.rows) == 8

    @pytest.mark.parametrize(
        "stamps",
        [
            ["2026-01-05T00:00Z"],
            ["2026-01-05T00:00Z", "2026-01-05T01:00Z", "2026-01-05T03:00Z"],
            ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"],
            ["2026-01-05T00:00:00Z", "2026-01-05T00:00:01Z", "2026-01-05T00:00:02Z"],
        ],
    )
    def test_is_asked_for_where_it_is_unclear(self, stamps):
        found = self.of(stamps)
        assert found.rows == ()
        assert len(found.mistakes) == len(stamps)
        assert "declare interval_s" in found.mistakes[0].message

    def test_a_row_off_the_grid_of_its_meter_is_refused(self):
        stamps = [f"2026-01-05T{h:02}:00Z" for h in range(9)]
        found = self.of([*stamps, "2026-01-05T09:20Z"])
        assert len(found.rows) == 9
        assert list(refused(found)) == [11]

    def test_local_days_have_23_24_and_25_hours(self):
        zone = ZoneInfo("Europe/Copenhagen")
        mapping = replace(self.LEARNED, timezone=zone.key)
        spring = self.of([f"2026-03-{day}" for day in (27, 28, 29, 30, 31)], mapping)
        assert [row.interval_s // 3600 for row in spring.rows] == [24, 24, 23, 24, 24]
        autumn = self.of(
            [f"2026-10-{day}" for day in (24, 25, 26, 27, 28)], replace(mapping, stamp="end")
        )
        assert [row.interval_s // 3600 for row in autumn.rows] == [24, 24, 25, 24, 24]
        starts = [datetime.fromtimestamp(row.time, zone) for row in autumn.rows]
        assert [(start.day, start.hour) for start in starts] == [
            (day, 0) for day in (23, 24, 25, 26, 27)
        ]


class TestAFile:
    TEXT = "Måler;Tid;Forbrug\nå1;05-01-2026 01:00;1,5\n"

    @pytest.mark.parametrize(
        ("content", "encoding"),
        [
            (TEXT.encode(), "utf-8"),
            (TEXT.encode("utf-8-sig"), "utf-8"),
            (TEXT.replace("\n", "\r\n").encode(), "utf-8"),
            (TEXT.replace("\n", "\r").encode(), "utf-8"),
            (("sep=;\n" + TEXT).encode(), "utf-8"),
            (("\n\n" + TEXT + "\n\n").encode(), "utf-8"),
            (TEXT.encode("latin-1"), "latin-1"),
            (TEXT.encode("cp1252"), "cp1252"),
            (TEXT.encode("utf-16"), "utf-8"),
            (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-8"),
            (TEXT.encode("utf-16-le"), "utf-16"),
            (gzip.compress(TEXT.encode(), mtime=0), "utf-8"),
            (
                gzip.compress(TEXT[:9].encode(), mtime=0)
                + gzip.compress(TEXT[9:].encode(), mtime=0),
                "utf-8",
            ),
        ],
    )
    def test_may_be_encoded_and_packed_in_many_ways(self, content, encoding):
        found = read(content, replace(DANISH, encoding=encoding))
        assert [(row.number, row.value) for row in found.rows] == [("å1", 1.5)]
        assert found.mistakes == ()

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"", "empty"),
            (b" \n\r\n", "empty"),
            (b"\x00" * 50, "no text"),
            (b"<!DOCTYPE html><html>login</html>", "HTML"),
            (b"\xef\xbb\xbf \n<HTML>", "HTML"),
            (b"<?xml version='1.0'?>", "XML"),
            (b"PK\x03\x04rest", "zip"),
            (b"\xd0\xcf\x11\xe0rest", "Excel"),
            (b"%PDF-1.4", "PDF"),
            (b'{"result": []}', "column 'meter_id' is missing; it looks like JSON"),
            (b"meter_id;timestamp_utc;kwh\n", "separated by semicolons"),
            (
                b"meter_id,kwh\n",
                "column 'timestamp_utc' is missing; the header names meter_id, kwh",
            ),
            (gzip.compress(HEADER.encode(), mtime=0)[:-9], "breaks off"),
            (gzip.compress(HEADER.encode(), mtime=0)[:3], "breaks off"),
            (b"\x1f\x8b\x08\x00garbage that is no gzip", "damaged gzip"),
            (gzip.compress(HEADER.encode(), mtime=0) + b"more", "something else follows"),
        ],
    )
    def test_that_is_something_else_says_what_it_looks_like(self, content, word):
        with pytest.raises(FeedError) as caught:
            read(content, name="night.csv")
        assert word in str(caught.value)
        assert str(caught.value).startswith("night.csv")

    def test_that_unpacks_to_more_than_memory_should_hold_is_refused(self):
        bomb = gzip.compress(b"\n" * 3_000_000, mtime=0)
        assert len(bomb) < 10_000
        with pytest.raises(FeedError, match="more than 2 MB of text; split it"):
            text_of(bomb, "bomb.csv", wanted="CSV", limit=2_000_000)

    def test_with_a_header_and_no_rows_is_empty_and_no_mistake(self):
        found = read(HEADER, replace(PLAIN, interval_s=None))
        assert (found.rows, found.mistakes) == ((), ())

    def test_gives_its_mistakes_by_line(self):
        text = DANISH_HEADER + "a;25-10-2026 02:00;1\na;x;1\n"
        assert [mistake.line for mistake in read(text, DANISH).mistakes] == [2, 3]
