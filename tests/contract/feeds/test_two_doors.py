"""A file of a meter ends at the same use by both doors: ``bms assess --csv`` reads it for itself,
``bms ingest`` stores it. The rules are those of docs/meter-files.md, for strange files as well."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.errors import FeedError
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.suppliers.formats import reader
from bms.feeds.suppliers.meter_files import MeterFile, read_meters
from bms.metering.bills import BilledUse
from bms.metering.quality import MeterState
from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.savings.claims.assessment import AssessmentPeriods
from bms.savings.claims.billing_savings import assess_bills
from bms.services.accounts.daily_use import daily_use
from bms.services.accounts.meter_quality import meter_quality
from bms.services.assessment.seldom_read import seldom_read_use
from bms.services.assessment.site_savings import meter_use
from bms.services.collect.file_ingest import IngestReport, ingest_file
from bms.services.collect.supplier_points import SupplierBook
from bms.services.consumption import consumption
from bms.store.memory.store import MemoryStore
from sites.loader import load_sites

HOUR = timedelta(hours=1)
DANISH = ZoneInfo("Europe/Copenhagen")
START, HOURS = datetime(2018, 10, 10, tzinfo=UTC), 24 * 30
"""Over the night in which clocks go back; ``SPRING`` over that in which they go on."""
SPRING = datetime(2018, 3, 15, tzinfo=UTC)
HEADER = "meter_id,timestamp_utc,kwh\n"
SITE = """site: school
name: {{da: Skolen, en: School}}
use: school
area_m2: 1000
position: {{latitude: 56.15, longitude: 10.2}}
meters: [{{id: el, commodity: electricity, max_kw: 9000, supplier: {{number: X, interval: {}}}}}]
"""
LOCAL = """columns: {number: m, time: t, values: [{column: v, quantity: energy, unit: kWh}]}
separator: ";"
decimal: ","
thousands: "."
timezone: Europe/Copenhagen
time_format: "%d-%m-%Y %H:%M"
"""
WIDE = LOCAL.replace(
    "{number: m, time: t, values: [{column: v, quantity: energy, unit: kWh}]}",
    "{time: t, meters: {quantity: energy, unit: kWh}}",
)
QUALITY = LOCAL.replace("time: t,", "time: t, quality: q,")
REGISTER = """columns:
  number: meter_id
  time: timestamp_utc
  values: [{column: kwh, quantity: energy, unit: kWh}]
