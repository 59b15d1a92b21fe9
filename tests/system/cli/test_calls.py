"""The command line: help with an example, exit codes, JSON, and sentences instead of tracebacks."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from bms.cli.energy.report import AskedReport
from bms.cli.main import app
from bms.model.codec import from_json, to_json
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from bms.model.readings.measurement import Reading
from bms.model.reporting.request import ReportKind
from bms.runtime.municipality import EXAMPLES
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from bms.store.sql.store import SqlStore
from optimizer.planner import Optimizer
from tests.rigs.fakes.city import lodge
from tests.rigs.fakes.ports import problem_ports
from tests.rigs.fakes.store import a_plan
from tests.rigs.processes.outside import BMS, ROOT

MONDAY = datetime(2019, 1, 13, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


def commands(group: TyperGroup, *above: str) -> Iterator[tuple[str, ...]]:
    """Every command of the command line by its words."""
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            yield from commands(command, *above, name)
        else:
            yield (*above, name)


ROOT_GROUP = typer.main.get_command(app)
assert isinstance(ROOT_GROUP, TyperGroup)
COMMANDS = sorted(commands(ROOT_GROUP))


class Bms:
    """The command line in this process, with a home of its own."""

    def __init__(self, home: Path, sites: Path = EXAMPLES) -> None:
        self.env = {"BMS_HOME": str(home), "BMS_SITES": str(sites), "COLUMNS": "200"}
        self.home = home

    def __call__(self, *arguments: str, stdin: str | bytes | None = None, **env: str):
        done = CliRunner().invoke(app, arguments, input=stdin, env={**self.env, **env})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert "Traceback" not in done.output
        return done

    def store(self) -> SqlStore:
        return SqlStore(f"sqlite:///{self.home / 'bms.db'}")


@pytest.fixture
def bms(tmp_path: Path) -> Bms:
    return Bms(tmp_path / "home")


def test_the_commands_of_this_version_are_there() -> None:
    assert {" ".join(words) for words in COMMANDS} >= {
        "demo",
        "run",
        "serve",
        "work list",
        "work show",
        "work ack",
        "work assign",
        "work snooze",
        "work close",
        "guard",
        "sites check",
        "sites list",
        "read",
        "write",
        "release",
        "identify",
        "plan",
        "replay",
        "assess",
        "report",
        "audit list",
        "keys create",
        "keys list",
        "keys revoke",
        "db upgrade",
        "db scrub",
        "schema",
        "bench",
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(bms: Bms, words: tuple[str, ...]) -> None:
    done = bms(*words, "--help")
    assert done.exit_code == 0
    assert "Example: " in done.stdout
    example = done.stdout.split("Example: ")[1].split("\n")[0]
    assert f"bms {' '.join(words)}" in example


def wrong_site(folder: Path) -> Path:
    """A folder with three mistakes."""
    folder.mkdir()
    text = (EXAMPLES / "sportshall.yaml").read_text()
    text = text.replace("area_m2: 2000", "area_m2: huge").replace("mode: auto", "mode: autopilot")
    (folder / "hall.yaml").write_text(text.replace("role: outdoor_temp", "role: weather_god"))
    return folder


def test_a_wrong_site_file_is_told_with_every_mistake_and_nothing_starts(
    bms: Bms, tmp_path: Path
) -> None:
    folder = wrong_site(tmp_path / "sites")
    for arguments in (("sites", "check", str(folder)), ("sites", "list"), ("run",), ("read", "x")):
        done = bms(*arguments, BMS_SITES=str(folder))
        assert done.exit_code == 1, arguments
        assert "3 mistakes in the site files" in done.stderr
        for what in ("huge", "autopilot", "weather_god"):
            line = next(row for row in done.stderr.splitlines() if what in row)
            assert line.split(":")[1].isdigit(), line
    assert not (bms.home / "bms.db").exists()


def test_mistakes_in_site_files_are_json_when_asked_for(bms: Bms, tmp_path: Path) -> None:
    done = bms("sites", "check", str(wrong_site(tmp_path / "sites")), "--json")
    assert done.exit_code == 1
    record = json.loads(done.stdout)
    assert record["sites"] == []
    assert len(record["mistakes"]) == 3
    assert set(record["mistakes"][0]) == {"file", "line", "message"}


def test_good_site_files(bms: Bms) -> None:
    done = bms("sites", "check", str(EXAMPLES))
    assert done.exit_code == 0
    assert done.stdout.startswith("3 sites with ")
    assert json.loads(bms("sites", "check", str(EXAMPLES), "--json").stdout)["mistakes"] == []
    rows = json.loads(bms("sites", "list", "--json").stdout)
    assert {row["site"] for row in rows} == {"townhall", "school", "sportshall"}
    assert "Idrætshallen" in bms("sites", "list").stdout


WRITE = ("write", "school/gym.setpoint", "18")
ASSESS = ("assess", "school", "--baseline", "2018-01-14..2019-01-14", "--reporting")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nonsense",), 2, "No such command"),
        (("sites", "check", "/no/such/folder"), 1, "/no/such/folder"),
        (("sites", "check"), 2, "directory"),
        (("read", "castle"), 2, "there are: school, sportshall, townhall"),
        (("read", "school/tower.temp"), 2, "bms read school"),
        ((*WRITE, "--reason", "x", "--for", "soon"), 2, "write 30m, 2h or 90s"),
        ((*WRITE, "--reason", "x", "--for", "0m"), 2, "longer than 0"),
        ((*WRITE, "--reason", "x", "--for", "999999h"), 2, "at most 24h"),
        ((*WRITE, "--reason", "x", "--for", "9" * 30 + "h"), 2, "write 30m, 2h or 90s"),
        (WRITE, 2, "--reason"),
        (("write", "school", "18", "--reason", "x"), 2, "SITE/POINT"),
        (("write", "school/gym.setpoint", "warm", "--reason", "x"), 2, "valid number"),
        (("write", "school/gym.setpoint", "nan", "--reason", "x"), 1, "nan"),
        (("write", "school/gym.temp", "18", "--reason", "x"), 1, "not writable"),
        (("release",), 2, "--all"),
        (("release", "castle"), 2, "castle"),
        (("plan",), 2, "--problem"),
        (("plan", "castle"), 2, "castle"),
        (("plan", "--problem", "/no/such/file"), 1, "/no/such/file"),
        (("replay", "no-such-plan"), 2, "no-such-plan"),
        (("identify", "castle"), 2, "castle"),
        ((*ASSESS, "last week"), 2, "is not a period"),
        ((*ASSESS, "2019-01-28..2019-01-14"), 2, "ends before"),
        ((*ASSESS, "0001-01-01..9999-12-31"), 2, "is not a period"),
        (("report", "savings", "--month", "2019-13", "--out", "x.csv"), 2, "is not a month"),
        (("report", "savings", "--month", "9999-12", "--out", "x.csv"), 2, "is not a month"),
        (("report", "savings", "--month", "2019-01", "--out", "x", "--format", "docx"), 2, "docx"),
        (("schema", "castle"), 2, "problem, schedule"),
        (("bench", "castle"), 2, "castle"),
        (("keys", "create", "me", "--scope", "everything"), 1, "controller:SITE/DEVICE"),
        (("keys", "revoke", "nokey"), 2, "nokey"),
        (("demo", "--json"), 2, "--once"),
        (("demo", "--days", "0"), 2, "--days"),
    ],
)
def test_wrong_calls_end_with_a_sentence(
    bms: Bms, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = bms(*arguments)
    assert done.exit_code == code, done.output
    assert says in done.stderr + (done.stdout if code == 1 else "")


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"BMS_PORT": "many"}, "BMS_PORT"),
        ({"BMS_LEASE_MINUTES": "1"}, "BMS_LEASE_MINUTES"),
        ({"BMS_SITES": "/no/such/folder"}, "/no/such/folder"),
        ({"BMS_DATABASE_URL": "pigeon://coop"}, "pigeon databases are not served"),
        ({"BMS_DATABASE_URL": "carrier-pigeon://coop"}, "BMS_DATABASE_URL"),
        ({"BMS_CLOCK_FILE": "/no/such/clock"}, "/no/such/clock"),
    ],
)
def test_wrong_settings_end_with_a_sentence_that_names_them(
    bms: Bms, env: dict[str, str], says: str
) -> None:
    done = bms("keys", "list", **env)
    assert done.exit_code in (1, 2)
    assert says in done.stderr


def test_a_home_that_cannot_be_made_is_named_with_the_way_out(bms: Bms, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = bms("keys", "list", BMS_HOME=str(tmp_path / "file" / "home"))
    assert done.exit_code == 1
    assert "BMS_HOME" in done.stderr


def test_a_broken_database_is_named_with_the_way_out(bms: Bms) -> None:
    bms.home.mkdir()
    (bms.home / "bms.db").write_bytes(b"no database at all" * 500)
    for arguments in (("keys", "list"), ("read", "school"), ("run",), ("db", "upgrade")):
        done = bms(*arguments)
        assert done.exit_code == 1
        assert "is no database; move the file away" in done.stderr


def test_a_port_in_use_is_named_with_the_way_out(bms: Bms) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        for words in ("serve", "run"):
            done = bms(words, BMS_PORT=str(port))
            assert done.exit_code == 1
            assert f"port {port} of 127.0.0.1 is in use" in done.stderr
            assert "BMS_PORT" in done.stderr


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    """The sports hall at a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "sites"
    folder.mkdir()
    text = (EXAMPLES / "sportshall.yaml").read_text()
    (folder / "sportshall.yaml").write_text(text.replace("port: 47816", f"port: {port}"))
    return folder


