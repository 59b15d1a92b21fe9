"""A real pgbouncer in front of the test server."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.storage.postgres_server import PostgresServer, name_in

PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
CONNECTIONS = 12
"""To the server, for each database [1]."""


@contextlib.contextmanager
def pgbouncer(server: PostgresServer, url: str, mode: str, folder: Path) -> Iterator[str]:
    """The URL of the same database through a pgbouncer that pools ``session`` or ``transaction``.

    Skips where the program is missing.
    """
    if not Path(PROGRAM).exists():
        pytest.skip("pgbouncer is not installed (Debian package pgbouncer)")
    ((sockets,),) = server.run("SHOW unix_socket_directories")
    port = _free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""[databases]
* = host={sockets} port=5432 user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {CONNECTIONS}
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
"""
    )
    settings.chmod(0o644)
    words = [PROGRAM, "-q", str(settings)]
    if os.geteuid() == 0:  # it does not run as root; the server's user may reach its socket
        words[1:1] = ["-u", pwd.getpwuid(Path(sockets).stat().st_uid).pw_name]
    running = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        _until_open(port, running)
        lent = "?pool_mode=transaction" if mode == "transaction" else ""
        yield f"postgresql://postgres@127.0.0.1:{port}/{name_in(url)}{lent}"
    finally:
        running.terminate()
        running.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _until_open(port: int, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while True:
        assert running.poll() is None, "pgbouncer ended at once"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < deadline, "pgbouncer does not listen"
        time.sleep(0.05)
