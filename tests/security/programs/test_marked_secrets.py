"""Secrets with a mark in every setting, file, header and address that takes one: the mark stands in
nothing that a program prints, logs, answers, writes or keeps (SECURITY.md)."""

from __future__ import annotations

import contextlib
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bms.cli.main import main
from tests.rigs.fieldbus.driver_rigs import free_port
from tests.rigs.processes.outside import bms, soon
from tests.rigs.storage.modes import others_may, umask
from tests.rigs.web.marked_secrets import MARK, marked
from tests.rigs.web.webhook import Hook

HEADERS = [
    {"Authorization": f"Bearer {MARK}"},
    {"Authorization": f"Basic {MARK}"},
    {"Cookie": f"bms_session={MARK}"},
    {"X-API-Key": MARK},
]
PATHS = [
    *("/v1/sites", "/metrics", "/", f"/v1/sites?key={MARK}", f"/v1/events?access_token={MARK}"),
    *(f"/v1/nothing/{MARK}", f"/login?next=/{MARK}", "/login/oidc", "/mcp", "/healthz", "/readyz"),
]


def answers(port: int) -> Iterator[str]:
    """What is answered to whoever shows a marked secret, with the headers."""
    for path in PATHS:
        for headers in HEADERS:
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
            with contextlib.suppress(urllib.error.URLError):
                try:
                    with urllib.request.urlopen(request, timeout=20) as answer:
                        yield f"{path} {answer.headers}{answer.read()!r}"
                except urllib.error.HTTPError as refused:
                    yield f"{path} {refused.headers}{refused.read()!r}"


def told(port: int) -> list[str]:
    """The answers that hold the mark, but for those that repeat the path or the way back that
    whoever asked had put there."""
    repeated = (f"/v1/nothing/{MARK}", f"/login?next=/{MARK}")
    rows = (text.split(" ", 1) for text in answers(port))
    return [path for path, answer in rows if MARK in answer and path not in repeated]


@pytest.mark.system
@pytest.mark.parametrize("federated", [False, True])
def test_what_runs_keeps_its_secrets_to_itself(
    tmp_path: Path, settings: dict[str, str], hook: Hook, federated: bool
) -> None:
    """Its log in full, its answers, its database and whatever else it writes; the files are for its
    user alone even where its umask hides nothing."""
    port, seen = free_port(), tmp_path / "seen"
    keys = ("--upstream-keys", str(tmp_path / "secrets" / "upstreams"))
    upstream = ("serve", "--upstream", f"http://127.0.0.1:{hook.port}", *keys)
    words = upstream if federated else ("run",)
    env = {**settings, "BMS_PORT": str(port)}
    with umask(0), bms(*words, log=seen / "log", cwd=seen, env=env) as process:
        soon(lambda: any(answers(port)), 150, "it answers", process)
        found = told(port)
        time.sleep(3)  # rounds of its jobs
    assert found == []
    assert marked(seen) == []
    assert others_may(seen / "home") == {}


CALLS = [
    ("users create kari --role viewer --password-file", {}),
    ("notify test", {}),
    ("notify list --json", {}),
    ("feeds check", {}),
    ("feeds check --json", {}),
    ("audit list --json", {}),
    ("report sent --month 2026-10 --format csv --out sent.csv", {}),
    ("db upgrade", {"BMS_DATABASE_URL": "postgresql://bms:{mark}@127.0.0.1:1/bms"}),
    ("db upgrade", {"BMS_DATABASE_URL": "postgresql://bms@127.0.0.1:1/bms?password={mark}"}),
    ("db upgrade", {"BMS_DATABASE_URL": "postgresql://bms:{mark}@127.0.0.1:x/bms"}),
    ("db upgrade", {"BMS_DATABASE_URL": "mysql://bms:{mark}@127.0.0.1/bms"}),
    ("db backup copy", {"BMS_DATABASE_URL": "postgresql://bms:{mark}@127.0.0.1:1/bms"}),
    ("read school", {"BMS_DATABASE_URL": "postgresql://bms:{mark}@127.0.0.1:1/bms"}),
    ("status", {"BMS_MQTT_URL": "mqtt://user:{mark}@127.0.0.1"}),
    ("feeds check", {"BMS_FEED_URLS": "dmi=http://user:{mark}@127.0.0.1:1"}),
    ("feeds check", {"BMS_FEED_URLS": "dmi=http://127.0.0.1:1?key={mark}"}),
    ("feeds check", {"BMS_FEED_URLS": "dmi=ftp://user:{mark}@127.0.0.1:1"}),
    ("status", {"BMS_OIDC_ISSUER": "http://user:{mark}@example.dk"}),
    ("serve --upstream http://user:{mark}@127.0.0.1", {}),
    ("serve --upstream ftp://user:{mark}@127.0.0.1?key={mark}", {}),
]


@pytest.mark.system
def test_what_commands_print_log_and_keep_holds_no_secret(
    tmp_path: Path,
    settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.chdir(tmp_path / "seen")
    files = tmp_path / "secrets"
    found = []
    for words, changes in CALLS:
        more = [str(files / "password")] if words.endswith("-file") else []
        more += ["--upstream-keys", str(files / "upstreams")] if "--upstream" in words else []
        given = {**settings, **{name: text.format(mark=MARK) for name, text in changes.items()}}
        with monkeypatch.context() as patch, contextlib.suppress(SystemExit), umask(0):
            for name, text in given.items():
                patch.setenv(name, text)
            patch.setattr(sys, "argv", ["bms", *words.format(mark=MARK).split(), *more])
            main()
        out, err = capfd.readouterr()
        if MARK in out + err + caplog.text:
            found.append((words, changes))
        caplog.clear()
    assert found == []
    assert marked(tmp_path / "seen") == []
