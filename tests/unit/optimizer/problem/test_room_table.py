"""``bms identify --csv`` and the reader of rooms: columns, grids, answers, mistakes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from bms.bench.planning.identification import ROOMS
from bms.cli.main import app
from bms.errors import ConfigError
from optimizer.problem.room_table import ColumnSource, RoomLocation, read_room
from tests.rigs.buildings.made_room import made_room

HEADER = "timestamp_utc,zone_temp_c,heat_power_kw,outdoor_temp_c,ghi_wm2"
HOUSE = (
    *("--csv", str(ROOMS / "house_hourly.csv"), "--column", "timestamp_utc="),
    *(
        "--column",
        "zone_temp_c=Ti",
        "--column",
        "heat_power_kw=Ph",
        "--column",
        "outdoor_temp_c=Ta",
    ),
)


def bms(*words: str) -> Result:
    return CliRunner().invoke(app, ["identify", *words], env={"COLUMNS": "110"})


def table(rows: int, *, step_s: int = 3600, skip: tuple[int, ...] = ()) -> list[str]:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    return [
        f"{HEADER}\n",
        *(
            f"{(start + timedelta(seconds=step_s * i)).isoformat()},{20 + i % 3},{i % 5},4,100\n"
            for i in range(rows)
            if i not in skip
        ),
    ]


class TestTheReader:
    def test_columns_are_called_by_role_and_unit(self) -> None:
        record = read_room(table(5), {}, RoomLocation())
        assert record.step_h == 1.0
        assert record.temp.tolist() == [20, 21, 22, 20, 21]
        assert record.ghi.tolist() == [0.1] * 5
        assert record.hour[0] == 1.5  # half past one in Copenhagen
        assert not record.supply_measured

    def test_rows_that_are_missing_are_gaps(self) -> None:
        record = read_room(table(6, skip=(2, 3)), {}, RoomLocation())
        assert np.isnan(record.temp).tolist() == [False, False, True, True, False, False]

    def test_other_names_factors_and_delimiters(self) -> None:
        lines = [
            "\ufefft;Ti;valve;Ta\n",
            "2026-01-05 00:00;20,1;50;4\n",
            "2026-01-05 00:15;21;;4\n",
        ]
        sources = {
            "timestamp_utc": ColumnSource("t"),
            "zone_temp_c": ColumnSource("Ti"),
            "heat_power_kw": ColumnSource.of("valve*0.02"),
            "outdoor_temp_c": ColumnSource("Ta"),
        }
        record = read_room(lines, sources, RoomLocation())
        assert record.step_h == 0.25
        assert record.heat[0] == pytest.approx(1.0)
        assert np.isnan(record.heat[1])
        assert np.isnan(record.temp[0])  # a decimal comma is no number

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ([], "no column timestamp_utc"),
            (["timestamp_utc,zone_temp_c\n"], "heat_power_kw, outdoor_temp_c"),
            (table(1), "fewer than two rows"),
            ([*table(3), "yesterday,1,1,1,1\n"], "line 5: 'yesterday' is no time"),
            ([*table(4), "2026-01-05T02:00:00+00:00,1,1,1,1\n"], "line 6: the time does not rise"),
            ([*table(4), "2026-01-05T04:13:00+00:00,1,1,1,1\n"], "off the grid of 3600 s"),
            (table(4, step_s=14400), "at most two hours"),
        ],
    )
    def test_mistakes_are_named(self, lines: list[str], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            read_room(lines, {}, RoomLocation())

    def test_a_factor_that_is_no_number(self) -> None:
        with pytest.raises(ConfigError, match=r"write name\*0.01"):
            ColumnSource.of("valve*half")


class TestTheCommand:
    @pytest.mark.slow
    def test_the_house_as_json(self) -> None:
        done = bms(*HOUSE, "--learn", "0.6", "--json")
        assert done.exit_code == 0
        answer = json.loads(done.stdout)
        assert answer["rmse_24h_k"] <= 0.35
        assert answer["rmse_24h_k"] < answer["last_week_k"] < answer["persistence_k"]
        assert answer["reasons"] == []
        assert [r["label"] for r in answer["structures"] if r["chosen"]] == [answer["label"]]
        assert {r["order"] for r in answer["structures"]} == {"1R1C", "2R2C", "3R2C"}
        errors = answer["standard_errors"]
        assert 0 < errors["ua_kw_per_k"] < answer["parameters"]["ua_kw_per_k"]

    @pytest.mark.slow
    def test_the_house_for_people(self) -> None:
        done = bms(*HOUSE, "--learn", "0.6")
        assert done.exit_code == 0
        for words in ("chosen", "like last week", "measured", "predicted", "± standard error"):
            assert words in done.stdout
        assert "time_constant_slow_h" in done.stdout

    def test_a_refusal_says_why_in_both_languages(self, tmp_path: Path) -> None:
        room = made_room(days=14, step_h=1.0)
        start = datetime(2026, 1, 5, tzinfo=UTC)
        file = tmp_path / "lokale.csv"
        rows = [
            f"{(start + timedelta(hours=i)).isoformat()},{t},3.0,4,0"
            for i, t in enumerate(room.temp)
        ]
        file.write_text("\n".join([HEADER, *rows]))
        done = bms("--csv", str(file), "--json")
        assert done.exit_code == 1
        (reason,) = json.loads(done.stdout)["reasons"]
        assert reason["code"] == "no_excitation"
        assert reason["da"]
        assert reason["en"]

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("townhall", "--csv", "x.csv"),
            (*HOUSE, "--column", "zone=Ti"),
            (*HOUSE, "--learn", "2"),
        ],
    )
    def test_a_wrong_call_is_a_wrong_call(self, words: tuple[str, ...]) -> None:
        assert bms(*words).exit_code == 2

    def test_a_column_that_is_not_there_is_named(self) -> None:
        done = bms("--csv", str(ROOMS / "house_hourly.csv"))
        assert done.exit_code == 1
        assert "timestamp_utc" in done.output
        assert "--column" in done.output
