"""``bms serve --upstream``: from outside, over real sockets, with one backend that falls silent."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from bms.cli.main import app
from tests.rigs.feeds.server import FeedServer, Reply
from tests.rigs.feeds.upstream import SAVINGS, a_page
from tests.rigs.processes.outside import bms, soon


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def call(env: dict[str, str], *words: str) -> Result:
    """What a command says that ends by itself."""
    return CliRunner().invoke(app, words, env=env)


def test_two_municipalities_beside_each_other(tmp_path: Path) -> None:
    port, keys = free_port(), tmp_path / "keys"
    env = {"BMS_HOME": str(tmp_path / "home"), "BMS_PORT": str(port), "BMS_UPSTREAM_SECONDS": "1"}
    made = call(env, "keys", "create", "region", "--scope", "read", "--json")
    assert made.exit_code == 0, made.stderr
    key = json.loads(made.stdout)["key"]

    def get(path: str) -> Any:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return json.load(answer)

    def rows() -> dict[str, dict[str, Any]]:
        try:
            return {row["name"]: row for row in get("/v1/upstreams")}
        except OSError:
            return {}

    with FeedServer() as a, FeedServer() as b:
        a.says(SAVINGS, Reply(a_page("hall")))
        b.says(SAVINGS, Reply(a_page("school")), Reply(hang_up=True))
        keys.write_text(f"{a.address} key-a Aarhus\n{b.address} key-b\n")
        keys.chmod(0o600)
        options = ("--upstream", a.address, b.address, "--upstream-keys", str(keys))
        with bms("serve", *options, log=tmp_path / "log", cwd=tmp_path, env=env) as running:
            soon(
                lambda: all(r["buildings"] for r in rows().values()) and rows(), 60, "read", running
            )
            assert get("/v1/portfolio/savings")["portfolio"]["saving_kwh"] == 200.0
            name = b.address.removeprefix("http://")
            soon(lambda: rows()[name]["silent"], 60, "b is silent", running)
            body = get("/v1/portfolio/savings")
            assert body["portfolio"]["saving_kwh"] == 200.0
            silent = [row["name"] for row in body["upstreams"] if row["silent"]]
            assert silent == [name]
            assert rows()[name]["age_s"] >= 1
            assert not rows()["Aarhus"]["silent"]
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
        log = (tmp_path / "log").read_text()
        assert "key-a" not in log
        assert f"upstream {name} is silent" in log


def test_without_keys_the_way_out_is_named(tmp_path: Path) -> None:
    env = {"BMS_HOME": str(tmp_path / "home")}
    done = call(env, "serve", "--upstream", "https://a.example.dk")
    assert done.exit_code != 0
    assert "--upstream-keys" in done.stderr
