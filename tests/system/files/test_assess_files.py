"""``bms assess --csv`` on files as they come: an answer for every meter, and no traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from bms.cli.main import app
from tests.rigs.real_meters import METERS, WEATHER, meters, outdoor

BASELINE, REPORTING = "2018-01-01..2019-01-01", "2019-01-01..2020-01-01"
HEADER = "meter_id,timestamp_utc,kwh"
Row = tuple[str, datetime, float | str]
Rows = list[Row]

FIXED = [
    "meter_id",
    "model",
    "n",
    "coverage",
    "cv_rmse",
    "nmbe",
    "r2",
    "rho",
    "baseline_kwh",
    "adjusted_baseline_kwh",
    "measured_kwh",
    "saving_kwh",
    "saving_low_kwh",
    "saving_high_kwh",
    "confidence",
    "verdict",
    "reasons",
    "flags",
]


def hours(name: str) -> Rows:
    use = meters()[name]
    return [
        (name, use.start + i * use.step, "" if np.isnan(value) else float(value))
        for i, value in enumerate(use.values)
    ]


def by(name: str, start_of: Callable[[datetime], datetime]) -> Rows:
    found: dict[datetime, float] = {}
    for _, moment, value in hours(name):
        start = start_of(moment)
        found[start] = found.get(start, 0.0) + float(value or 0.0)
    return [(name, moment, value) for moment, value in found.items()]


def month(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0)


def pair(moment: datetime) -> datetime:
    return moment.replace(month=(moment.month - 1) // 2 * 2 + 1, day=1, hour=0)


def written(path: Path, rows: Rows, *, end: str = "\n", stamp: str = "%Y-%m-%d %H:%M:%S") -> Path:
    lines = [HEADER, *(f"{name},{moment.strftime(stamp)},{value}" for name, moment, value in rows)]
    path.write_bytes((end.join(lines) + end).encode())
    return path


def assess(csv: Path, *more: str, weather: Path = WEATHER, reporting: str = REPORTING) -> Result:
    return CliRunner().invoke(
        app,
        [
            *("assess", "--csv", str(csv), "--weather", str(weather)),
            *("--baseline", BASELINE, "--reporting", reporting),
            *("--timezone", "Europe/London", *more),
        ],
    )


def rows_of(done: Result) -> list[dict]:
    assert done.exit_code == 0, done.output
    assert "NaN" not in done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict:
    path = written(tmp_path_factory.mktemp("clean") / "m.csv", hours("b109_gas"))
    return rows_of(assess(path, "--json"))[0]


class TestTheSameMeterInOtherClothes:
    """Every way to write down the same readings has the same answer."""

    @pytest.mark.parametrize(
        "dress",
        [
            lambda rows: (rows[::-1], {}),
            lambda rows: (rows + rows, {}),
            lambda rows: (rows, {"end": "\r\n"}),
            lambda rows: (rows, {"stamp": "%Y-%m-%dT%H:%M:%SZ"}),
            lambda rows: (
                [(n, t + timedelta(hours=2), v) for n, t, v in rows],
                {"stamp": "%Y-%m-%dT%H:%M:%S+02:00"},
            ),
        ],
        ids=["backwards", "twice", "CRLF", "Z", "offset"],
    )
    def test_it_has_the_same_answer(self, dress, clean: dict, tmp_path: Path) -> None:
        rows, how = dress(hours("b109_gas"))
        (found,) = rows_of(assess(written(tmp_path / "m.csv", rows, **how), "--json"))
        assert found == clean

    def test_with_a_byte_order_mark(self, clean: dict, tmp_path: Path) -> None:
        path = written(tmp_path / "m.csv", hours("b109_gas"))
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert rows_of(assess(path, "--json")) == [clean]

    def test_by_the_day_and_by_the_month(self, clean: dict, tmp_path: Path) -> None:
        days = by("b109_gas", lambda moment: moment.replace(hour=0))
        months, pairs = by("b109_gas", month), by("b109_gas", pair)
        for rows, n in ((days, 365), (months, 12), (pairs, 6)):
            (found,) = rows_of(assess(written(tmp_path / "m.csv", rows), "--json"))
            assert found["n"] == n
            assert found["model"].startswith("3PH")
            difference = found["saving_kwh"] - clean["saving_kwh"]
            assert abs(difference) < 0.01 * clean["adjusted_baseline_kwh"]

    def test_months_and_hours_in_one_file(self, clean: dict, tmp_path: Path) -> None:
        path = written(tmp_path / "m.csv", hours("b109_gas") + by("b0_el", month))
        found = rows_of(assess(path, "--json"))
        assert found[0] == clean
        assert found[1]["meter_id"] == "b0_el"
        assert found[1]["commodity"] == "electricity"
        assert found[1]["n"] == 12


class TestOddFiles:
    """Every refusal has its reason, and every answer its fixed names."""

    @pytest.mark.parametrize(
        ("rows", "code"),
        [
            (lambda: [(n, t, "") for n, t, _ in hours("b109_gas")], "baseline_too_short"),
            (lambda: [(n, t, "nan") for n, t, _ in hours("b109_gas")], "baseline_too_short"),
            (lambda: [(n, t, 0.0) for n, t, _ in hours("b109_gas")], "no_use"),
            (lambda: [(n, t, 1e300) for n, t, _ in hours("b109_gas")], "baseline_too_short"),
            (lambda: [(n, t, -3.0) for n, t, _ in hours("b109_gas")], "baseline_too_short"),
            (lambda: hours("b109_gas")[:8760], "reporting_too_short"),
            (lambda: hours("b109_gas")[:1], "baseline_too_short"),
            (lambda: by("b109_gas", month)[:3], "too_few_bills"),
            (lambda: [(n, t, "") for n, t, _ in by("b109_gas", month)], "baseline_too_short"),
            (lambda: [(n, t, 0.0) for n, t, _ in by("b109_gas", month)], "no_use"),
            (lambda: by("b109_gas", lambda t: t.replace(month=1, day=1, hour=0)), "bills_too_long"),
        ],
        ids=[
            "empty",
            "nan",
            "zeros",
            "huge",
            "negative",
            "stops",
            "one",
            "three",
            "no-bills",
            "zero-bills",
            "yearly",
        ],
    )
    def test_it_is_refused_with_the_reason(self, rows, code: str, tmp_path: Path) -> None:
        path = written(tmp_path / "m.csv", rows())
        (found,) = rows_of(assess(path, "--json"))
        assert code in [reason["code"] for reason in found["reasons"]]
        assert found["verdict"] == "not_claimable"
        assert set(FIXED) <= set(found)
        assert assess(path).exit_code == 0  # and the table says it too

    @pytest.mark.parametrize(
        "reporting",
        ["2019-01-14..2019-01-28", "2019-02-01..2019-02-02", "2018-06-01..2019-06-01"],
    )
    def test_any_period_has_an_answer(self, reporting: str, tmp_path: Path) -> None:
        meters = hours("b109_gas") + hours("b0_el") + by("b2_gas", month)
        path = written(tmp_path / "m.csv", meters)
        assert len(rows_of(assess(path, "--json", reporting=reporting))) == 3

    def test_weather_of_another_decade(self, tmp_path: Path) -> None:
        start = datetime(2009, 1, 1, tzinfo=UTC)
        lines = [f"{(start + timedelta(hours=i)).isoformat()},5.0" for i in range(200)]
        weather = tmp_path / "w.csv"
        weather.write_text("timestamp_utc,temp_air_c\n" + "\n".join(lines))
        path = written(tmp_path / "m.csv", hours("b109_gas") + by("b2_gas", month))
        for found in rows_of(assess(path, "--json", weather=weather)):
            assert found["saving_kwh"] is None

    def test_weather_without_sun_and_with_a_constant_temperature(self, tmp_path: Path) -> None:
        lines = [f"{(outdoor().start + i * outdoor().step).isoformat()},5.0" for i in range(17520)]
        weather = tmp_path / "w.csv"
        weather.write_text("timestamp_utc,temp_air_c\n" + "\n".join(lines))
        path = written(tmp_path / "m.csv", hours("b109_gas") + by("b2_gas", month))
        for found in rows_of(assess(path, "--json", weather=weather)):
            assert found["model"].startswith("mean")


class TestOptions:
    def test_the_normal_year_and_the_use_of_the_building(self, tmp_path: Path) -> None:
        path = written(tmp_path / "m.csv", hours("b109_gas"))
        (plain,) = rows_of(assess(path, "--json"))
        assert plain["normalised"]["normal_year"] == "mean of 2018, 2019"
        assert plain["guf_share"] == 0.26
        (danish,) = rows_of(
            assess(path, "--json", "--normal-year", "danish_3112", "--use", "school")
        )
        assert danish["normalised"]["degree_days"] == pytest.approx(3112.0, abs=0.01)
        assert danish["guf_share"] == 0.19
        (typical,) = rows_of(assess(path, "--json", "--normal-weather", str(WEATHER)))
        assert typical["normalised"]["normal_year"] == WEATHER.name

    @pytest.mark.parametrize(
        ("option", "value", "says"),
        [
            ("--normal-year", "martian", "danish_3112"),
            ("--use", "castle", "sports_hall"),
            ("--timezone", "Mars/Olympus", "Europe/Copenhagen"),
            ("--holidays", "XX", "DK"),
        ],
    )
    def test_a_wrong_one_says_what_to_write(
        self, option: str, value: str, says: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path / "m.csv", hours("b109_gas")[:48])
        done = assess(path, option, value)
        assert done.exit_code == 2
        assert says in done.stderr


class TestTheTable:
    @pytest.mark.parametrize("columns", [80, 120])
    def test_it_fits_the_screen(self, columns: int) -> None:
        done = CliRunner(env={"COLUMNS": str(columns)}).invoke(
            app,
            [
                *("assess", "--csv", str(METERS), "--weather", str(WEATHER)),
                *("--baseline", BASELINE, "--reporting", REPORTING),
                *("--timezone", "Europe/London"),
            ],
        )
        assert done.exit_code == 0
        assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= columns
        assert "not_claimable" in done.stdout
        assert "27 meters" in done.stdout
