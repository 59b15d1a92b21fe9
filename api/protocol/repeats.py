"""``Idempotency-Key``: whoever sends a request a second time, because no answer came, gets the
answer of the first (draft-ietf-httpapi-idempotency-key-header).

Each request is a file below the home of the backend, so that every process of it knows: claimed
before the work begins, with the answer once it is done. A key whose work nobody knows the end of
(the process died) is answered 409 and does nothing: look, and take a new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access.rules import Needs, rule_of
from bms.services.evidence.retention import REPEATS

HEADER_NAME = "Idempotency-Key"
PATTERN = r"^[\x21-\x7e]{1,128}$"
HEADER = {
    "name": HEADER_NAME,
    "in": "header",
    "required": False,
    "description": "sent again with the same one, the request is done once and answered alike "
    "for a day; with another body it is refused",
    "schema": {"type": "string", "pattern": PATTERN, "examples": ["2026-11-30-school-1"]},
}
KEPT_HEADERS = ("content-type", "location", "etag")
REPEATED = "Idempotency-Replayed"
AGAIN_S = "2"
OTHERWISE = ("/v1/exports", "/v1/ingest", "/v1/controllers/")
"""Exports keep their files under the key by themselves; what is pushed or applied twice is once."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def repeatable(path: str) -> bool:
    """Whether the answers of a POST are kept under an ``Idempotency-Key``."""
    return path.startswith("/v1/") and not path.startswith(OTHERWISE)


class Repeats:
    """Requests and their answers, as files of ``folder``."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder, self._now = folder, now

    def claim(self, name: str, asked: str) -> Response | None:
        """The answer that is known; None where the request is to be done now.

        Raises ``HTTPException`` 409 where it is being done, 422 where another one has this key.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self._folder / name
        for _ in range(2):
            try:
                file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                known = self._known(place)
                if known is not None:
                    return _answer_of(known, asked)
                continue
            with os.fdopen(file, "w") as claimed:
                json.dump({"asked": asked, "at": self._now().isoformat()}, claimed)
            return None
        raise HTTPException(409, "this request is being done", {"Retry-After": AGAIN_S})

    def keep(self, name: str, asked: str, answer: Response) -> None:
        """Keep the answer of a request that is done."""
        fresh = self._folder / f"{name}.new"
        kept = {
            "asked": asked,
            "at": self._now().isoformat(),
            "status": answer.status_code,
            "headers": {h: answer.headers[h] for h in KEPT_HEADERS if h in answer.headers},
            "body": bytes(answer.body).decode(),
        }
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w") as out:
            json.dump(kept, out)
        fresh.replace(self._folder / name)

    def give_up(self, name: str) -> None:
        """The request was refused and did nothing: it may be sent again."""
        (self._folder / name).unlink(missing_ok=True)

    def _known(self, place: Path) -> dict[str, Any] | None:
        """What is kept; None, and nothing any more, where it is over."""
        try:
            known: dict[str, Any] = json.loads(place.read_text())
            over = datetime.fromisoformat(known["at"]) + REPEATS <= self._now()
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):  # claimed in this moment, or damaged
            return {"asked": None, "at": ""}
        if over:
            place.unlink(missing_ok=True)
        return None if over else known


def _answer_of(known: dict[str, Any], asked: str) -> Response:
    if known["asked"] not in (None, asked):
        told = f"this {HEADER_NAME} stands for another request; take a new one"
        raise HTTPException(422, told)
    if "status" not in known:
        told = (
            "a request with this Idempotency-Key is being done, or was when the backend ended: "
            "look what became of it before you send it with a new one"
        )
        raise HTTPException(409, told, {"Retry-After": AGAIN_S})
    headers = {**known["headers"], REPEATED: "true"}
    return Response(known["body"], known["status"], headers)


class RepeatableRoute(APIRoute):
    """A route whose POST is done once for each ``Idempotency-Key`` of whoever sends it."""

    def get_route_handler(self) -> Handler:
        """See ``APIRoute``."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            key = request.headers.get(HEADER_NAME)
            if key is None or request.method != "POST":
                return await inner(request)
            if re.fullmatch(PATTERN, key) is None:
                raise HTTPException(422, f"{HEADER_NAME}: 1 to 128 visible signs of ASCII")
            rule = rule_of(request.scope["route"])
            assert isinstance(rule, Needs)
            actor = await run_in_threadpool(rule, request)
            whose = f"{'' if actor is None else actor.id}\0{key}"
            return await _once(request, inner, hashlib.sha256(whose.encode()).hexdigest())

        return handler


async def _once(request: Request, inner: Handler, name: str) -> Response:
    repeats: Repeats = request.app.state.repeats
    target = f"{request.url.path}?{request.url.query}\0".encode()
    asked = hashlib.sha256(target + await request.body()).hexdigest()
    known = await run_in_threadpool(repeats.claim, name, asked)
    if known is not None:
        return known
    done = False
    try:
        answer = await inner(request)
        done = answer.status_code < 400
        if done:
            await run_in_threadpool(repeats.keep, name, asked, answer)
        return answer
    finally:
        if not done:
            with suppress(OSError):
                repeats.give_up(name)
