"""What a process of ours may do to the computer that it runs on: units, containers, the image."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from sqlalchemy import make_url
from typer import Context
from typer.main import get_command
from typer.testing import CliRunner

from bms.cli.console.lazy_commands import LazyGroup
from bms.cli.main import app
from bms.config import Settings
from bms.services.guard.heartbeat import Presence
from tests.rigs.paths import ROOT
from tools.audit.image_lock import LOCK, constraints, locked, normal, wanted

DEPLOY = ROOT / "deploy"
UNITS = ("bms.service", "bms-guard@.service")
ASKED = {
    "User": "bms",
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "StateDirectoryMode": "0700",
    "DevicePolicy": "closed",
    "ReadOnlyPaths": "/etc/bms",
    "RestrictSUIDSGID": "yes",
}


def settings(unit: str) -> dict[str, str]:
    """The last value of each key of ``[Service]``."""
    text = (DEPLOY / unit).read_text("utf-8")
    section = text.partition("[Service]\n")[2].partition("\n[")[0]
    pairs = (line.partition("=") for line in section.splitlines() if not line.startswith("#"))
    return {key: value for key, _, value in pairs if key}


@pytest.mark.parametrize("unit", UNITS)
def test_m3_a_unit_may_write_its_home_and_nothing_else(unit: str) -> None:
    found = settings(unit)
    assert {key: found.get(key) for key in ASKED} == ASKED
    home = re.search(r"BMS_HOME=(\S+)", found["Environment"])
    assert home is not None
    writable = [path.lstrip("-") for path in found["ReadWritePaths"].split()]
    assert writable[0] == home[1]
    assert set(writable[1:]) <= {"/srv/bms/drop"}


def test_h2_the_unit_finds_its_site_files_where_it_cannot_write() -> None:
    found = settings("bms.service")
    sites = re.search(r"BMS_SITES=(\S+)", found["Environment"])
    assert sites is not None
    assert sites[1].startswith(found["ReadOnlyPaths"] + "/")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
@pytest.mark.parametrize("unit", UNITS)
def test_m3_systemd_finds_little_exposed(unit: str, tmp_path: Path) -> None:
    name = unit.replace("@", "@1")
    shutil.copy(DEPLOY / unit, tmp_path / name)
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", tmp_path / name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    level = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    if level is None:
        pytest.skip(f"systemd-analyze judges no files here: {done.stderr[:80]}")
    assert float(level[1]) < 2.5
    verified = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / name],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Unknown key" not in verified.stderr
    assert "Failed to parse" not in verified.stderr


def compose() -> dict[str, dict]:
    services: dict[str, dict] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))[
        "services"
    ]
    return services


CONTAINERS = {
    "database": {"database:/var/lib/postgresql/data", "socket:/var/run/postgresql"},
    "guard": {"home:/data"},
    "worker": {"home:/data", "socket:/var/run/postgresql"},
    "serve": {"home:/data", "socket:/var/run/postgresql"},
}
"""What each container may write."""
OURS = sorted(CONTAINERS.keys() - {"database"})


def test_every_role_has_a_container() -> None:
    assert compose().keys() == CONTAINERS.keys()


@pytest.mark.parametrize("name", CONTAINERS)
def test_m3_a_container_may_write_its_volumes_and_nothing_else(name: str) -> None:
    service = compose()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("0", "root")
    assert all("noexec" in each for each in service["tmpfs"])
    assert {each for each in service["volumes"] if isinstance(each, str)} == CONTAINERS[name]
    binds = [each for each in service["volumes"] if isinstance(each, dict)]
    assert all(each["target"] == "/sites" and each["read_only"] is True for each in binds)
    assert bool(binds) == (name in ("worker", "serve"))


def test_a_container_is_reached_from_this_computer_alone() -> None:
    ports = {name: service["ports"] for name, service in compose().items() if "ports" in service}
    assert ports == {"serve": ["127.0.0.1:8000:8000"]}
    assert compose()["database"]["network_mode"] == "none"


@pytest.mark.parametrize("name", OURS)
def test_what_a_container_runs_and_is_told_exists(name: str) -> None:
    service = compose()[name]
    commands = [service["command"]]
    test = service["healthcheck"]["test"]
    assert test[0] == "CMD"
    if test[1] == "bms":
        commands.append(test[2:])
    for words in commands:
        group = get_command(app)
        assert isinstance(group, LazyGroup)
        command = group.get_command(Context(group), words[0])
        assert command is not None
        options = {option for each in command.params for option in each.opts}
        assert set(words[1:]) <= options
    known = {f"BMS_{name.upper()}" for name in Settings.model_fields}
    assert set(service["environment"]) <= known


def test_the_containers_find_their_database_without_a_secret() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert not re.search(r"(?i)password|secret:|token|passfile", text.replace("no password", ""))
    for name in ("worker", "serve"):
        service = compose()[name]
        url = make_url(service["environment"]["BMS_DATABASE_URL"])
        assert (url.host, url.password, url.database) == (None, None, "bms")
        assert f"socket:{url.query['host']}" in service["volumes"]
        assert service["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_a_health_check_of_the_guard_looks_for_its_heartbeat(tmp_path: Path) -> None:
    journal = tmp_path / "release.journal"
    look = ["guard", "--journal", str(journal), "--alive"]
    assert CliRunner().invoke(app, look).exit_code == 1
    place = Presence(journal)
    place.claim()
    assert CliRunner().invoke(app, look).exit_code == 0
    place.drop()
    assert CliRunner().invoke(app, look).exit_code == 1


def test_the_image_takes_what_the_lock_names_by_its_hashes() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    assert "BMS_SITES=/sites" in text
    assert "USER bms" in text


def test_the_lock_names_versions_and_hashes_and_no_address() -> None:
    text = (ROOT / LOCK).read_text("utf-8")
    assert "://" not in text
    found = locked(text)
    pins = constraints(ROOT)
    assert {name: version for name, (version, _) in found.items()} == {
        name: pins[name] for name in found
    }
    asked = {normal(re.split(r"[\[<>=~! ]", each)[0]) for each in wanted(ROOT)}
    assert asked <= set(found)


@pytest.mark.parametrize(
    "line",
    ["bms==1.0", "x @ https://host/x.whl", "-i https://host/", "x==1 --hash=md5:abc", "../evil"],
)
def test_a_line_without_hashes_is_no_line_of_a_lock(line: str) -> None:
    with pytest.raises(ValueError, match="no requirement with hashes"):
        locked(line)
