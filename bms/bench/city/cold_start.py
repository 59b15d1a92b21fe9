"""How long the first overview page takes of a server whose process has just been started.

``python -m bms.bench.city.cold_start`` serves the city of an ``Opened`` that it reads from standard
input, on the port of that.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from socket import create_server

from bms.config import Settings
from bms.model.codec import from_json, to_json

LONGEST_S = 120.0
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A city of so many example ``sites`` at ``now``, behind ``database_url``."""

    database_url: str
    home: str
    sites: int
    now: datetime
    port: int


def first_page_s(settings: Settings, key: str, sites: int, now: datetime) -> float:
    """From the start of the process to the first overview with status 200 [s of the wall]; it is
    asked for with a ``key`` that may read.

    Raises TimeoutError where there is none within two minutes.
    """
    opened = Opened(
        database_url=settings.database,
        home=str(settings.home),
        sites=sites,
        now=now,
        port=_free_port(),
    )
    began = time.perf_counter()
    command = [sys.executable, "-m", "bms.bench.city.cold_start"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # noqa: S603 (ours)
        assert process.stdin is not None
        process.stdin.write(to_json(opened, Opened).encode())
        process.stdin.close()
        try:
            _wait_for_page(opened.port, key, began)
            return time.perf_counter() - began
        finally:
            process.terminate()


def _wait_for_page(port: int, key: str, began: float) -> None:
    headers = {"authorization": f"Bearer {key}", "accept": "text/html"}
    while time.perf_counter() - began < LONGEST_S:
        connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
        try:
            connection.request("GET", "/", headers=headers)
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except (OSError, HTTPException):  # it does not listen yet
            pass
        finally:
            connection.close()
        time.sleep(PAUSE_S)
    raise TimeoutError(f"no page of a new process within {LONGEST_S:g} s")


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
    return port


def _serve(opened: Opened) -> None:
    """Serve until the process is ended."""
    import uvicorn

    from api.app import create_app
    from bms.bench.city.echo_drivers import EchoDrivers
    from bms.clock import VirtualClock
    from bms.runtime.bounded_http import BoundedProtocol
    from bms.runtime.municipality import example_sites
    from bms.runtime.wire import wire

    settings = Settings(home=opened.home, database_url=opened.database_url)
    clock = VirtualClock(opened.now.astimezone(UTC))
    city = wire(settings, sites=example_sites(opened.sites), clock=clock, drivers=EchoDrivers())
    app = create_app(city.api)
    uvicorn.run(app, host="127.0.0.1", port=opened.port, http=BoundedProtocol, log_level="critical")


if __name__ == "__main__":
    _serve(from_json(Opened, sys.stdin.read()))
