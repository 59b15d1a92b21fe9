"""``bms demo``."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bms.cli.console.progress import progress_bars
from bms.cli.console.screen import screen
from bms.demo.city import demo_settings
from bms.demo.live import run_live
from bms.demo.once import run_once
from bms.demo.options import DemoOptions
from bms.demo.table import print_result
from bms.errors import ConfigError
from bms.runtime.ownership import alone

HOME = Path("var/demo")
TERMINATED = 128 + signal.SIGTERM
"""What a shell says of a command that was told to end."""


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    sites: Annotated[int, typer.Option(min=1, max=60, help="simulated buildings")] = 3,
    days: Annotated[
        int, typer.Option(min=1, max=300, help="days to run fast; then it ends, or goes on live")
    ] = 14,
    past_days: Annotated[
        int, typer.Option(min=1, max=365, help="days before; savings need a year of them")
    ] = 365,
    speed: Annotated[float, typer.Option(min=1, max=3600, help="live: times real time")] = 60.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of the page")] = 8000,
    seed: Annotated[int, typer.Option(min=0, help="other buildings, occupants and forecasts")] = 1,
    once: Annotated[bool, typer.Option("--once", help="run, print the table, end")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="with --once: print JSON")] = False,
) -> None:
    """A simulated municipality behind real Modbus TCP and BACnet/IP servers on loopback.

    Example: bms demo --once --days 14
    """
    if as_json and not once:
        raise typer.BadParameter("--json goes with --once")
    home = Path(tempfile.mkdtemp(prefix="bms-demo-")) if once else fresh_home()
    options = DemoOptions(
        home=home,
        sites=sites,
        days=days,
        past_days=past_days,
        speed=speed,
        port=port,
        seed=seed,
    )
    with progress_bars(quiet=as_json) as report:
        if not once:
            asyncio.run(run_live(options, report))
            return
        try:
            result = asyncio.run(run_once(options, report))
        except asyncio.CancelledError:
            raise typer.Exit(TERMINATED) from None
        finally:
            shutil.rmtree(home, ignore_errors=True)
    if as_json:
        typer.echo(json.dumps(result.as_dict()))
    else:
        print_result(result, screen())


def fresh_home() -> Path:
    """An empty folder for the live demo. Raises ``ConfigError`` when it cannot be made, or another
    process works there."""
    if HOME.exists():
        with alone(demo_settings(HOME)):
            pass
    try:
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True, exist_ok=True)
        (HOME / "writable").write_text("")
        (HOME / "writable").unlink()
    except OSError as error:
        raise ConfigError(
            f"the demo cannot write to {HOME}: {error.strerror}; start it in a folder of yours"
        ) from error
    return HOME
