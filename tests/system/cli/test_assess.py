"""``bms assess --csv``: no database, no site file, the names of the surface, sentences."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from tests.rigs.real_meters import METERS, WEATHER

FIELDS = {
    *("meter_id", "model", "n", "coverage", "cv_rmse", "nmbe", "r2", "rho", "baseline_kwh"),
    *("adjusted_baseline_kwh", "measured_kwh", "saving_kwh", "saving_low_kwh", "saving_high_kwh"),
    *("confidence", "verdict", "reasons", "flags", "coefficients", "n_eff"),
}
WORST_FIRST = ("not_claimable", "indicative", "verified")
PERIODS = ("--baseline", "2018-01-01..2019-01-01", "--reporting", "2019-01-01..2020-01-01")
FILES = ("--csv", str(METERS), "--weather", str(WEATHER), "--timezone", "Europe/London")


def bms(*arguments: str, home: str = "nowhere"):
    done = CliRunner().invoke(app, ["assess", *arguments], env={"BMS_HOME": home, "COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


def test_one_object_per_meter_and_line(tmp_path):
    done = bms(*FILES, *PERIODS, "--json", home=str(tmp_path / "home"))
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 27
    for row in rows:
        assert set(row) >= FIELDS
        assert row["saving_kwh"] == pytest.approx(
            row["adjusted_baseline_kwh"] - row["measured_kwh"]
        )
        assert row["commodity"] == ("electricity" if row["meter_id"].endswith("_el") else "gas")
    reasons = [reason for row in rows for reason in row["reasons"]]
    assert reasons
    assert all(set(each) >= {"code", "parameters", "da", "en", "ceiling"} for each in reasons)
    for row in rows:
        ceilings = [reason["ceiling"] for reason in row["reasons"]]
        assert row["verdict"] == min(ceilings, key=WORST_FIRST.index, default="verified")
        found = {each["code"]: each["words"]["en"] for each in row["findings"]}
        assert set(found) == set(row["flags"])
        assert all(found.values())
    assert not (tmp_path / "home").exists()


def test_the_table_names_verdicts_and_the_rows_that_were_left_out(tmp_path):
    text = "meter_id,timestamp_utc,kwh\n" + "".join(
        f"x,2018-{1 + d // 28:02}-{1 + d % 28:02} {h:02}:00:00,{5 + h}\n"
        for d in range(112)
        for h in range(24)
    )
    path = tmp_path / "m.csv"
    path.write_text(text + "x,never,1\n")
    done = bms("--csv", str(path), *FILES[2:], *PERIODS)
    assert done.exit_code == 0, done.output
    assert f"left out: {path}:{112 * 24 + 2}:" in done.stderr.replace("\n", "")
    assert "not_claimable" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (PERIODS, "name a SITE"),
        (("school", *FILES, *PERIODS), "name a SITE"),
        (("--csv", "m.csv", *PERIODS), "--weather"),
        ((*FILES, *PERIODS, "--timezone", "Mars/Base"), "time zone"),
        ((*FILES, *PERIODS, "--zeros-missing", "--zeros-real"), "exclude"),
        ((*FILES, *PERIODS, "--holidays", "ZZ"), "country"),
        ((*FILES, "--baseline", "2018", "--reporting", "2019-01-01..2020-01-01"), "period"),
        ((*FILES, *PERIODS, "--commodity", "steam"), "steam"),
    ],
)
def test_wrong_calls_are_told_the_way_out(arguments, said):
    done = bms(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("which", ["--csv", "--weather"])
def test_a_missing_file_is_a_failure_with_its_name(which):
    done = bms(*FILES, which, "nothing.csv", *PERIODS)
    assert done.exit_code == 1


def test_a_file_without_a_usable_row_is_a_failure(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("meter_id,timestamp_utc,kwh\n,2018-01-01,1\n")
    done = bms("--csv", str(path), *FILES[2:], *PERIODS)
    assert done.exit_code == 1
    assert "no row can be used" in done.stderr
