"""``bms reload``: what runs takes changed site files in."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from bms.cli.console.errors import FAILED, errors
from bms.cli.console.screen import say
from bms.config import Settings
from bms.errors import ConfigError
from bms.runtime.reload.requests import ReloadRequest, answers_to, leave_request

LOOK_S = 0.1
SETTLED_S = 1.5
"""How long another process of the home may take longer than the first one [s]."""


def register(app: typer.Typer) -> None:
    app.command("reload")(reload_sites)


def reload_sites(
    strict: Annotated[
        bool, typer.Option("--strict", help="change nothing where one file has a mistake")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=1, max=600, help="how long to wait for an answer [s]")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Take added, changed and removed site files in without a restart.

    Every process that runs in this BMS_HOME does so and answers. Buildings whose files did not
    change are not touched; of the others the points that changed are given back. A file with a
    mistake is named and left out: its building goes back to its own control. Exit code 1 where
    nothing answers, where nothing was taken in, or where a file is left out.

    Example: bms reload
    """
    answers = _asked(Settings(), ReloadRequest(uuid.uuid4().hex, strict), wait)
    if as_json:
        typer.echo(json.dumps(answers, ensure_ascii=False))
    else:
        for answer in answers:
            _show(answer)
    if any(not answer["taken_in"] or answer["mistakes"] for answer in answers):
        raise typer.Exit(FAILED)


def _asked(
    settings: Settings, request: ReloadRequest, wait_s: float
) -> Sequence[Mapping[str, Any]]:
    """What the processes of the home answer. Raises ``ConfigError`` where none does."""
    try:
        leave_request(settings.home, request)
    except OSError as error:
        raise ConfigError(
            f"the request cannot be left in {settings.home}: {error.strerror}; BMS_HOME names the "
            "home of what runs"
        ) from error
    end, first = time.monotonic() + wait_s, None
    answers: list[dict[str, Any]] = []
    while time.monotonic() < min(end, first or end):
        answers = answers_to(settings.home, request)
        if answers and first is None:
            first = time.monotonic() + SETTLED_S
        time.sleep(LOOK_S)
    if not answers:
        raise ConfigError(
            f"nothing that runs in {settings.home} has answered for {wait_s:.0f} s; start bms run, "
            "or name the home of what runs in BMS_HOME"
        )
    return answers


def _show(answer: Mapping[str, Any]) -> None:
    if not answer["taken_in"]:
        errors.print(f"{answer['process']}: nothing was changed")
    else:
        told = [
            f"{len(answer[word])} {word} ({', '.join(answer[word])})"
            for word in ("added", "changed", "removed")
            if answer[word]
        ]
        say(f"{answer['process']}: {', '.join([*told, str(answer['unchanged']) + ' unchanged'])}.")
    for word, points in (("given back", "given_back"), ("still held", "still_held")):
        if answer[points]:
            say(f"{word}: {', '.join(answer[points])}")
    for mistake in answer["mistakes"]:
        errors.print(f"left out: {mistake['file']}:{mistake['line']}: {mistake['message']}")