def test_a_device_that_cannot_be_reached_gives_a_quality_and_exit_1(bms: Bms, dead: Path) -> None:
    done = bms("read", "sportshall/hall.temp", "--json", BMS_SITES=str(dead))
    assert done.exit_code == 1
    (row,) = json.loads(done.stdout)
    assert (row["point"], row["value"], row["quality"]) == (
        "sportshall/hall.temp",
        None,
        "no_reply",
    )
    assert row["detail"]
    assert row["unit"] == "degC"
    table = bms("read", "sportshall/hall.temp", BMS_SITES=str(dead))
    assert table.exit_code == 1
    assert "no_reply" in table.stdout


def test_writing_to_a_device_that_cannot_be_reached_is_a_failed_receipt(
    bms: Bms, dead: Path
) -> None:
    wish = ("write", "sportshall/hall.setpoint", "18", "--reason", "test", "--json")
    done = bms(*wish, BMS_SITES=str(dead))
    assert done.exit_code == 1
    assert json.loads(done.stdout)["outcome"] == "failed"


def test_schemas_are_json_schemas_of_the_nouns(bms: Bms) -> None:
    for name in ("problem", "schedule"):
        schema = json.loads(bms("schema", name).stdout)
        assert schema["type"] == "object"
        assert "site" in schema["properties"]


