"""``bms ingest`` and the drop folder: from a file on disk to the table of a meter."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.config import Settings
from bms.runtime.jobs import job_table
from bms.runtime.wire import wire
from bms.store.sql.store import SqlStore
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "ingest"
SITES = CASES / "sites"
WHOLE, SEMICOLONS = (
    CASES / "twice_is_once" / "day.csv",
    CASES / "wrong_delimiter" / "semicolons.csv",
)
UNKNOWN = CASES / "unknown_meter" / "day.csv"
SPRING, MAPPING = (CASES / "spring_and_autumn" / n for n in ("spring.csv", "mapping.yaml"))
HEAT = CASES / "heat_meter_with_a_gap" / "day.csv"
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def bms(tmp_path: Path):
    env = {"BMS_HOME": str(tmp_path / "home"), "BMS_SITES": str(SITES), "COLUMNS": "200"}

    def call(*arguments: object):
        done = CliRunner().invoke(app, ["ingest", *map(str, arguments)], env=env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert "Traceback" not in done.output
        return done

    return call


def values(home: Path, point: str) -> list[float | None]:
    with contextlib.closing(SqlStore(f"sqlite:///{home / 'bms.db'}")) as store:
        return [reading.value for reading in store.readings(point, START, END)]


def test_a_file_is_stored_and_its_meter_looked_at(bms, tmp_path) -> None:
    done = bms(WHOLE)
    assert done.exit_code == 0
    file, meter = (line for line in done.stdout.splitlines() if "day.csv" in line or "/el" in line)
    assert [cell.strip() for cell in file.split("│")[2:-1]] == ["24", "24", "0", "0", "0", "0"]
    assert [cell.strip() for cell in meter.split("│")[1:4]] == ["school/el", "100.0", "0"]
    assert meter.split("│")[-2].strip() == "good"
    assert values(tmp_path / "home", "school/el.energy") == [2.0] * 24
    again = json.loads(bms(WHOLE, "--json").stdout)
    assert (again["files"][0]["taken"], again["files"][0]["known"]) == (0, 24)


def test_a_bad_file_spares_the_next_and_fails_the_call(bms, tmp_path) -> None:
    done = bms(SEMICOLONS, tmp_path / "nowhere.csv", WHOLE, "--json")
    assert done.exit_code == 1
    first, second, third = json.loads(done.stdout)["files"]
    assert "semicolons" in first["error"]
    assert "No such file" in second["error"]
    assert third["taken"] == 24


def test_refused_rows_are_named_and_fail_only_a_strict_call(bms) -> None:
    done = bms(UNKNOWN)
    assert done.exit_code == 0
    assert "day.csv:14: meter 'EL-9' is in no site file" in done.stderr
    assert "(24 rows)" in done.stderr
    assert bms(UNKNOWN, "--strict").exit_code == 1
    assert bms(WHOLE, "--strict").exit_code == 0


def test_a_dry_run_stores_nothing(bms, tmp_path) -> None:
    done = bms(WHOLE, "--dry-run", "--json")
    told = json.loads(done.stdout)
    assert (told["dry_run"], told["files"][0]["accepted"], told["quality"]) == (True, 24, {})
    assert values(tmp_path / "home", "school/el.energy") == []


def test_a_mapping_says_how_a_csv_is_read(bms, tmp_path) -> None:
    done = bms(SPRING, "--mapping", MAPPING, "--json")
    assert done.exit_code == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    assert (file["taken"], file["refused_rows"], file["refused"][0]["line"]) == (23, 1, 25)


def test_a_heat_meter_s_gap_stands_in_the_table(bms) -> None:
    told = json.loads(bms(HEAT, "--format", "kredsloeb", "--json").stdout)
    assert told["files"][0]["unasked"] == {"power": 23}
    heat = told["quality"]["school/heat"]
    assert (heat["steps"], heat["missing"], heat["counts"]["gap"]) == (24, 5, 1)
    done = bms(HEAT, "--format", "kredsloeb")
    assert "23 values of power that no site file asks for" in done.stdout
    assert "not tried with a real file" in done.stderr
    assert "school/heat: The use is known for 79.1 %" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((WHOLE, "--format", "poems"), "csv, eloverblik, kredsloeb, aalborg"),
        ((WHOLE, "--format", "eloverblik", "--mapping", MAPPING), "take no mapping"),
        ((), "FILE"),
    ],
)
def test_a_wrong_call_is_told_so(bms, arguments, says) -> None:
    done = bms(*arguments)
    assert done.exit_code == 2
    assert says in done.stderr.replace("\n", " ")


def test_a_wrong_mapping_is_told_with_its_lines(bms, tmp_path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("stamp: middle\ncolour: red\n")
    done = bms(WHOLE, "--mapping", wrong)
    assert done.exit_code == 1
    assert f"{wrong}:1: stamp" in done.stderr
    assert f"{wrong}:2: 'colour'" in done.stderr


async def test_the_job_of_a_running_backend_takes_what_suppliers_drop(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    for folder, source in (
        ("csv", WHOLE),
        ("csv-waterworks", SPRING),
        ("kredsloeb", HEAT),
        ("eloverblik", SEMICOLONS),
    ):
        (drop / folder / "in").mkdir(parents=True)
        (drop / folder / "in" / source.name).write_bytes(source.read_bytes())
    (drop / "csv-waterworks" / "mapping.yaml").write_bytes(MAPPING.read_bytes())
    city = wire(Settings(home=tmp_path / "home", sites=SITES, drop=drop))
    with contextlib.closing(city.stores):
        (job,) = (job for job in job_table(city) if job.name == "ingest")
        assert job.every == timedelta(minutes=1)
        for minute in range(3):
            await job.run(END + timedelta(minutes=minute))
    moved = {str(p.relative_to(drop)) for p in drop.rglob("*") if p.is_file()}
    assert moved == {
        "csv/done/day.csv",
        "csv-waterworks/mapping.yaml",
        "csv-waterworks/done/spring.csv",
        "csv-waterworks/done/spring.csv.report.json",
        "kredsloeb/done/day.csv",
        "kredsloeb/done/day.csv.report.json",
        "eloverblik/failed/semicolons.csv",
        "eloverblik/failed/semicolons.csv.reason.txt",
    }
    assert len(values(tmp_path / "home", "school/el.energy")) == 24 + 23
    assert len(values(tmp_path / "home", "school/heat.energy")) == 23


def test_without_a_drop_folder_there_is_no_such_job(tmp_path: Path) -> None:
    city = wire(Settings(home=tmp_path / "home", sites=SITES, drop=None))
    with contextlib.closing(city.stores):
        assert "ingest" not in {job.name for job in job_table(city)}
