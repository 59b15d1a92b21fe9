"""Signs of life reach the socket that systemd names."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bms.services.guard.systemd import notify


def test_a_state_arrives_at_the_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        notify("WATCHDOG=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert systemd.recv(64) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "notify", "/nonexistent/notify"])
def test_nobody_who_listens_is_no_error(address: str) -> None:
    notify("READY=1", {"NOTIFY_SOCKET": address})
