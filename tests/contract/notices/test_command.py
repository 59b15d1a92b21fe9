"""``bms notify`` at a mail server that nobody runs: to whom it was, when, and why it failed."""

from __future__ import annotations

import socket
from pathlib import Path

from typer.testing import CliRunner

from bms.cli.main import app
from bms.runtime.municipality import EXAMPLES


def a_closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_what_did_not_arrive_is_told_with_its_recipient_and_reason(tmp_path: Path) -> None:
    file, port = tmp_path / "notices.yaml", a_closed_port()
    file.write_text(
        f"smtp: {{host: 127.0.0.1, port: {port}, security: none, sender: bms@example.dk}}\n"
        "recipients: [{name: caretakers-north, email: drift@example.dk}]\n"
    )
    env = {
        "BMS_HOME": str(tmp_path / "home"),
        "BMS_SITES": str(EXAMPLES),
        "BMS_NOTICES": str(file),
        "LANG": "en_GB.UTF-8",
        "COLUMNS": "80",
    }
    done = CliRunner().invoke(app, ["notify", "test"], env=env)
    assert done.exit_code == 1
    told = CliRunner().invoke(app, ["notify", "list"], env=env).stdout
    row = next(line for line in told.splitlines() if line.startswith("caretakers-north  20"))
    assert row.split()[-3:] == ["did", "not", "arrive"]
    assert f"caretakers-north: 127.0.0.1:{port}: " in told
