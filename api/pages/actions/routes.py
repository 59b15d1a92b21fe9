"""The pages of actions: form, preview, outcome. Every step works without script."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from api.access.csrf import OwnForm
from api.access.rules import Needs
from api.deps import CacheDep, PageReader, PortsDep, SiteDep
from api.pages.actions.bookings import MakeBooking, RemoveBooking
from api.pages.actions.events import AcceptBaseline, DecideEvent
from api.pages.actions.form import FieldKind, FormField, WrongFields
from api.pages.actions.goals import SetGoal
from api.pages.actions.holds import EndOverride, GiveBack, MakeOverride, TakeBack
from api.pages.actions.measures import EndMeasure, EnterMeasure
from api.pages.actions.modes import SetMode
from api.pages.actions.steps import Doing, NothingToDo, PageAction
from api.pages.actions.trials import StartTrial, StopTrial
from api.pages.building.head import Tab, tab_address
from api.pages.panels.receipts import receipt_rows
from api.pages.panels.standing import name_of
from api.pages.render import render, translator_of
from api.ports import ApiPorts
from bms.errors import ConfigError, InsufficientData, NotFound
from bms.model.access.actor import Actor
from bms.model.access.grant import Permission
from bms.model.assets.site import Site
from bms.model.fact import Explained
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.off_loop import off_loop

ACTIONS: Mapping[str, PageAction] = {
    action.code: action
    for action in (
        MakeOverride(),
        EndOverride(),
        GiveBack(),
        TakeBack(),
        SetMode(),
        MakeBooking(),
        RemoveBooking(),
        DecideEvent(),
        AcceptBaseline(),
        EnterMeasure(),
        EndMeasure(),
        SetGoal(),
        StartTrial(),
        StopTrial(),
    )
}
SHOWN_ON = {
    **dict.fromkeys(("event", "booking", "unbook", "trial", "stop-trial"), Tab.WORK),
    **dict.fromkeys(("measure", "end-measure", "baseline"), Tab.SAVINGS),
    "goal": Tab.USE,
}
"""The page of the building that shows what came of an action, where it is not the first."""
WRITES_NOTHING = ("event", "measure", "end-measure", "baseline", "goal")
"""Actions that a building does not answer."""
REFUSED = (ConfigError, NotFound, InsufficientData, NothingToDo)
"""What the services say when something cannot be done; the person is told on the form."""
LATEST = timedelta(days=1)
ENGLISH = "en"
HIDDEN = ("csrf", "step", "word")

router = APIRouter(include_in_schema=False)
PERMISSIONS = frozenset(
    {
        ("event", Permission.RECORD),
        ("measure", Permission.RECORD),
        ("end-measure", Permission.RECORD),
        ("baseline", Permission.ASSESS),
        ("goal", Permission.ASSESS),
    }
)
"""Actions that need something else than to operate the building."""
Doer = Annotated[Actor, Depends(Needs(Permission.OPERATE, by_code=PERMISSIONS))]
Code = Annotated[str, Path(pattern=r"^[a-z-]{1,20}$")]


@router.get("/sites/{site_id}/do/{code}")
def show_form(
    request: Request, ports: PortsDep, cache: CacheDep, key: Doer, site: SiteDep, code: Code
) -> Response:
    """The form, filled in as the address says."""
    action = _action(code)
    doing = _doing(request, ports, cache, site, key.name, request.query_params)
    return _form_page(request, action, doing, {})


@router.post("/sites/{site_id}/do/{code}")
async def take_form(
    request: Request,
    ports: PortsDep,
    cache: CacheDep,
    key: Doer,
    site: SiteDep,
    code: Code,
    form: OwnForm,
) -> Response:
    """What will happen (``step`` is ``preview``), or do it and go to the outcome."""
    action = _action(code)
    doing = _doing(request, ports, cache, site, key.name, form)
    try:
        preview = await off_loop(action.preview, doing)
        if form.get("step") != "do":
            return _preview_page(request, action, doing, preview, {})
        try:
            _confirmed(doing, preview.word)
        except WrongFields as wrong:
            return _preview_page(request, action, doing, preview, wrong.problems)
        done = await action.perform(doing)
    except WrongFields as wrong:
        return await off_loop(_form_page, request, action, doing, wrong.problems)
    except REFUSED as refused:
        problems = {"": _told(refused, doing)}
        return await off_loop(_form_page, request, action, doing, problems)
    request.app.state.board.changed()
    said = {"at": doing.now.isoformat(), "back": done.back, "n": done.count}
    told = {k: v for k, v in said.items() if v is not None} | ({"waits": "1"} if done.waits else {})
    return RedirectResponse(f"/sites/{site.id}/did/{code}?{urlencode(told)}", 303)


@router.get("/sites/{site_id}/did/{code}")
def show_outcome(
    request: Request, ports: PortsDep, key: PageReader, site: SiteDep, code: Code
) -> Response:
    """What came of an action: what was written and given back since, the newest first."""
    action, t = _action(code), translator_of(request, site.timezone)
    now, asked = ports.clock.now(), request.query_params
    at = max(_moment(asked.get("at"), now), now - LATEST)
    back = asked.get("back", "")
    page = {
        "code": action.code,
        "site": site.id,
        "name": name_of(site, t),
        "at": at,
        "count": _count(asked.get("n")),
        "waits": asked.get("waits") == "1",
        "back": f"/sites/{site.id}{back}" if back.startswith("/do/") else None,
        "back_code": back.removeprefix("/do/").partition("?")[0],
        "seen_at": tab_address(site.id, SHOWN_ON.get(code, Tab.NOW)),
        "answers": code not in WRITES_NOTHING,
        "receipts": receipt_rows(ports.control.ledgers.receipts(site.id, at), site, t),
    }
    if page["back_code"] not in ACTIONS:
        page["back"] = None
    return render(request, "outcome.html", {"t": t, "page": page})


def _action(code: str) -> PageAction:
    """Raises ``NotFound``."""
    if code not in ACTIONS:
        raise NotFound(f"there is no action {code!r}")
    return ACTIONS[code]


def _doing(
    request: Request,
    ports: ApiPorts,
    cache: SavingsCache,
    site: Site,
    actor: str,
    given: Mapping[str, str],
) -> Doing:
    return Doing(
        ports=ports,
        cache=cache,
        site=site,
        t=translator_of(request, site.timezone),
        actor=actor,
        now=ports.clock.now(),
        given=given,
    )


def _confirmed(doing: Doing, word: str | None) -> None:
    """Raises ``WrongFields`` where the word of the thing was not typed."""
    if word is not None:
        form = doing.form()
        form.word("word", word)
        form.check()


def _form_page(
    request: Request, action: PageAction, doing: Doing, problems: Mapping[str, str]
) -> Response:
    told = dict(problems)
    fields: tuple[FormField, ...] = ()
    try:
        fields = action.fields(doing)
    except REFUSED as refused:
        told = {"": _told(refused, doing)}
    values = {"t": doing.t, "action": action.code, "site": doing.site, "fields": fields}
    name = name_of(doing.site, doing.t)
    attributes = {each.name: _attributes(each, told) for each in fields}
    page = {**values, "name": name, "problems": told, "told": attributes}
    return render(request, "form.html", page, 422 if problems else 200)


def _attributes(field: FormField, problems: Mapping[str, str]) -> Markup:
    """What ties a field to its help and to what is wrong with it."""
    wrong = field.name in problems
    names = [f"help-{field.name}"] * bool(field.help) + [f"wrong-{field.name}"] * wrong
    described = Markup(' aria-describedby="{}"').format(" ".join(names)) if names else Markup()
    needed = field.required and field.kind is not FieldKind.CHECK
    return described + Markup(' aria-invalid="true"' * wrong + " required" * needed)  # noqa: S704


def _preview_page(
    request: Request, action: PageAction, doing: Doing, preview: object, problems: Mapping[str, str]
) -> Response:
    given = [(k, v) for k, v in doing.given.items() if k not in HIDDEN]
    page = {
        "t": doing.t,
        "action": action.code,
        "site": doing.site,
        "name": name_of(doing.site, doing.t),
        "actor": doing.actor,
        "given": given,
        "preview": preview,
        "problems": problems,
        "edit": f"/sites/{doing.site.id}/do/{action.code}?{urlencode(given)}",
    }
    return render(request, "preview.html", page, 422 if problems else 200)


def _told(error: Exception, doing: Doing) -> str:
    """Why it cannot be done, in the language of the page where there are facts; else what a service
    says in English, marked as such."""
    if isinstance(error, Explained):
        return " ".join(doing.t.describe(each) for each in error.facts)
    if isinstance(error, NothingToDo) or doing.t.language == ENGLISH:
        return str(error)
    return Markup('<span lang="en">{}</span>').format(str(error))


def _count(text: str | None) -> int | None:
    plain = text is not None and text.isascii() and text.isdecimal() and len(text) < 7
    return int(text) if plain and text is not None else None


def _moment(text: str | None, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
    return found if found.tzinfo is not None else otherwise
