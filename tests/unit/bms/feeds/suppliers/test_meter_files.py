"""Meter and weather files: what is read, what is named and left out, and what is refused."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.meter_files import read_meters, read_weather
from bms.feeds.suppliers.register_course import is_register

HEADER = "meter_id,timestamp_utc,kwh\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="file.csv"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


def hours(n, value="1.5", meter="a"):
    start = datetime(2018, 1, 1, tzinfo=UTC)
    return "".join(
        f"{meter},{start + timedelta(hours=i):%Y-%m-%d %H:%M:%S},{value}\n" for i in range(n)
    )


def lines(found):
    return [mistake.line for mistake in found.mistakes]


@pytest.mark.parametrize("name", ["m.csv", "m.csv.gz", "zipped_without_saying.gz"])
def test_hours_of_two_meters(written, name):
    found = read_meters(written(HEADER + hours(5) + hours(3, "2", "b"), name))
    assert found.mistakes == ()
    assert found.use["a"].start == datetime(2018, 1, 1, tzinfo=UTC)
    assert found.use["a"].step == timedelta(hours=1)
    assert found.use["a"].values.tolist() == [1.5] * 5
    assert found.use["b"].values.tolist() == [2.0] * 3


def test_stamps_with_offset_order_of_columns_and_further_columns(written):
    text = (
        "\ufeffkwh,note,timestamp_utc,meter_id\n"
        "2,x,2018-01-01T02:00:00+01:00,a\n"
        "1,,2018-01-01T00:00:00Z,a\n"
        "4,,2018-01-01T03:00,a\n"
    )
    found = read_meters(written(text)).use["a"]
    assert found.start == datetime(2018, 1, 1, tzinfo=UTC)
    np.testing.assert_array_equal(found.values, [1.0, 2.0, np.nan, 4.0])


def test_every_bad_row_is_named_and_the_rest_is_used(written):
    text = (
        HEADER
        + hours(4)
        + (
            "a,2018-01-01 04:00:00,many\n"  # 6
            "a,yesterday,1\n"  # 7
            "a,2018-01-01 05:00:00\n"  # 8
            ",2018-01-01 06:00:00,1\n"  # 9
            "a,2018-01-01 01:00:00,9\n"  # 10
            "a,2018-01-01 07:10:00,1\n"  # 11
            "a,1899-01-01 07:00:00,1\n"  # 12
            "a,2018-01-01 08:00:00,inf\n"  # 13
            "\n"
            "a,2018-01-01 09:00:00,\n"  # an empty value is a gap
            "a,2018-01-01 10:00:00,-3\n"  # for the screening to judge
        )
    )
    found = read_meters(written(text))
    assert lines(found) == [6, 7, 8, 9, 10, 11, 12, 13]
    values = found.use["a"].values
    assert values[:4].tolist() == [1.5, 9.0, 1.5, 1.5]
    assert np.isnan(values[4:10]).all()
    assert values[10] == -3.0
    assert "many" in found.mistakes[0].message


def test_days_are_spread_over_their_hours_and_months_are_bills(written):
    days = "".join(f"d,2018-03-{d:02}T{'00' if d < 26 else '23'}:00,24\n" for d in range(20, 26))
    text = HEADER + days + "m,2018-01-01,310\nm,2018-02-01,280\nm,2018-03-01,\nm,2018-04-01,300\n"
    found = read_meters(written(text))
    assert found.use["d"].step == timedelta(hours=1)
    assert found.use["d"].values.tolist() == [1.0] * 144
    assert set(found.bills) == {"m"}
    days_of_bills = np.diff(found.bills["m"].edges_s) // 86400
    assert days_of_bills.tolist() == [31, 28, 31, 30]
    np.testing.assert_array_equal(found.bills["m"].kwh, [310.0, 280.0, np.nan, 300.0])


def test_quarter_hours_become_hours(written):
    text = HEADER + "".join(f"a,2018-01-01 00:{m:02}:00,1\n" for m in (0, 15, 30, 45))
    use = read_meters(written(text)).use["a"]
    assert (use.step, use.values.tolist()) == (timedelta(hours=1), [4.0])


@pytest.mark.parametrize(
    "content", [b"", b"meter_id,time,kwh\na,2018-01-01,1\n", b"\x1f\x8bbroken"]
)
def test_a_file_that_is_no_such_table_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(FeedError, match=r"odd\.csv"):
        read_meters(path)


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + "måler,2018-01-01,1\n".encode("latin-1"))
    found = read_meters(path)
    assert not found.use
    assert "declare encoding: latin-1" in found.mistakes[0].message


def test_weather_with_and_without_sun(written):
    rows = [(f"2018-01-01 {h:02}:00:00", h) for h in range(6)]
    plain = "timestamp_utc,temp_air_c\n" + "".join(f"{t},{h}\n" for t, h in rows)
    sunny = "timestamp_utc,temp_air_c,ghi_wm2\n" + "".join(f"{t},{h},{10 * h}\n" for t, h in rows)
    assert read_weather(written(plain)).ghi_wm2 is None
    found = read_weather(written(sunny))
    assert found.temp_c.values.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.ghi_wm2 is not None
    assert found.ghi_wm2.values.tolist() == [0, 10, 20, 30, 40, 50]


def test_weather_without_a_usable_row_is_refused(written):
    with pytest.raises(FeedError, match="no temperatures"):
        read_weather(written("timestamp_utc,temp_air_c\n2018-01-01,warm\n"))


def test_the_later_row_of_a_time_counts_and_the_same_twice_is_no_mistake(written):
    text = HEADER + hours(4) + "a,2018-01-01 01:00:00,9\na,2018-01-01 02:00:00,1.5\n"
    found = read_meters(written(text))
    assert found.use["a"].values.tolist() == [1.5, 9.0, 1.5, 1.5]
    assert lines(found) == [6]


def test_a_register_is_recognised_and_its_differences_are_the_use(written):
    start = datetime(2018, 1, 1, tzinfo=UTC)
    counts = np.cumsum(np.tile([0.0, 1.0, 3.0, 2.0], 30)) + 52_000.0
    text = HEADER + "".join(
        f"a,{start + timedelta(hours=i):%Y-%m-%dT%H:%M}Z,{value}\n"
        for i, value in enumerate(counts)
    )
    found = read_meters(written(text))
    np.testing.assert_allclose(found.use["a"].values[:4], [1.0, 3.0, 2.0, 0.0])
    assert "register" in found.warnings[0]


def test_a_typo_in_monthly_readings_is_named_and_costs_its_two_bills(written):
    counts = [5000 + 100 * i for i in range(24)]
    counts[9] *= 10
    text = HEADER + "".join(
        f"a,{2018 + i // 12}-{i % 12 + 1:02}-01T00:00Z,{count}\n" for i, count in enumerate(counts)
    )
    found = read_meters(written(text))
    assert "register" in found.warnings[0]
    assert found.warnings[1].endswith("do not count: line 11")
    assert sorted(found.bills["a"].kwh.tolist()) == [100.0] * 21 + [200.0]


def test_what_a_register_counted_in_a_gap_belongs_to_no_hour(written):
    start = datetime(2018, 1, 1, tzinfo=UTC)
    hours = [i for i in range(48) if not 20 <= i < 30]
    text = HEADER + "".join(
        f"a,{start + timedelta(hours=i):%Y-%m-%dT%H:%M}Z,{1000 + 2 * i}\n" for i in hours
    )
    use = read_meters(written(text)).use["a"].values
    assert np.nanmax(use) == 2.0
    assert np.isnan(use[19:30]).all()


NEARLY_CONSTANT = [100.0 + (i % 400 == 0) for i in range(8760)]


@pytest.mark.parametrize(
    "values", [[1.5] * 40, [0.0] * 40, list(range(9)), [3.0, 2.0] * 20, NEARLY_CONSTANT]
)
def test_amounts_are_taken_for_no_register(values):
    assert not is_register(3600 * np.arange(len(values)), np.array(values, dtype=np.float64))


def test_a_mapping_says_how_a_danish_file_is_read(written):
    mapping = CsvMapping.from_yaml(
        "columns: {number: Måler, time: Tid,"
        " values: [{column: Forbrug, quantity: energy, unit: MWh}]}\n"
        "separator: ';'\ndecimal: ','\nthousands: '.'\ntimezone: Europe/Copenhagen\n"
    )
    text = "Måler;Tid;Forbrug\na;2018-01-01 00:00;4.384,197\na;2018-01-01 01:00;0,5\n"
    found = read_meters(written(text), mapping)
    assert found.use["a"].values.tolist() == [4_384_197.0, 500.0]
    assert found.use["a"].start == datetime(2017, 12, 31, 23, tzinfo=UTC)


def test_stamps_that_look_local_are_told(written):
    text = HEADER + "".join(f"a,2018-03-25T0{hour}:00,1\n" for hour in (0, 1, 3, 4))
    assert "timezone" in read_meters(written(text)).warnings[0]
    assert read_meters(written(text + "a,2018-03-25T02:00,1\n")).warnings == ()


@pytest.mark.parametrize(("days", "quarter_days"), [(6, 2), (2, 6)])
def test_hours_that_become_quarters_are_hours_all_the_way(written, days, quarter_days):
    start = datetime(2025, 9, 25, tzinfo=UTC)
    change = start + timedelta(days=days)
    rows = [(start + timedelta(hours=i), 4) for i in range(24 * days)]
    rows += [(change + timedelta(minutes=15 * i), 1) for i in range(96 * quarter_days)]
    found = read_meters(written(HEADER + "".join(f"a,{t.isoformat()},{v}\n" for t, v in rows)))
    assert found.mistakes == ()
    assert found.use["a"].step == timedelta(hours=1)
    assert found.use["a"].values.tolist() == [4.0] * 24 * (days + quarter_days)


def test_an_estimated_bill_and_the_one_that_makes_up_for_it_are_one(tmp_path: Path) -> None:
    rows = "".join(
        f"a,2024-{month:02}-01T00:00Z,{kwh},{word}\n"
        for month, (kwh, word) in enumerate(
            [(100, "Målt"), (90, "Estimeret"), (95, "Beregnet"), (10, "Målt"), (80, "Korrigeret")]
            + [(70, "Målt")] * 7,
            1,
        )
    )
    path = tmp_path / "bills.csv"
    path.write_text("number,time,kwh,Kvalitet\n" + rows, "utf-8")
    mapping = CsvMapping.from_yaml(
        "columns: {number: number, time: time, quality: Kvalitet,"
        " values: [{column: kwh, quantity: energy, unit: kWh}]}\ntimezone: UTC\n"
    )
    bills = read_meters(path, mapping).bills["a"]
    assert bills.kwh.tolist() == [100, 195, 80, *[70] * 7]
    assert np.diff(bills.edges_s)[1] == (29 + 31 + 30) * 86_400


def test_a_long_file_is_read_in_blocks_and_its_lines_are_counted_on(written):
    days = [datetime(2008, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(4300)]
    rows = [f"a,{day:%Y-%m-%dT}{hour:02}:00Z,{hour}\n" for day in days for hour in range(24)]
    rows[101_000] = "a,never,1\n"
    found = read_meters(written(HEADER + "".join(rows)))
    assert lines(found) == [101_002]
    assert len(found.use["a"]) == 24 * 4300
    assert np.isnan(found.use["a"].values).nonzero()[0].tolist() == [101_000]