interval_s: register
timezone: UTC
"""
EXCEL = LOCAL.replace('"%d-%m-%Y %H:%M"', "excel")
Row = tuple[datetime, float]
PERIODS = AssessmentPeriods(
    baseline=Span(
        start=datetime(2018, 1, 1, tzinfo=DANISH), end=datetime(2019, 1, 1, tzinfo=DANISH)
    ),
    reporting=Span(
        start=datetime(2019, 1, 1, tzinfo=DANISH), end=datetime(2020, 1, 1, tzinfo=DANISH)
    ),
    timezone="Europe/Copenhagen",
)
YEAR = date(2018, 12, 30), date(2019, 12, 28)
_DAYS = np.arange(4 * 365)
TEMPERATURE = Series(
    datetime(2016, 12, 1, tzinfo=UTC),
    timedelta(days=1),
    8.0 - 9.0 * np.cos(2 * np.pi * _DAYS / 365.25),
)
ASKED: dict[str, Any] = {"meter_id": "X", "commodity": Commodity.HEAT, "periods": PERIODS}


def rows(start: datetime = START) -> list[Row]:
    """Use by the hour [kWh] of more than a thousand."""
    return [(start + i * HOUR, round(4384.197 + 37 * (i % 24) + i % 7, 3)) for i in range(HOURS)]


def plain(of: list[Row]) -> str:
    return HEADER + "".join(f"X,{moment:%Y-%m-%dT%H:%M:%SZ},{value}\n" for moment, value in of)


def danish(value: float) -> str:
    return f"{value:,.3f}".translate(str.maketrans(",.", ".,"))


def local(of: list[Row], head: str = "m;t;v\n", number: str = "X;") -> str:
    return head + "".join(
        f"{number}{moment.astimezone(DANISH):%d-%m-%Y %H:%M};{danish(value)}\n"
        for moment, value in of
    )


def serial(of: list[Row]) -> str:
    zero = datetime(1899, 12, 30, tzinfo=UTC)
    days = [t.astimezone(DANISH).replace(tzinfo=UTC) - zero for t, _ in of]
    values = zip(days, of, strict=True)
    return "m;t;v\n" + "".join(
        f"X;{day / timedelta(days=1):.6f}".replace(".", ",") + f";{danish(value)}\n"
        for day, (_, value) in values
    )


def graded(of: list[Row], words: list[str]) -> str:
    lines = local(of).splitlines()
    marks = (words[i // 12 % len(words)] for i in range(len(of)))
    return "m;t;v;q\n" + "".join(f"{a};{b}\n" for a, b in zip(lines[1:], marks, strict=True))


def again(of: list[Row], other: Callable[[float], str]) -> str:
    """Each fiftieth row twice, the second time with another value."""
    lines = plain(of).splitlines(keepends=True)
    repeated = [
        line + (f"{line.rsplit(',', 1)[0]},{other(of[i][1])}\n" if i % 50 == 0 else "")
        for i, line in enumerate(lines[1:])
    ]
    return lines[0] + "".join(repeated)


def shuffled(of: list[Row]) -> str:
    mixed = list(of)
    random.Random(3).shuffle(mixed)
    return plain(mixed)


def quarters(of: list[Row]) -> str:
    """Hours, and quarters from the middle on."""
    fine = [
        (moment + k * HOUR / 4, value / 4) for moment, value in of[HOURS // 2 :] for k in range(4)
    ]
    return plain(of[: HOURS // 2] + fine)


def register(of: list[Row], change: Callable[[Floats], Floats] = lambda counts: counts) -> str:
    counts = change(123.0 + np.cumsum([0.0, *(value for _, value in of[:-1])]))
    known = zip(of, counts.tolist(), strict=True)
    return plain([(moment, round(count, 3)) for (moment, _), count in known if count == count])


def exchanged(counts: Floats) -> Floats:
    return np.where(np.arange(HOURS) < 400, counts, counts - counts[400] + 3.0)


def rolled_over(counts: Floats) -> Floats:
    return counts % 1e6


def with_a_gap(counts: Floats) -> Floats:
    return np.where((np.arange(HOURS) >= 200) & (np.arange(HOURS) < 260), np.nan, counts)


def stepping_back(counts: Floats) -> Floats:
    """Whole units that a display rounds up by one or two now and then."""
    up = np.random.default_rng(4).integers(0, 3, HOURS)
    return np.round(counts / 4_000.0) + up


def coarse(counts: Floats) -> Floats:
    """Whole units of twenty hours of use."""
    return np.floor(counts / 90_000.0) + 1000.0


def mistyped(counts: Floats) -> Floats:
    return np.where(np.arange(HOURS) == 333, counts * 10.0, counts)


FILES: dict[str, tuple[str | bytes, str]] = {
    "plain": (plain(rows()), ""),
    "byte order mark": (b"\xef\xbb\xbf" + plain(rows()).encode(), ""),
    "UTF-16": (plain(rows()).encode("utf-16"), ""),
    "gzip": (gzip.compress(plain(rows()).encode()), ""),
    "carriage returns": (plain(rows()).replace("\n", "\r"), ""),
    "sep line": ("sep=,\n" + plain(rows()), ""),
    "quotes": (plain(rows()).replace("X,", '"X",'), ""),
    "another value": (again(rows(), lambda value: f"{1.5 * value}"), ""),
    "another value that is none": (again(rows(), lambda value: ""), ""),
    "another value that cannot be read": (again(rows(), lambda value: "NaN"), ""),
    "newest first": (plain(rows()[::-1]), ""),
    "in no order": (shuffled(rows()), ""),
    "hours then quarters": (quarters(rows()), ""),
    "catch-up after a gap": (plain([*rows()[:300], *rows()[310:]]), ""),
    "below zero": (plain([(moment, value - 4500.0) for moment, value in rows()]), ""),
    "autumn": (local(rows()), LOCAL),
    "autumn, newest first": (local(rows()[::-1]), LOCAL),
    "spring": (local(rows(SPRING)), LOCAL),
    "local and not said so": (plain([(m.astimezone(DANISH), v) for m, v in rows()]), ""),
    "header in row 4": ("a\nb\n\n" + local(rows()), LOCAL + "header: 4\n"),
    "one column a meter": (local(rows(), "t;X\n", ""), WIDE),
    "days of a spreadsheet": (serial(rows()), EXCEL),
    "estimated": (graded(rows(), ["Målt", "Estimeret"]), QUALITY),
    "calculated and corrected": (graded(rows(), ["Målt", "Beregnet", "Korrigeret"]), QUALITY),
    "unknown words": (graded(rows(), ["Målt", "Gættet"]), QUALITY),
}
REGISTERS: dict[str, Callable[[Floats], Floats]] = {
    "as it is": lambda counts: counts,
    "exchanged": exchanged,
    "rolled over": rolled_over,
    "with a gap": with_a_gap,
    "mistyped": mistyped,
    "coarse": coarse,
    "stepping back": stepping_back,
}


def stamps(pause: timedelta, first: timedelta = timedelta(0)) -> list[datetime]:
    return [START + first + i * pause for i in range(int((HOURS - 1) * HOUR / pause))]


def now_and_then(least: int, most: int) -> list[datetime]:
    """Moments that lie from ``least`` to ``most`` minutes apart."""
    chance, found = random.Random(5), [START]
    while found[-1] < START + (HOURS - 6) * HOUR:
        found.append(found[-1] + chance.randint(least, most) * MINUTE)
    return found


def amounts_at(moments: list[datetime]) -> str:
    """What was used from each moment to the next."""
    counts = counted(moments)
    values = [round(float(value), 3) for value in np.diff(counts)]
    return plain(list(zip(moments, values, strict=False)))


def counts_at(moments: list[datetime]) -> str:
    return plain([(t, round(float(c), 3)) for t, c in zip(moments, counted(moments), strict=True)])


def counted(moments: list[datetime]) -> Floats:
    """A register that counts ``rows``, at other moments."""
    whole = 123.0 + np.cumsum([0.0, *(value for _, value in rows())])
    return np.interp([(moment - START) / HOUR for moment in moments], np.arange(HOURS + 1), whole)


MINUTE = timedelta(minutes=1)
ODD: dict[str, list[datetime]] = {
    "three past": stamps(HOUR, 3 * MINUTE),
    "twenty-five past": stamps(HOUR, 25 * MINUTE),
    "quarters at seven past": stamps(15 * MINUTE, 7 * MINUTE),
    "a clock that drifts": stamps(HOUR + timedelta(seconds=4)),
    "a clock that jumps": stamps(HOUR)[:300] + stamps(HOUR, 9 * MINUTE)[301:],
    "every third hour": stamps(3 * HOUR),
    "days from six": stamps(24 * HOUR, 6 * HOUR),
    "days from half past seven": stamps(24 * HOUR, 450 * MINUTE),
}
"""Moments at which meters are read that are not read by the hour."""
SELDOM = {
    "now and then": now_and_then(20, 70),
    "every few hours": now_and_then(60, 300),
}


def visits(least: int, most: int) -> list[datetime]:
    """Local midnights that lie from ``least`` to ``most`` days apart, for three years."""
    chance, found = random.Random(7), [datetime(2016, 12, 15, tzinfo=DANISH)]
    while found[-1].year < 2020:
        found.append(found[-1] + chance.randint(least, most) * 24 * HOUR)
    return found


def firsts(months: int) -> list[datetime]:
    every = range(0, 37, months)
    return [datetime(2017 + m // 12, m % 12 + 1, 1, tzinfo=DANISH) for m in every]


BILLS: dict[str, tuple[list[datetime], str | None]] = {
    "every month": (firsts(1), None),
    "every second month": (firsts(2), None),
    "quarters": (firsts(3), "bills_too_long"),
    "half years": (firsts(6), "bills_too_long"),
    "about a month": (visits(25, 34), None),
    "of any length": (visits(20, 68), None),
    "weeks": (visits(7, 7), None),
    "some days": (visits(5, 10), None),
}
"""Days on which meters are read by a person, and why they have no saving."""


class Doors:
    """Both doors for one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()

    def read(self, content: str | bytes, mapping: str) -> MeterFile:
        path = self.folder / "file.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_meters(path, CsvMapping.from_yaml(mapping) if mapping else None)

    def store_file(
        self, content: str | bytes, mapping: str, *, interval: bool = True
    ) -> IngestReport:
        """What is stored; ``interval``: whether the site file says that the meter has amounts."""
        (self.folder / "site.yaml").write_text(SITE.format("true" if interval else "false"))
        (self.site,) = load_sites(self.folder)
        return ingest_file(
            content.encode() if isinstance(content, str) else content,
            "file.csv",
            reader("csv", CsvMapping.from_yaml(mapping) if mapping else None),
            book=SupplierBook.of([self.site]),
            now=datetime(2021, 6, 1, tzinfo=UTC),
            readings=self.store,
        )

    def use_by_hour(self, like: Series) -> Floats:
        """What savings are told from."""
        ends = like.start, like.end
        found = meter_use(self.site, self.site.meters[0], self.store, *ends, exported=True)
        assert found is not None
        return found.values

    def bills(self) -> BilledUse:
        baseline, reporting = PERIODS.baseline, PERIODS.reporting
        meter = self.site.meters[0]
        found = seldom_read_use(self.site, meter, self.store, baseline.start, reporting.end)
        assert found is not None
        return found

    def stored(self, like: Series) -> Floats:
        return consumption(self.site, "el", self.store, like.start, like.end, HOUR).use.values


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return Doors(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_amounts_are_the_same_by_the_hour(name: str, doors: Doors) -> None:
    content, mapping = FILES[name]
    use = doors.read(content, mapping).use["X"]
    assert doors.store_file(content, mapping).accepted
    # A meter does not count backwards: assessment puts such amounts aside after reading.
    read = np.where(use.values < 0, np.nan, use.values)
    np.testing.assert_allclose(read, doors.stored(use), rtol=1e-9)
    assert np.isfinite(read).mean() > 0.3


@pytest.mark.parametrize("name", REGISTERS)
def test_a_register_that_nobody_declared_is_one_by_both_doors(name: str, doors: Doors) -> None:
    content = register(rows(), REGISTERS[name])
    file, report = doors.read(content, ""), doors.store_file(content, "", interval=False)
    assert file.warnings == report.warnings
    assert "looks like a register" in file.warnings[0]
    falls = "falls and counts on from there" in "".join(file.warnings)
    assert falls == (name in ("exchanged", "rolled over"))
    use = file.use["X"]
    read, stored = use.values, doors.stored(use)
    both = np.isfinite(read) & np.isfinite(stored)
    np.testing.assert_allclose(read[both], stored[both], rtol=1e-6)
    assert (np.isfinite(read) ^ np.isfinite(stored)).sum() <= 2
    assert both.mean() > 0.85
    assert np.nanmax(stored) < 2 * 4384


def test_a_register_is_never_stored_as_amounts(doors: Doors) -> None:
    report = doors.store_file(register(rows()), "")
    assert report.accepted == 0
    (refused,) = report.refused
    assert "interval: false" in refused.message


def test_amounts_of_a_day_that_only_rises_are_no_register(doors: Doors) -> None:
    rising = plain([(moment, float(i)) for i, (moment, _) in enumerate(rows()[:24])])
    assert doors.read(rising, "").use["X"].values.tolist() == [float(i) for i in range(24)]
    assert doors.store_file(rising, "").accepted == 24


@pytest.mark.parametrize("name", BILLS)
@pytest.mark.parametrize("register", [True, False])
def test_bills_are_taken_or_refused_alike(name: str, register: bool, doors: Doors) -> None:
    moments, refused = BILLS[name]
    moments = [moment.astimezone(UTC) for moment in moments]
    year = np.array([(moment - moments[0]) / timedelta(days=365.25) for moment in moments])
    counts = 900.0 + 70_000 * year + 8_000 * np.sin(2 * np.pi * year)
    values = counts if register else np.diff(counts)
    of = [(t, round(float(value), 2)) for t, value in zip(moments, values, strict=False)]
    mapping = REGISTER if register else ""
    bills = doors.read(plain(of), mapping).bills["X"]
    report = doors.store_file(plain(of), mapping, interval=not register)
    assert (report.accepted, report.refused_rows) == (len(of), 0)
    told = [assess_bills(use, TEMPERATURE, **ASKED) for use in (bills, doors.bills())]
    answers = [(t.n, t.coverage, t.saving_kwh, [r.code for r in t.reasons]) for t in told]
    assert answers[0] == answers[1]
    assert (told[0].saving_kwh is None) == (refused is not None)
    assert refused is None or [reason.code for reason in told[0].reasons] == [refused]
    # A year to date and a budget are told of days: these are known too.
    days = daily_use(doors.site, doors.site.meters[0], doors.store, *YEAR).use
    assert days.sum() == pytest.approx(70_000 * 364 / 365.25, rel=0.04)


def test_a_typo_in_bills_costs_the_same_by_both_doors(doors: Doors) -> None:
    moments = [moment.astimezone(UTC) for moment in firsts(1)]
    counts = [5000.0 + 100 * i for i in range(len(moments))]
    counts[20] *= 10
    content = plain(list(zip(moments, counts, strict=True)))
    file = doors.read(content, REGISTER)
    report = doors.store_file(content, REGISTER, interval=False)
    assert file.warnings == report.warnings
    assert file.warnings[0].endswith("do not count: line 22")
    for bills in (file.bills["X"], doors.bills()):
        assert set(np.round(bills.kwh).tolist()) == {100.0, 200.0}


@pytest.mark.parametrize("noise", [0.0, 1.0, 2.0, 5.0])
def test_a_register_that_steps_back_is_the_same_by_both_doors(noise: float, doors: Doors) -> None:
    moments = stamps(HOUR)
    back = np.where(np.arange(len(moments)) % 5 == 3, noise, 0.0)
    counts = np.floor(counted(moments) / 4000.0) - back
    content = plain(list(zip(moments, counts.tolist(), strict=True)))
    file = doors.read(content, REGISTER)
    report = doors.store_file(content, REGISTER, interval=False)
    use = file.use["X"]
    np.testing.assert_allclose(use.values, doors.use_by_hour(use), rtol=1e-9)
    assert file.warnings == report.warnings
    # One or two units are its rounding; five are told of.
    assert bool(file.warnings) == (noise == 5.0)
    assert np.isfinite(use.values).all() == (noise < 5.0)
    if noise < 5.0:
        assert use.values.sum() == pytest.approx(counts[-1] - counts[0], abs=2 * noise)
        assert use.values.min() >= 0.0


@pytest.mark.parametrize("every", [2, 30])
def test_mixed_units_are_told_by_both_doors(every: int, doors: Doors) -> None:
    moments = stamps(HOUR)
    counts = 1e6 + counted(moments)
    counts[::every] *= 0.0036
    content = plain([(t, round(float(c), 3)) for t, c in zip(moments, counts, strict=True)])
    file = doors.read(content, REGISTER)
    report = doors.store_file(content, REGISTER, interval=False)
    assert file.warnings == report.warnings
    assert ("units or meters are mixed" in file.warnings[0]) == (every == 2)
    assert "X: " in file.warnings[0]


@pytest.mark.parametrize("drift", [-4, 2, 4, 12])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_clock_that_drifts_keeps_both_hours_of_the_change_in_autumn(
    drift: int, newest_first: bool, doors: Doors
) -> None:
    moments = stamps(HOUR + timedelta(seconds=drift), 1800 * timedelta(seconds=1))
    values = np.diff(counted(moments)).round(3).tolist()
    of = list(zip(moments, values, strict=False))[:: -1 if newest_first else 1]
    content = "m;t;v\n" + "".join(
        f"X;{moment.astimezone(DANISH):%d-%m-%Y %H:%M:%S};{danish(value)}\n" for moment, value in of
    )
    mapping = LOCAL.replace("%H:%M", "%H:%M:%S")
    file, report = doors.read(content, mapping), doors.store_file(content, mapping)
    assert not file.mistakes
    assert not report.refused_rows
    the_same_and_all(file, report, doors, moments)


@pytest.mark.parametrize("months", [1, 2, 3])
@pytest.mark.parametrize("late", [-1 * HOUR, HOUR, 2 * HOUR, 48 * HOUR])
def test_bills_of_which_one_begins_late_are_the_same(
    months: int, late: timedelta, doors: Doors
) -> None:
    moments = [moment.astimezone(UTC) for moment in firsts(months)]
    first = 12 // months  # that of the baseline period
    moments[first] += late
    values = [100.0 + i * 7 % 5 for i in range(len(moments) - 1)]
    content = plain(list(zip(moments, values, strict=False)))
    bills = doors.read(content, "").bills["X"]
    report = doors.store_file(content, "")
    assert (report.accepted, report.refused_rows) == (len(values), 0)
    stored = doors.bills()
    seconds = [int(moment.timestamp()) for moment in moments[:-1]]
    for found in (bills, stored):
        assert found.edges_s[:-1].tolist() == seconds[-len(found.kwh) :]
        assert found.kwh.tolist() == values[-len(found.kwh) :]


INTERVALS = {
    "quarters": stamps(15 * MINUTE),
    "every third hour": ODD["every third hour"],
    "days": stamps(24 * HOUR),
    "weeks": visits(7, 7),
    "every month": firsts(1),
    "quarters of a year": firsts(3),
}


@pytest.mark.parametrize("name", INTERVALS)
@pytest.mark.parametrize("register", [True, False])
def test_a_meter_is_asked_by_its_own_interval(name: str, register: bool, doors: Doors) -> None:
    moments = [moment.astimezone(UTC) for moment in INTERVALS[name]]
    hours = np.array([(moment - moments[0]) / HOUR for moment in moments])
    counts = 900.0 + 7.0 * hours + np.sin(hours)
    values = counts if register else np.diff(counts)
    content = plain([(t, round(float(v), 2)) for t, v in zip(moments, values, strict=False)])
    doors.store_file(content, REGISTER if register else "", interval=not register)
    middle = moments[len(moments) // 2]
    for length in (7 * 24 * HOUR, 28 * 24 * HOUR):
        start = max(moments[0], middle - length / 2)
        _, found = meter_quality(doors.site, "el", doors.store, start, start + length / 2)
        assert (found.state, found.coverage) == (MeterState.GOOD, pytest.approx(1.0, abs=0.02))


def test_a_bill_that_does_not_come_is_missed(doors: Doors) -> None:
    moments = [moment.astimezone(UTC) for moment in firsts(1)]
    counts = [1000.0 + 90 * i + i % 3 for i in range(len(moments))]
    doors.store_file(plain(list(zip(moments, counts, strict=True))), REGISTER, interval=False)
    late = moments[-1] + timedelta(days=100)
    _, found = meter_quality(doors.site, "el", doors.store, late - timedelta(days=150), late)
    assert found.state is MeterState.SILENT


def test_a_word_of_quality_that_nobody_knows_is_named_by_both_doors(doors: Doors) -> None:
    content = graded(rows(), ["Målt", "Målt værdi", "Gættet"])
    file, report = doors.read(content, QUALITY), doors.store_file(content, QUALITY)
    assert file.warnings == report.warnings
    assert "'Gættet'" in file.warnings[0]
    assert "Målt" not in file.warnings[0]
    known = doors.read(content, QUALITY + "qualities: {Gættet: good}\n")
    assert known.warnings == ()


@pytest.mark.parametrize("content", ["", "<html><body>502</body></html>", '{"error": 1}'])
def test_what_is_no_table_is_refused_alike(content: str, doors: Doors) -> None:
    with pytest.raises(FeedError) as one:
        doors.read(content, "")
    with pytest.raises(FeedError) as other:
        doors.store_file(content, "")
    assert str(one.value).endswith(str(other.value))


@pytest.mark.parametrize("name", ODD)
def test_amounts_at_odd_moments_are_laid_on_hours_by_both_doors(name: str, doors: Doors) -> None:
    content = amounts_at(ODD[name])
    file, report = doors.read(content, ""), doors.store_file(content, "")
    assert not file.mistakes
    assert not report.refused_rows
    the_same_and_all(file, report, doors, ODD[name])


@pytest.mark.parametrize("name", ODD | SELDOM)
def test_registers_at_odd_moments_are_laid_on_hours_by_both_doors(name: str, doors: Doors) -> None:
    moments = (ODD | SELDOM)[name]
    content = counts_at(moments)
    file = doors.read(content, REGISTER)
    report = doors.store_file(content, REGISTER, interval=False)
    assert not file.mistakes
    assert not report.refused_rows
    the_same_and_all(file, report, doors, moments)


def the_same_and_all(
    file: MeterFile, report: IngestReport, doors: Doors, moments: list[datetime]
) -> None:
    """Both doors make the same hours, all of what was used, and say that it was shared."""
    use = file.use["X"]
    np.testing.assert_allclose(use.values, doors.use_by_hour(use), rtol=1e-9)
    known = np.isfinite(use.values)
    assert known.mean() > 0.95
    hours = np.array([use.start + i * use.step for i in np.flatnonzero(known)])
    truth = counted([hours[-1] + use.step]) - counted([hours[0]])
    assert use.values[known].sum() == pytest.approx(float(truth[0]), rel=0.01)
    odd = any(moment.minute or moment.second for moment in moments[:5])
    assert file.warnings == report.warnings
    assert any("X: not read on full hours" in text for text in file.warnings) == odd


@pytest.mark.parametrize("past", [0, 7])
def test_what_went_out_is_no_use_of_its_hour_by_both_doors(past: int, doors: Doors) -> None:
    moments = stamps(15 * MINUTE, past * MINUTE)
    out = np.arange(len(moments)) % 96 % 41 == 40  # 10:00 and 20:15
    values = np.where(out, -700.0, 1100.0)
    content = plain(list(zip(moments, values.tolist(), strict=True)))
    use = doors.read(content, "").use["X"]
    doors.store_file(content, "")
    np.testing.assert_allclose(use.values, doors.use_by_hour(use), rtol=1e-9)
    hours = {moment.replace(minute=0) for moment, gone in zip(moments, out, strict=True) if gone}
    below = [use.start + int(i) * use.step for i in np.flatnonzero(use.values < 0)]
    assert hours <= set(below)
    assert use.values[use.values < 0].sum() == pytest.approx(-700.0 * out.sum())
    assert np.nanmax(np.abs(use.values[use.values > 0] - 4400.0)) < 1e-6
    # Consumption tells no use of these hours.
    np.testing.assert_array_equal(np.isnan(doors.stored(use)), ~(use.values > 0))


def test_amounts_at_irregular_times_are_refused_by_both_doors_with_the_way_out(
    doors: Doors,
) -> None:
    content = amounts_at(SELDOM["now and then"])
    file, report = doors.read(content, ""), doors.store_file(content, "")
    assert report.accepted == 0
    assert not np.isfinite(file.use["X"].values).any()
    for mistake in (file.mistakes[0], report.refused[0]):
        assert mistake.message.startswith("X: how long the interval is")
        assert "declare interval_s in the mapping" in mistake.message
    # Nothing was shared by time.
    assert file.warnings == report.warnings == ()


def test_a_stamp_of_minute_24_is_no_midnight(doors: Doors) -> None:
    content = counts_at(stamps(HOUR, 24 * MINUTE))
    assert not doors.read(content, REGISTER).mistakes


def test_a_register_is_not_shared_over_a_gap(doors: Doors) -> None:
    moments = stamps(HOUR, 24 * MINUTE)
    content = counts_at(moments[:200] + moments[204:])
    use = doors.read(content, REGISTER).use["X"]
    doors.store_file(content, REGISTER, interval=False)
    # From the reading at 199:24 to that at 204:24.
    assert np.flatnonzero(np.isnan(use.values[1:-1])).tolist() == [198, 199, 200, 201, 202, 203]
    np.testing.assert_allclose(use.values, doors.use_by_hour(use), rtol=1e-9)


@pytest.mark.parametrize("factor", [0.0036, 0.001, 3.6])
@pytest.mark.parametrize("every", [2, 3, 7, 50])
def test_a_register_of_mixed_units_gives_no_wrong_use(
    factor: float, every: int, doors: Doors
) -> None:
    moments = stamps(HOUR)
    counts = 1e6 + counted(moments)
    counts[::every] *= factor
    content = plain([(t, round(float(c), 3)) for t, c in zip(moments, counts, strict=True)])
    use = doors.read(content, REGISTER).use["X"]
    doors.store_file(content, REGISTER, interval=False)
    for found in (use.values, doors.use_by_hour(use)):
        known = np.isfinite(found)
        true = np.array([value for _, value in rows()])[: len(found)]
        if len(found) == len(true) > 1:
            np.testing.assert_allclose(found[known], true[known], rtol=0.1)
