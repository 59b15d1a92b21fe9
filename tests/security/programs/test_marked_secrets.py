"""Secrets with a mark in every setting, file, header and address that takes one: the mark stands in
nothing that a program prints, logs, answers, writes or keeps (SECURITY.md)."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bms.cli.main import main
from bms.runtime.municipality import EXAMPLES
from tests.rigs.fieldbus.driver_rigs import free_port
from tests.rigs.processes.outside import bms, soon
from tests.rigs.storage.modes import others_may, umask
from tests.rigs.web.webhook import Hook, listening_hook

MARK = "mArKeD"
PROVIDERS = [
    "dmi",
    "metno",
    "open_meteo",
    "energidata",
    "entsoe",
    "nordpool",
    "nordpool_token",
    "eloverblik",
]
NOTICES = """
smtp: {{host: 127.0.0.1, port: {closed}, security: starttls, sender: a@example.dk, user: bms,
       password_file: {folder}/smtp}}
webhook_hosts: ["127.0.0.1"]
recipients:
  - {{name: hook, webhook: "http://127.0.0.1:{hook}/{mark}?token={mark}",
     secret_file: {folder}/hook, at_once: low}}
  - {{name: mail, email: a@example.dk, at_once: low}}
"""
REPORTS = """
mail: {{host: 127.0.0.1, port: {closed}, sender: a@example.dk, user: bms,
       password_env: MAIL_SECRET}}
webhooks: {{hosts: ["127.0.0.1"], secret_file: {folder}/hook}}
reports:
  - {{name: uses, kind: consumption, every: month, format: csv, email: [a@example.dk],
     webhook: ["http://127.0.0.1:{hook}/{mark}?token={mark}"], folder: {out}}}
"""
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


@pytest.fixture
def hook() -> Iterator[Hook]:
    """What takes no notice, and says so of every question."""
    with listening_hook() as made:
        made.status = 500
        yield made


@pytest.fixture
def settings(tmp_path: Path, hook: Hook) -> dict[str, str]:
    """A secret in everything that takes one; nothing that is asked answers."""
    folder, out, closed = tmp_path / "secrets", tmp_path / "out", free_port()
    folder.mkdir()
    (tmp_path / "seen").mkdir()
    for name in ("smtp", "hook", "mqtt", "oidc", "entsoe", "eloverblik", "nordpool", "password"):
        text = f"user\n{MARK}\n" if name == "nordpool" else f"{MARK} that is long enough\n"
        (folder / name).write_text(text.replace(" ", "-"))
        (folder / name).chmod(0o600)
    given = {"closed": closed, "folder": folder, "hook": hook.port, "mark": MARK, "out": out}
    (folder / "notices.yaml").write_text(NOTICES.format(**given))
    (folder / "reports.yaml").write_text(REPORTS.format(**given))
    (folder / "upstreams").write_text(f"http://127.0.0.1:{hook.port} {MARK}-key other\n")
    (folder / "upstreams").chmod(0o600)
    shutil.copytree(EXAMPLES, folder / "sites")
    return {
        "BMS_HOME": str(tmp_path / "seen" / "home"),
        "BMS_SITES": str(folder / "sites"),
        "BMS_LOG": "DEBUG",
        "BMS_MQTT_URL": f"mqtt://user@127.0.0.1:{closed}",
        "BMS_MQTT_PASSWORD_FILE": str(folder / "mqtt"),
        "BMS_OIDC_ISSUER": f"http://127.0.0.1:{hook.port}",
        "BMS_OIDC_CLIENT_ID": "us",
        "BMS_OIDC_CLIENT_SECRET_FILE": str(folder / "oidc"),
        "BMS_NOTICES": str(folder / "notices.yaml"),
        "BMS_REPORTS": str(folder / "reports.yaml"),
        "MAIL_SECRET": MARK,
        "BMS_FEED": "live",
        "BMS_ENTSOE_TOKEN_FILE": str(folder / "entsoe"),
        "BMS_NORDPOOL_FILE": str(folder / "nordpool"),
        "BMS_ELOVERBLIK_TOKEN_FILE": str(folder / "eloverblik"),
        "BMS_FEED_URLS": ",".join(f"{name}=http://127.0.0.1:{closed}" for name in PROVIDERS),
    }


def marked(folder: Path) -> list[str]:
    """The files below a folder, and their names, that hold the mark."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if MARK in path.name or (path.is_file() and MARK.encode() in path.read_bytes())
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
