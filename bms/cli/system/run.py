"""``bms run``, ``bms serve``, ``bms guard``, and what ``bms work`` runs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from bms import guard as guard_process
from bms.config import Settings
from bms.errors import ConfigError
from bms.model.private_umask import PRIVATE
from bms.runtime.federation.run import run_federation
from bms.runtime.serve import Parts, run_city, run_jobs
from bms.runtime.wire import wire
from bms.services.guard.heartbeat import Presence
from bms.services.ownership.selection import Selection


def register(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(serve)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(guard)


Strict = Annotated[
    bool, typer.Option("--strict", help="do not start where one site file has a mistake")
]


def run(strict: Strict = False) -> None:
    """Everything in one process: poll, plan, dispatch, API and dashboard; starts its guard.

    A site file with a mistake is named and left out, the other buildings run.

    Example: BMS_SITES=my-sites bms run
    """
    _run(Parts.ALL, strict=strict)


Upstreams = Annotated[
    list[str] | None,
    typer.Option("--upstream", metavar="URL...", help="read this backend instead, again for more"),
]
UpstreamKeys = Annotated[
    Path | None,
    typer.Option("--upstream-keys", help="file of the keys; default BMS_UPSTREAM_KEYS"),
]


def serve(
    strict: Strict = False,
    upstream: Upstreams = None,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[URL]...", help="more backends")
    ] = None,
    upstream_keys: UpstreamKeys = None,
) -> None:
    """API and dashboard only.

    With --upstream it has no building of its own and shows the portfolios of other backends beside
    each other. The key to each stands in a file, on a line URL KEY [NAME]; one that is silent is
    named, and counts with the last numbers that it told.

    Example: BMS_PORT=8080 bms serve
    Example: bms serve --upstream https://a.example.dk https://b.example.dk --upstream-keys keys
    """
    urls = [*(upstream or ()), *(more or ())]
    if more and not upstream:
        raise typer.BadParameter(f"{more[0]!r}: addresses of backends follow --upstream")
    if not urls:
        _run(Parts.SERVE, strict=strict)
        return
    os.umask(PRIVATE)
    settings = Settings()
    asyncio.run(run_federation(settings, urls, upstream_keys or settings.upstream_keys))


def run_jobs_only(*, strict: bool) -> None:
    """Jobs that workers share only; no site is held."""
    os.umask(PRIVATE)
    asyncio.run(run_jobs(wire(Settings(), strict=strict)))


def run_worker(sites: str | None, shard: str | None, *, strict: bool) -> None:
    """Poll, plan and dispatch only, for the sites of ``A,B`` or of a shard ``2/5``."""
    if sites is not None and shard is not None:
        raise typer.BadParameter("name sites or a shard, not both")
    _run(Parts.WORK, _selection(sites, shard), strict=strict)


def _selection(sites: str | None, shard: str | None) -> Selection:
    if shard is not None:
        try:
            return Selection.of_shard(shard)
        except ConfigError as error:
            raise typer.BadParameter(str(error)) from error
    names = frozenset(name.strip() for name in (sites or "").split(",") if name.strip())
    if sites is not None and not names:
        raise typer.BadParameter("--sites names no site; write A,B")
    return Selection(sites=names)


def _run(parts: Parts, selection: Selection | None = None, *, strict: bool) -> None:
    """Run in this process; what it writes is for its user alone."""
    os.umask(PRIVATE)
    asyncio.run(run_city(wire(Settings(), strict=strict), parts, selection))


def guard(
    context: typer.Context,
    journal: Annotated[Path | None, typer.Option(help="the release journal")] = None,
    alive: Annotated[
        bool, typer.Option("--alive", help="only look: exit code 0 where a guard beats, else 1")
    ] = False,
) -> None:
    """Give back every point whose lease has ended. Started by `bms run`; may run as a service.

    Example: bms guard --journal var/release.journal
    Example: bms guard --alive
    """
    path = journal or Settings().journal
    if alive:
        seen = Presence(path).look()
        raise typer.Exit(int(seen is None or seen.stuck))
    sys.exit(guard_process.main(["--journal", str(path), *context.args]))
