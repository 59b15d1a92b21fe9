"""``bms users`` and the part of ``bms keys`` that limits a key to buildings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.store.sql.store import SqlStore
from tests.rigs.paths import ROOT

PASSWORD = "correct horse battery"


def bms(home: Path, *arguments: str, typed: str = "", code: int = 0) -> str:
    env = {"BMS_HOME": str(home), "BMS_SITES": str(ROOT / "sites" / "examples")}
    done = CliRunner().invoke(app, arguments, env=env, input=typed)
    assert done.exit_code == code, done.output
    return done.output


def test_a_person_is_made_listed_and_revoked(tmp_path: Path) -> None:
    role = ("--role", "facility-manager", "--sites", "school")
    made = bms(tmp_path, "users", "create", "kari", *role, "--by", "root", typed=f"{PASSWORD}\n")
    assert PASSWORD not in made
    [row] = json.loads(bms(tmp_path, "users", "list", "--json"))
    assert (row["name"], row["roles"]) == ("kari", ["facility_manager@school"])
    assert "password" not in row
    assert "argon2" not in bms(tmp_path, "users", "list")
    bms(tmp_path, "users", "revoke", "kari", "--reason", "left", "--by", "root")
    [row] = json.loads(bms(tmp_path, "users", "list", "--json"))
    assert row["revoked"] is not None
    assert json.loads(bms(tmp_path, "users", "sessions", "--json")) == []


def test_the_password_of_a_file_is_kept_as_an_argon2id_hash(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    bms(tmp_path, "users", "create", "kari", "--password-file", str(file), "--by", "root")
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    person = store.person("kari")
    assert person is not None
    assert str(person.password).startswith("$argon2id$")
    assert person.grants == "viewer"
    store.close()


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("kari", "--role", "boss"), PASSWORD, "is no role; there are: viewer"),
        (("kari", "--role", "operate"), PASSWORD, "is no role"),
        (("kari", "--sites", "nowhere"), PASSWORD, "there is no building nowhere"),
        (("kari", "--groups", "nothing"), PASSWORD, "there is no group nothing"),
        (("kari",), "short", "8 to 1024 characters"),
        (("kari",), "", "8 to 1024 characters"),
        (("longname1",), "longname1", "choose another"),
        ((" ",), PASSWORD, "printable characters"),
    ],
)
def test_what_cannot_be_is_refused_and_nobody_is_made(
    tmp_path: Path, arguments: tuple[str, ...], typed: str, told: str
) -> None:
    assert told in bms(tmp_path, "users", "create", *arguments, typed=typed, code=1)
    assert json.loads(bms(tmp_path, "users", "list", "--json")) == []


def test_a_key_is_limited_to_buildings_and_groups(tmp_path: Path) -> None:
    made = bms(
        tmp_path,
        *("keys", "create", "portal", "--scope", "energy-team"),
        *("--sites", "school", "--groups", "school", "--by", "root", "--json"),
    )
    assert json.loads(made)["scope"] == "energy_team@school,group:school"
    refused = ("keys", "create", "x", "--scope", "ingest:school", "--sites", "school")
    assert "names its buildings already" in bms(tmp_path, *refused, code=1)


@pytest.mark.parametrize("option", ["--sites", "--groups"])
@pytest.mark.parametrize("named", ["", " ", " , "])
@pytest.mark.parametrize("what", ["keys", "users"])
def test_whoever_is_limited_to_no_building_is_not_let_in_everywhere(
    tmp_path: Path, what: str, named: str, option: str
) -> None:
    asked = (what, "create", "portal", option, named, "--by", "root")
    assert f"{option} names nothing" in bms(tmp_path, *asked, typed=PASSWORD, code=1)
    assert json.loads(bms(tmp_path, what, "list", "--json")) == []
