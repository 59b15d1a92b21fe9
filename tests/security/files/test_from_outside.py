"""Files that a person or a setting names (SECURITY.md): a pipe, a device or a file without an end
is refused by its name, and neither waited for nor read into memory."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.config import Settings
from bms.errors import BmsError
from bms.feeds.calendars.halls import CalendarRow, IcsFile
from bms.feeds.provider_settings import secret_lines
from bms.feeds.sign_in.settings import provider_of
from bms.feeds.upstream.keys import upstreams_of
from bms.model.outside_file import read_outside
from bms.notices.file import read_secret
from drivers.mqtt.link import tls_context
from drivers.mqtt.publisher import SchedulePublisher
from sites.loader import load_sites
from tests.rigs.fakes.store import MONDAY
from tests.rigs.paths import ROOT

COMMANDS = [
    "sites import {file} --out {home}/made",
    "sites draft {file} --out {home}/drafted.yaml",
    "sites draft {file} --states {file} --out {home}/drafted.yaml",
    "identify --csv {file}",
    "plan --problem {file}",
    "ingest {file}",
    "ingest {file} --mapping {file}",
    "goals import {file} --reason decided",
    "occupancy import school {file}",
    "detect --csv {file}",
    "detect --csv {file} --map {file}",
    "assess --csv {file} --weather {file} {periods}",
    "assess --csv {file} --weather {file} --mapping {file} {periods}",
    "users create kari --role viewer --password-file {file}",
    "sites check {file}",
]
PERIODS = "--baseline 2018-01-01..2019-01-01 --reporting 2019-01-01..2020-01-01"
SETTINGS: dict[str, Callable[[Path], object]] = {
    "keys of providers": lambda path: secret_lines("BMS_ENTSOE_TOKEN_FILE", path, 1, 1),
    "secret of the sign-in": lambda path: provider_of(
        Settings(
            oidc_issuer="https://id.example.dk", oidc_client_id="us", oidc_client_secret_file=path
        )
    ),
    "keys of upstreams": lambda path: upstreams_of(["https://energy.example.dk"], path),
    "secrets of notices": read_secret,
    "certificates": lambda path: tls_context(path, None, None),
    "password of the broker": lambda path: SchedulePublisher(
        urlsplit("mqtt://user@127.0.0.1").geturl(), password_file=path
    )._options(),
    "calendar": lambda path: IcsFile(CalendarRow(site="school", file=path), "UTC").spans(
        MONDAY, MONDAY
    ),
    "site files": load_sites,
}
HOLDERS = ("bms/cli", "bms/feeds", "bms/notices", "sites", "drivers", "bms/clock.py", "optimizer")
OURS = {
    "bms/clock.py": "what the system says of its start",
    "bms/cli/console/errors.py": "the null device",
    "bms/cli/console/output_file.py": "outputs, which are made anew",
    "bms/feeds/archive.py": "data that are shipped",
    "bms/feeds/client/disk_cache.py": "the cache in our home",
    "bms/feeds/client/series_archive.py": "the archive in our home",
    "bms/feeds/upstream/federation.py": "the cache in our home",
    "drivers/fieldbus/serial_port.py": "a serial line, which is a device",
    "drivers/fieldbus/write_budget_log.py": "the log of writes in our home",
    "drivers/mbus/kept_telegrams.py": "the last telegrams in our home",
    "drivers/simulator": "files of the simulator",
    "sites/schema/value_types.py": "data that are shipped",
}
"""What opens files all the same, and which."""
KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": lambda path: os.mkfifo(path, 0o600),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "large": lambda path: (path.touch(0o600), os.truncate(path, 10_000_000_000)),
}


@pytest.fixture(params=KINDS)
def named(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "theirs.csv"
    KINDS[request.param](path)
    return path


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_names_what_is_no_file_or_too_large(
    words: str, named: Path, tmp_path: Path
) -> None:
    env = {"BMS_HOME": str(tmp_path / "home"), "BMS_SITES": str(ROOT / "sites" / "examples")}
    call = words.format(file=named, home=tmp_path, periods=PERIODS).split()
    done = CliRunner().invoke(app, call, env=env)
    assert done.exit_code in (1, 2), done.output
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)
    assert named.name in re.sub(r"[\s│]", "", done.output)  # whatever breaks the line of a box


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_names_what_is_no_file_or_too_large(setting: str, named: Path) -> None:
    with pytest.raises((BmsError, OSError)) as caught:
        SETTINGS[setting](named)
    assert named.name in f"{caught.value}{getattr(caught.value, 'filename', '')}"


def test_what_is_larger_says_by_how_many_bytes_at_most(tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(b"x" * 11)
    assert len(read_outside(path, 11)) == 11
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_outside(path, 10)


def test_whoever_opens_a_file_comes_in_by_the_one_door() -> None:
    """A new place that opens a file by itself joins the list with its reason, or takes the door."""
    found = {name for holder in HOLDERS for name in openers(ROOT / holder)}
    unknown = {name for name in found if not any(name.startswith(known) for known in OURS)}
    assert unknown == set()


def openers(place: Path) -> Iterator[str]:
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    for file in files:
        calls = (
            node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)
        )
        if any(opens(call) for call in calls):
            yield str(file.relative_to(ROOT))


def opens(call: ast.Call) -> bool:
    """``open``, ``os.open``, ``gzip.open``, ``Path.open`` with a mode or an encoding, and what
    reads a whole ``Path``."""
    match call.func:
        case ast.Name(id="open"):
            return True
        case ast.Attribute(attr="read_text" | "read_bytes"):
            return True
        case ast.Attribute(value=ast.Name(id="os" | "gzip"), attr="open"):
            return True
        case ast.Attribute(attr="open"):
            modes = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
            named = {each.arg for each in call.keywords}
            first = modes[0].value if modes and isinstance(modes[0], ast.Constant) else None
            return isinstance(first, str) or "encoding" in named
    return False
