"""The web application over the services' ports."""

from __future__ import annotations

import secrets
from collections import Counter
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from api.access.rules import Turns, in_turn
from api.failed_keys import FailedKeys
from api.federation import routes as federation
from api.headers import HeadAsGet, HeadersMiddleware
from api.hosts_and_body_sizes import AdmissionMiddleware
from api.json_bytes import JsonMiddleware
from api.live import stream
from api.live.changes import LiveChanges
from api.metrics import metrics_registry
from api.pages.city.board import CityBoard
from api.pages.city.table import RowsInWords
from api.pages.views import add_pages
from api.parameters import check_parameters
from api.ports import ApiPorts
from api.problems import add_problem_handlers
from api.protocol import assistants
from api.protocol.document import DescribedApi
from api.protocol.entity_tags import EntityTags
from api.protocol.repeats import Repeats
from api.proxies import BehindProxies
from api.reports import exports
from api.routes import (
    accounts,
    controllers,
    events,
    ingest,
    measures,
    meters,
    operations,
    people,
    plans,
    portfolio,
    readings,
    savings,
    sites,
)
from api.routes.work import items, subscriptions
from api.schedules import Schedules
from api.schemas.savings import EncodedSavings
from bms.messages import FOLDER
from bms.services.api_keys import RememberedKeys
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.privacy.seen import PersonalViews
from bms.services.reporting.exports import Exports

LEAST_COMPRESSED = 1000
"""Answers of fewer bytes go as they are."""
ROUTERS = (
    controllers.router,
    sites.router,
    readings.router,
    meters.router,
    ingest.router,
    savings.router,
    portfolio.router,
    accounts.router,
    events.router,
    exports.router,
    measures.router,
    items.router,
    plans.router,
    people.router,
    stream.router,
)


def create_app(ports: ApiPorts, catalogues: Path = FOLDER) -> FastAPI:
    """API under /v1 and pages over ``ports``. Opens nothing and starts nothing by itself.

    Pages are there in every language that has a file in ``catalogues``.
    """
    app = DescribedApi(
        title="Building energy backend",
        description="Sites, readings, plans and savings of a municipality's buildings.",
        version=_version(),
        docs_url=None,
        redoc_url=None,
        servers=[{"url": ports.settings.root_path or "/"}],
        routes=list(_routes(federated=ports.federation is not None)),
    )
    app.state.ports = ports
    app.state.catalogues = catalogues
    app.state.keys = RememberedKeys(ports.keys)
    app.state.schedules = Schedules(ports, app.state.keys)
    app.state.savings = SavingsCache(ports.assessment, reader=True)
    whole = SavingsCache(ports.assessment)  # what is taken away lacks nothing
    app.state.exports = Exports(ports.settings.exports, whole, ports.reporter, ports.make_export)
    app.state.board = CityBoard(ports, app.state.savings)
    app.state.table_rows = RowsInWords()
    app.state.encoded_savings = EncodedSavings()
    app.state.changes = LiveChanges(ports, secrets.token_hex(6))
    answers = Counter[tuple[str, int]]()
    app.state.metrics = metrics_registry(ports, answers)
    app.state.repeats = Repeats(ports.settings.repeats, ports.clock.now)
    app.state.views = PersonalViews(ports.control.ledgers)
    app.state.failed_keys = FailedKeys()
    app.state.turns = Turns()
    app.add_middleware(
        AdmissionMiddleware,
        hosts=ports.settings.host_names,
        statement_s=ports.settings.statement_s,
    )
    app.add_middleware(JsonMiddleware)
    app.add_middleware(EntityTags)
    app.add_middleware(GZipMiddleware, minimum_size=LEAST_COMPRESSED, compresslevel=6)
    app.add_middleware(HeadersMiddleware, answers=answers)
    app.add_middleware(
        BehindProxies, trusted=ports.settings.proxies, prefix=ports.settings.root_path
    )
    app.add_middleware(HeadAsGet)
    add_problem_handlers(app)
    return app


@cache
def _routes(*, federated: bool) -> tuple[BaseRoute, ...]:
    """What every application answers, prepared once: they differ in their state alone."""
    whole = APIRouter(dependencies=[Depends(in_turn, scope="function")])
    checked = [Depends(check_parameters)]
    if not federated:  # asked for most often, and routes are tried in this order
        whole.include_router(controllers.fetched, prefix="/v1", dependencies=checked)
    v1 = APIRouter(prefix="/v1", dependencies=checked)
    for router in (federation.router,) if federated else ROUTERS:
        v1.include_router(router)
    whole.include_router(v1)
    whole.include_router(operations.router)
    if federated:
        whole.include_router(federation.pages)  # its "/" comes before that of a city
    else:
        whole.include_router(subscriptions.router)
    whole.include_router(assistants.router)
    add_pages(whole)
    return tuple(whole.routes)


def _version() -> str:
    try:
        return version("bms")
    except PackageNotFoundError:
        return "0"