def test_keys_are_shown_once_and_revoked(bms: Bms) -> None:
    made = json.loads(bms("keys", "create", "anna", "--scope", "operate", "--json").stdout)
    secret = made["key"].split("_", 2)[2]
    listed = bms("keys", "list", "--json").stdout
    assert secret not in listed
    (row,) = json.loads(listed)
    assert (row["name"], row["scope"], row["revoked"]) == ("anna", "operate", None)
    assert bms("keys", "revoke", row["id"]).exit_code == 0
    assert json.loads(bms("keys", "list", "--json").stdout)[0]["revoked"] is not None


def test_upgrading_twice_is_fine(bms: Bms) -> None:
    for _ in range(2):
        done = bms("db", "upgrade")
        assert (done.exit_code, done.stdout) == (0, "the database is up to date\n")


def problem() -> Problem:
    return assemble(
        lodge(),
        now=MONDAY,
        horizon=timedelta(hours=24),
        history_days=1,
        ports=problem_ports(MemoryStore()),
    )


def test_a_problem_from_standard_input_is_answered(bms: Bms, tmp_path: Path) -> None:
    text = to_json(problem())
    done = bms("plan", "--problem", "-", "--json", stdin=text)
    assert done.exit_code == 0
    schedule = from_json(Schedule, done.stdout)
    assert [s.point for s in schedule.setpoints] == ["lodge/hall.setpoint"]
    assert all(reason["da"] and reason["en"] for reason in json.loads(done.stdout)["reasons"])
    path = tmp_path / "problem.json"
    path.write_text(text)
    assert bms("plan", "--problem", str(path), "--json").stdout == done.stdout
    shown = bms("plan", "--problem", str(path))
    assert shown.exit_code == 0
    assert "lodge/hall.setpoint" in shown.stdout


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"site": "x"}', b"\xff\xfe\x00", '{"site": 1, "zones": 2}']
)
def test_a_problem_that_cannot_be_read_is_a_wrong_call(bms: Bms, text: str | bytes) -> None:
    done = bms("plan", "--problem", "-", stdin=text)
    assert done.exit_code == 2
    assert "Problem is not valid" in done.stderr


