"""``bms ranking``, ``bms cooling`` and ``bms events`` on the command line."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bms.cli.main import app
from bms.model.readings.measurement import Reading
from bms.services.periods import midnight
from bms.store.sql.store import SqlStore
from tests.rigs.processes.outside import ROOT

NOW = "2019-03-01T12:00:00+00:00"
ZONE = "Europe/Copenhagen"
WHY = ("--reason", "drying after a burst pipe")
PERIOD = ("--meter", "heat", "--from", "2019-01-10", "--to", "2019-01-20")
ENTRY = (*PERIOD, "--kwh", "1200", "--se", "300", *WHY, "--by", "bo")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example buildings with two years of daily registers of heat and its water."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "clock.json").write_text(json.dumps({"time": NOW}))
    store = SqlStore(f"sqlite:///{folder / 'bms.db'}")
    for site, cooling_k in (("sportshall", 25.0), ("townhall", 35.0)):
        rows: list[Reading] = []
        day, volume, energy = date(2018, 1, 1), 0.0, 0.0
        while day <= date(2019, 3, 1):
            at = midnight(day, ZONE)
            rows.append(Reading(f"{site}/heat.volume", at, volume))
            rows.append(Reading(f"{site}/heat.energy", at, energy))
            m3 = 30.0 if day.month in (11, 12, 1, 2, 3) else 8.0
            volume, energy, day = volume + m3, energy + 1.163 * m3 * cooling_k, _next(day)
        store.add_readings(rows)
    store.close()
    return folder


def _next(day: date) -> date:
    return day + timedelta(days=1)


def bms(home: Path, *arguments: str) -> Result:
    settings = {
        "BMS_HOME": str(home),
        "BMS_SITES": str(ROOT / "sites" / "examples"),
        "BMS_CLOCK_FILE": str(home / "clock.json"),
        "COLUMNS": "100",
        "LC_ALL": "en_GB.UTF-8",
    }
    return CliRunner().invoke(app, list(arguments), env=settings)


class TestCooling:
    def test_the_largest_fee_comes_first(self, home: Path) -> None:
        done = bms(home, "cooling", "--json")
        assert done.exit_code == 0, done.output
        first, second = json.loads(done.stdout)
        assert (first["meter"], second["meter"]) == ("sportshall/heat", "townhall/heat")
        assert first["to_date"]["cooling_k"] == pytest.approx(25.0)
        assert first["fee_dkk"] == pytest.approx(5 * 7.8 * first["to_date"]["energy_mwh"])
        assert first["forecast"]["fee_dkk"] > first["fee_dkk"]
        assert second["fee_dkk"] == 0.0

    def test_a_table_for_people(self, home: Path) -> None:
        text = bms(home, "cooling").stdout
        assert "sportshall/heat" in text
        assert "25.0" in text
        assert "2019 until 2019-03-01; fees in DKK without VAT" in text
        assert max(map(len, text.splitlines())) <= 100


class TestRanking:
    def test_what_is_not_known_says_so(self, home: Path) -> None:
        """Daily registers say nothing about nights; three buildings are few."""
        done = bms(home, "ranking", "--metric", "night_share", "--json")
        assert done.exit_code == 0, done.output
        answer = json.loads(done.stdout)
        assert (answer["metric"], answer["unit"]) == ("night_share", "1")
        assert {row["value"] for row in answer["buildings"]} == {None}

    def test_a_table_for_people_promises_nothing(self, home: Path) -> None:
        done = bms(home, "ranking", "--metric", "coverage")
        assert done.exit_code == 0
        assert "Peer comparison, no proof." in done.stdout
        assert "sportshall" in done.stdout

    def test_an_unknown_metric_is_a_wrong_call(self, home: Path) -> None:
        done = bms(home, "ranking", "--metric", "beauty")
        assert done.exit_code == 2
        assert "heat_kwh_m2" in done.output


class TestEvents:
    def test_an_entry_stays_and_is_corrected_by_another(self, home: Path) -> None:
        made = bms(home, "events", "sportshall", "add", *ENTRY, "--json")
        assert made.exit_code == 0, made.output
        first = json.loads(made.stdout)
        assert (first["meter"], first["author"]) == ("sportshall/heat", "bo")
        nothing = (*PERIOD, "--kwh", "0", "--se", "0", "--reason", "it was not our pipe")
        again = bms(home, "events", "sportshall", "add", *nothing, "--supersedes", first["id"])
        assert again.exit_code == 0, again.output
        assert again.stdout.startswith("dismissed ")
        rows = json.loads(bms(home, "events", "sportshall", "list", "--json").stdout)["events"]
        assert [row["standing"] for row in rows] == [False, True]
        text = bms(home, "events", "sportshall", "list").stdout
        assert "drying after a burst pipe" in " ".join(text.split())
        assert "superseded" in text

    @pytest.mark.parametrize(
        ("words", "wish"),
        [
            (("add", *PERIOD, *WHY), "give --kwh and --se"),
            (("add", *PERIOD, "--kwh", "5", *WHY), "go together"),
            (("add", "--kwh", "5", "--se", "1", *WHY), "give the --meter"),
            (("add", *PERIOD, "--kwh", "5", "--se", "1"), "give a --reason"),
            (("add", *PERIOD[:3], "soon", "--kwh", "5", "--se", "1", *WHY), "2019-02-14"),
            (("confirm", *WHY), "name the EVENT"),
            (("dismiss", *WHY), "name the EVENT"),
            (("confirm", "heat-drift-2019-01-01", *WHY), "no event 'heat-drift-2019-01-01'"),
            (("list", "--baseline", "2018"), "is not a period"),
        ],
    )
    def test_half_a_call_says_what_is_missing(
        self, home: Path, words: tuple[str, ...], wish: str
    ) -> None:
        done = bms(home, "events", "sportshall", *words)
        assert done.exit_code == 2, done.output
        assert wish in " ".join(done.output.replace("│", " ").split())

    def test_nothing_changed_and_nothing_is_accepted(self, home: Path) -> None:
        done = bms(home, "events", "sportshall", "accept-baseline", *WHY)
        assert (done.exit_code, done.stdout) == (0, "no baseline has changed\n")
