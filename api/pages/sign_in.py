"""People sign in and out, and see where they are signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from api.access.actors import actor_of, failed_keys_of
from api.access.cookies import SESSION, delete_cookie, set_cookie
from api.access.csrf import FormFields, OwnForm
from api.access.rules import anybody
from api.deps import MADE_ID, PortsDep, SignedInPerson
from api.pages.render import render, translator_of
from api.ports import ApiPorts
from bms.errors import NotPermitted
from bms.model.access.actor import Actor
from bms.model.access.grant import Permission
from bms.model.access.people import KeptSession, SignInWay
from bms.services.access.passwords import person_with
from bms.services.access.sessions import SignedIn, begin_session, good_at
from bms.services.api_keys import find_key
from bms.services.off_loop import off_loop

router = APIRouter(include_in_schema=False)
FOR_ANYBODY = [Depends(anybody)]


@router.get("/login", dependencies=FOR_ANYBODY)
def login_form(request: Request, ports: PortsDep, next: str = "/") -> Response:  # noqa: A002 - its name in the address
    return _form(request, inside(next))


def _form(request: Request, target: str, wrong: str | None = None, status: int = 200) -> Response:
    return render(request, "login.html", {"target": target, "wrong": wrong}, status)


@router.post("/login", dependencies=FOR_ANYBODY)
async def login(request: Request, ports: PortsDep, form: OwnForm) -> Response:
    """Name and password, or a key, for a session that only this browser has."""
    target = inside(form.get("next", "/"))
    by_key = bool(form.get("key", "").strip())
    who = await off_loop(_of_key if by_key else _of_password, request, ports, form)
    if who is None:
        return _form(request, target, "key" if by_key else "password", 403)
    return await off_loop(signed_in, request, ports, who, target)


def _of_key(request: Request, ports: ApiPorts, form: FormFields) -> SignedIn | None:
    key = find_key(ports.keys, form.get("key", "").strip(), ports.clock.now())
    if key is None or not key.may_read:
        failed_keys_of(request).count(request)
        return None
    return SignedIn(of=key.id, name=key.name, way=SignInWay.KEY, grants=key.grants[0].text)


def _of_password(request: Request, ports: ApiPorts, form: FormFields) -> SignedIn | None:
    name = form.get("name", "").strip()
    failed_keys_of(request).check(request, name)
    person = person_with(ports.people, name, form.get("password", ""))
    if person is None:
        failed_keys_of(request).count_name(request, name)
        return None
    return SignedIn.with_password(person)


def signed_in(request: Request, ports: ApiPorts, who: SignedIn, target: str) -> Response:
    """The way on for somebody who has signed in, with the cookie of a new session; that of an
    earlier one is ended."""
    end_own(request, ports)
    now, at = ports.people_clock.now(), ports.clock.now()
    token = begin_session(ports.people, who, now=now, at=at)
    answer = RedirectResponse(target, 303)
    set_cookie(request, answer, SESSION, token, int(who.lasts.total_seconds()))
    return answer


def end_own(request: Request, ports: ApiPorts) -> None:
    """End the session of the browser that asks, if it has one."""
    actor = actor_of(request)
    if actor is not None and actor.session is not None:
        ports.people.end_session(
            actor.session, ports.clock.now(), actor=actor.name, reason="signed out"
        )


@router.post("/logout", dependencies=FOR_ANYBODY)
async def logout(request: Request, ports: PortsDep, form: OwnForm) -> Response:
    await off_loop(end_own, request, ports)
    answer = RedirectResponse("/", 303)
    delete_cookie(request, answer, SESSION)
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session in words; ``here``: it is that of whoever looks."""

    id: str
    name: str
    way: str
    grants: str
    begun: str
    seen: str
    here: bool


@router.get("/sessions")
def sessions(request: Request, ports: PortsDep, key: SignedInPerson) -> Response:
    t = translator_of(request)
    rows = [
        SessionRow(
            id=row.id,
            name=row.name,
            way=t(f"sign_in_way_{row.way.value}"),
            grants=row.grants,
            begun=t.moment(row.begun),
            seen=t.moment(row.seen),
            here=row.id == key.session,
        )
        for row in ports.people.sessions()
        if good_at(row, ports.people_clock.now()) and _may_end(key, row)
    ]
    return render(request, "sessions.html", {"t": t, "rows": rows})


@router.post("/sessions/{session_id}/end")
async def end_session(
    ports: PortsDep,
    key: SignedInPerson,
    session_id: Annotated[str, Path(pattern=MADE_ID)],
    form: OwnForm,
) -> Response:
    def end() -> None:
        row = next((row for row in ports.people.sessions() if row.id == session_id), None)
        if row is not None:
            if not _may_end(key, row):
                raise NotPermitted("this session is that of somebody else")
            ports.people.end_session(session_id, ports.clock.now(), actor=key.name)

    await off_loop(end)
    return RedirectResponse("/sessions", 303)


@router.post("/sessions/end")
async def end_own_sessions(
    request: Request, ports: PortsDep, key: SignedInPerson, form: OwnForm
) -> Response:
    """Sign out everywhere: every session of whoever asks ends, that of this browser, too."""

    def end() -> None:
        for row in ports.people.sessions():
            if row.of == key.id:
                ports.people.end_session(
                    row.id, ports.clock.now(), actor=key.name, reason="signed out everywhere"
                )

    await off_loop(end)
    answer = RedirectResponse("/login", 303)
    delete_cookie(request, answer, SESSION)
    return answer


def _may_end(key: Actor, row: KeptSession) -> bool:
    """One's own sessions, or all of them for who administers."""
    return row.of == key.id or key.may_everywhere(Permission.ADMINISTER)


def inside(target: str) -> str:
    """A path of ours, never another site."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if plain and target.isprintable() else "/"