@pytest.mark.parametrize(
    "changes",
    [
        {"step_s": 0},
        {"step_s": -900},
        {"timezone": "Mars/Olympus"},
        {"electricity_dkk_per_kwh": (1.0,)},
        {"zones": ()},
        {"start": datetime(2019, 1, 1)},  # noqa: DTZ001 (naive is the point)
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_problem_that_makes_no_sense_is_answered_or_refused_in_words(
    bms: Bms, changes: dict[str, object]
) -> None:
    done = bms("plan", "--problem", "-", "--json", stdin=to_json(replace(problem(), **changes)))
    assert done.exit_code in (0, 1, 2)
    assert done.exit_code == 0 or done.stderr


def test_replaying_a_plan_gives_the_same_schedule_and_a_changed_one_is_noticed(bms: Bms) -> None:
    asked = problem()
    plan = replace(a_plan("good", "lodge", MONDAY), problem=asked, objections=())
    plan = replace(plan, schedule=Optimizer().plan(asked))
    bms.home.mkdir()
    store = bms.store()
    store.add_plan(plan)
    store.add_plan(replace(a_plan("other", "lodge", MONDAY), problem=asked))
    store.close()
    done = bms("replay", "good", "--json")
    assert done.exit_code == 0
    assert from_json(Schedule, done.stdout).setpoints == plan.schedule.setpoints
    done = bms("replay", "other")
    assert done.exit_code == 1
    assert "differs" in done.stderr


def test_a_site_without_readings_still_gets_a_plan_but_no_model(bms: Bms) -> None:
    done = bms("plan", "sportshall", "--dry-run", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["status"] == "fallback"
    refused = bms("identify", "sportshall")
    assert refused.exit_code == 1
    assert "Too few data on outdoor temperature: 0 % of the time." in refused.stdout.splitlines()


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose sports hall has a year of hourly registers, and saves a fifth of its heat."""
    home = tmp_path_factory.mktemp("year")
    store = SqlStore(f"sqlite:///{home / 'bms.db'}")
    start = MONDAY - timedelta(days=365)
    for name, base in (("heat.energy", 30.0), ("el.energy", 10.0)):
        total, rows = 0.0, []
        for hour in range(379 * 24 + 1):
            rows.append(Reading(f"sportshall/{name}", start + hour * HOUR, round(total, 1)))
            saved = 0.8 if hour >= 365 * 24 and name == "heat.energy" else 1.0
            total += base * saved + 0.1 * (hour % 24)
        store.add_readings(rows)
    store.close()
    return home


PERIODS = ("--baseline", "2018-01-14..2019-01-14", "--reporting", "2019-01-14..2019-01-28")


def test_assess_prints_one_json_object_per_meter(year: Path) -> None:
    done = Bms(year)("assess", "sportshall", *PERIODS, "--json")
    assert done.exit_code == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["meter_id"] for row in rows] == ["sportshall/heat", "sportshall/el"]
    names = (
        "meter_id model n coverage cv_rmse nmbe r2 rho baseline_kwh adjusted_baseline_kwh "
        "measured_kwh saving_kwh saving_low_kwh saving_high_kwh confidence verdict reasons flags"
    )
    for row in rows:
        assert set(names.split()) <= set(row)
    heat = rows[0]
    assert heat["coverage"] == pytest.approx(1.0)
    assert heat["measured_kwh"] == pytest.approx(14 * 24 * (24.0 + 1.15), rel=0.01)
    assert heat["saving_kwh"] == pytest.approx(14 * 24 * 6.0, rel=0.1)
    table = Bms(year)("assess", "sportshall", *PERIODS)
    assert "sportshall/heat" in table.stdout


def test_a_period_without_data_is_answered_with_reasons(bms: Bms) -> None:
    done = bms(*ASSESS, "2030-01-01..2030-02-01", "--json")
    assert done.exit_code == 0
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (row["verdict"], row["saving_kwh"]) == ("not_claimable", None)
    assert row["reasons"]


@pytest.mark.parametrize("form", ["csv", "json", "xlsx", "parquet", "pdf"])
def test_a_report_is_a_file_of_any_form(year: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"savings.{form}"
    call = ("report", "savings", "--month", "2019-01", "--site", "sportshall", "--out", str(out))
    done = Bms(year)(*call)
    assert done.exit_code == 0, done.stderr
    begins = {"csv": b"\xef\xbb\xbfBygn", "json": b"{", "xlsx": b"PK", "parquet": b"PAR1"}
    assert out.read_bytes().startswith(begins.get(form, b"%PDF"))
    assert Bms(year)(*call).exit_code == 2
    assert Bms(year)(*call, "--force").exit_code == 0


def test_every_kind_of_report_can_be_asked_for_and_what_was_sent(year: Path) -> None:
    assert {kind.value for kind in AskedReport} == {*(kind.value for kind in ReportKind), "sent"}
    assert "nothing was sent" in Bms(year)("report", "sent").stdout
    assert Bms(year)("report", "savings").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("savings", "--out", "no/dir.csv"), 1, "dir.csv"),
        (("savings", "--out", "a.txt"), 2, "give --format"),
        (("savings", "--month", "2019", "--out", "a.csv"), 2, "write 2026-10"),
        (("savings", "--year", "2019-01", "--out", "a.csv"), 2, "write 2026"),
        (("savings", "--site", "nowhere", "--out", "a.csv"), 2, "sportshall"),
        (("savings", "--group", "castle", "--out", "a.csv"), 2, "office"),
        (("savings", "--lang", "fr", "--out", "a.csv"), 2, "da, en"),
        (("savings", "--plain", "--out", "a.pdf"), 2, "--format csv"),
        (("gossip", "--out", "a.csv"), 2, "council"),
    ],
)
def test_a_wrong_report_says_what_is_wrong_and_leaves_no_file(
    year: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    place = arguments.index("--out") + 1
    moved = [*arguments[:place], str(tmp_path / arguments[place]), *arguments[place + 1 :]]
    done = Bms(year)("report", *moved)
    assert (done.exit_code, list(tmp_path.iterdir())) == (code, []), done.stderr
    assert says in done.stderr


@pytest.mark.system
def test_the_installed_command_says_the_same(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BMS, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "BMS_SITES": str(EXAMPLES)},
        )

    done = run("read", "castle")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no site 'castle'")


def test_measures_are_entered_listed_shown_and_ended(year: Path) -> None:
    call = Bms(year)
    words = ("--what", "new windows", "--from", "2019-01-14", "--kind", "windows")
    done = call("measures", "add", "sportshall", *words, "--expect", "0.5", "--by", "bo", "--json")
    assert done.exit_code == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["kind"], made["author"], made["expected_share"]) == ("windows", "bo", 0.5)
    listed = json.loads(call("measures", "list", "sportshall", "--json").stdout)
    assert made["id"] in [row["id"] for row in listed]
    assert made["id"] in call("measures", "list").stdout
    shown = call("measures", "show", "sportshall", made["id"])
    assert "new windows" in shown.stdout
    danish = call("measures", "show", "sportshall", made["id"], LC_ALL="da_DK.UTF-8")
    assert "vinduer" in danish.stdout
    over = ("--to", "2019-02-14", "--reason", "taken out", "--by", "eva")
    ended = call("measures", "end", "sportshall", made["id"], *over, "--json")
    assert json.loads(ended.stdout)["end"] == "2019-02-13T23:00:00Z"
    again = call("measures", "end", "sportshall", made["id"], *over)
    assert (again.exit_code, "has an end already" in again.stderr) == (1, True)
    wrong = call("measures", "add", "sportshall", "--what", "x", "--from", "soon")
    assert wrong.exit_code == 2


def test_goals_are_set_listed_and_imported(tmp_path: Path) -> None:
    call = Bms(tmp_path)
    why, year = ("--reason", "as decided", "--by", "bo"), str(datetime.now(UTC).year)
    one = ("--year", year, "--commodity", "heat", "--budget", "120000", *why)
    made = json.loads(call("goals", "set", "townhall", *one, "--json").stdout)
    assert (made[0]["budget"], made[0]["target"], made[0]["author"]) == (120_000.0, None, "bo")
    assert "120,000" in call("goals", "list").stdout
    table = tmp_path / "budgets.csv"
    table.write_text(
        "site;year;commodity;budget;target\n"
        f"townhall;{year};heat;110000;100000\nsportshall;{year};electricity;;9000.5\n"
    )
    done = call("goals", "import", str(table), *why, "--json")
    assert [row["target"] for row in json.loads(done.stdout)] == [100_000.0, 9_000.5]
    table.write_text(table.read_text() + "\n" * 3_000_000)  # as many as 650 buildings for ten years
    assert json.loads(call("goals", "import", str(table), *why, "--json").stdout) == []
    history = json.loads(call("goals", "list", "townhall", "--history", "--json").stdout)
    assert [row["budget"] for row in history] == [120_000.0, 110_000.0]
    assert json.loads(call("goals", "list", "--year", "2001", "--json").stdout) == []
    assert "Nothing was set" in call("goals", "list", "school").stdout


def test_a_table_of_goals_with_wrong_rows_sets_nothing_and_names_each(tmp_path: Path) -> None:
    call, table = Bms(tmp_path), tmp_path / "budgets.csv"
    year, why = datetime.now(UTC).year, ("--reason", "as decided", "--by", "bo")
    wrong = ("castle,2026,heat,1,", "townhall,soon,heat,1,", "townhall,2026,wind,1,", "townhall")
    wrong += ("townhall,2026,heat,nan,", "townhall,2026,heat,1e999,", "townhall,2026,heat,-5,")
    head = ("site,year,commodity,budget,target", f"townhall,{year},heat,1,")
    table.write_text("\n".join([*head, *wrong]))
    done = call("goals", "import", str(table), *why)
    assert done.exit_code == 1
    assert all(f"line {n}: " in done.stderr for n in range(3, 10)), done.stderr
    assert json.loads(call("goals", "list", "--json").stdout) == []
    for junk in (b"\xff\xfe", b'site,year,commodity,budget\n"' + b"x" * 200_000, b"x" * 2_000_000):
        table.write_bytes(junk)
        done = call("goals", "import", str(table), *why)
        assert (done.exit_code, "budgets.csv" in done.stderr) == (1, True), done.stderr[:200]
    table.write_text("site,year\ntownhall,2026\n")
    assert "no column commodity, budget" in call("goals", "import", str(table), *why).stderr
