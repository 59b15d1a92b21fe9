"""How people say that site files are to be taken in: ``bms reload`` through files of the home,
which every process of the home sees, or SIGHUP to one process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bms.errors import ConfigError, Mistake
from bms.runtime.reload.difference import Reloaded
from bms.runtime.reload.take_in import SiteReload

log = logging.getLogger(__name__)

LOOK_S = 0.5
REQUEST = "reload.request"
ANSWERS = "reload.answer"


@dataclass(frozen=True, slots=True)
class ReloadRequest:
    """What somebody asked for; ``strict``: one mistake refuses everything."""

    id: str
    strict: bool = False


def leave_request(home: Path, request: ReloadRequest) -> None:
    """Leave the request in the home. Raises OSError."""
    for old in home.glob(f"{ANSWERS}.*"):
        old.unlink(missing_ok=True)
    _put(home / REQUEST, {"id": request.id, "strict": request.strict})


def read_request(home: Path) -> ReloadRequest | None:
    """The newest request; None where there is none that can be understood."""
    try:
        said = json.loads((home / REQUEST).read_bytes())
        return ReloadRequest(str(said["id"]), said["strict"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def answers_to(home: Path, request: ReloadRequest) -> list[dict[str, Any]]:
    """What the processes of the home have answered to the request so far."""
    found = []
    for path in sorted(home.glob(f"{ANSWERS}.*")):
        with contextlib.suppress(OSError, ValueError):
            said = json.loads(path.read_bytes())
            if isinstance(said, dict) and said.get("request") == request.id:
                found.append(said)
    return found


def as_answer(request: ReloadRequest, reloaded: Reloaded, process: str) -> dict[str, Any]:
    """What a process says of a request, as JSON."""
    difference = reloaded.difference
    return {
        "request": request.id,
        "process": process,
        "taken_in": difference is not None,
        "added": [] if difference is None else difference.added,
        "changed": [] if difference is None else difference.changed,
        "removed": [] if difference is None else difference.removed,
        "unchanged": 0 if difference is None else len(difference.unchanged),
        "given_back": reloaded.given_back,
        "still_held": reloaded.still_held,
        "mistakes": [
            {"file": m.file, "line": m.line, "message": m.message} for m in reloaded.mistakes
        ],
    }


@contextlib.asynccontextmanager
async def reloading(reload: SiteReload, process: str) -> AsyncIterator[None]:
    """Take site files in when somebody wishes so, while the block runs."""
    home = reload.settings.home
    hung_up = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    seen = read_request(home)

    async def look() -> None:
        nonlocal seen
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hung_up.wait(), LOOK_S)
            if hung_up.is_set():
                hung_up.clear()
                await _grant(reload, ReloadRequest("SIGHUP"), process)
            request = read_request(home)
            if request is not None and request != seen:
                seen = request
                await _grant(reload, request, process)

    going = asyncio.create_task(look())
    try:
        yield
    finally:
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        loop.remove_signal_handler(signal.SIGHUP)


async def _grant(reload: SiteReload, request: ReloadRequest, process: str) -> None:
    """Whatever comes of it, whoever asks is answered."""
    home, sites = reload.settings.home, str(reload.settings.sites)
    try:
        reloaded = await reload.take_in(strict=request.strict)
    except ConfigError as error:
        log.error("site files are not taken in: %s", error)
        reloaded = Reloaded(None, mistakes=(Mistake(sites, 0, f"not looked at: {error}"),))
    except Exception as error:
        log.exception("site files could not be taken in")
        why = f"not taken in, the log says more: {error}"
        reloaded = Reloaded(None, mistakes=(Mistake(sites, 0, why),))
    try:
        _put(home / f"{ANSWERS}.{os.getpid()}", as_answer(request, reloaded, process))
    except OSError as error:
        log.error("the answer to a request for site files cannot be left: %s", error.strerror)


def _put(path: Path, said: dict[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(json.dumps(said, ensure_ascii=False), "utf-8")
    fresh.replace(path)
