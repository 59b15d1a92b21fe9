"""Stamps of suppliers: the two nights when the clock changes, and lengths of intervals."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

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
