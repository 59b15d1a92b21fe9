"""The quick start of README.md, command by command, in a fresh folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.rigs.processes.outside import BMS, ROOT, bms, soon

README = (ROOT / "README.md").read_text("utf-8")
MAKE, COMMANDS = (
    re.findall(rf"^```sh\n({word} .*?)^```", README, re.DOTALL | re.MULTILINE)
    for word in ("make", "bms")
)
CREATED = re.findall(r"`(bms (?:users|keys) create [^`]+)`", README)
LONGEST_S = 120.0
BMS_SITES = "BMS_SITES=my-sites"


def words_of(line: str) -> tuple[dict[str, str], list[str]]:
    """The settings before a command, and its words."""
    words = shlex.split(line, comments=True)
    settings = dict(word.split("=", 1) for word in words if re.match(r"BMS_\w+=", word))
    return settings, words[len(settings) :]


def lines_of(blocks: list[str]) -> list[str]:
    return [line for block in blocks for line in block.splitlines() if line.strip()]


class Newcomer:
    """Somebody with a copy of the examples, and the command on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "sites" / "examples", folder / "my-sites")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        path = f"{Path(BMS).parent}{os.pathsep}{os.environ['PATH']}"
        own = {key: text for key, text in os.environ.items() if not key.startswith("BMS_")}
        self.env = {**own, "PATH": path, "PYTHONPATH": str(ROOT), "BMS_PORT": str(self.port)}

    def call(self, line: str, typed: str = "") -> tuple[int, str]:
        """The exit code of a command, and what it said."""
        settings, words = words_of(line)
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**self.env, **settings},
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        return done.returncode, done.stdout

    def get(self, path: str, key: str = "") -> httpx.Response | None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=10)
        except httpx.TransportError:
            return None


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path)


def test_the_blocks_are_those_of_the_quick_start() -> None:
    assert [words_of(line)[1][:2] for line in lines_of(MAKE)] == [
        ["make", "demo"],
        ["make", "test"],
        ["make", "test-fast"],
        ["make", "demo"],
    ]
    assert [words_of(line)[1][1] for line in lines_of(COMMANDS)] == ["sites", "read", "run"]
    assert len(CREATED) == 2


@pytest.mark.parametrize("line", lines_of(MAKE))
def test_make_runs_what_it_is_asked_to(line: str, tmp_path: Path) -> None:
    _, words = words_of(line)
    done = subprocess.run(
        [words[0], "--no-print-directory", "-n", f"VENV={tmp_path}/venv", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=True,
    )
    made, *_, last = done.stdout.splitlines()
    assert made == f"sh tools/make-venv {tmp_path}/venv"
    given = [word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")]
    tool = "/bin/bms demo" if words[1] == "demo" else "/bin/python"
    assert tool in last
    assert all(text in last for text in given)


def test_site_files_are_checked_and_silent_devices_are_named(newcomer: Newcomer) -> None:
    check, read, _ = lines_of(COMMANDS)
    code, said = newcomer.call(check)
    assert code == 0, said
    code, said = newcomer.call(read)
    assert code == 1, "there is no school here"
    assert "school/class_south.temp" in said
    assert "Traceback" not in said


def test_a_backend_runs_for_people_and_programs(newcomer: Newcomer) -> None:
    settings, words = words_of(lines_of(COMMANDS)[-1])
    log = newcomer.folder / "log"
    with bms(*words[1:], log=log, cwd=newcomer.folder, env={**newcomer.env, **settings}) as process:
        soon(lambda: newcomer.get("/healthz"), LONGEST_S, "it answers", process)
        for line in CREATED:
            code, said = newcomer.call(f"{BMS_SITES} {line}", "correct horse battery\n")
            assert code == 0, said
        key = re.search(r"bms_\w{8}_[\w-]+", said)
        assert key is not None
        sites = newcomer.get("/v1/sites", key[0])
        assert sites is not None
        found = [row["id"] for row in sites.json()["sites"]]
        assert found == ["school", "sportshall", "townhall"]
        page = newcomer.get("/")
        assert page is not None
        assert page.status_code in (303, 401), "nobody has signed in"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST_S) == 0
    assert "Traceback" not in log.read_text()
