"""The pages: overview, one building, tables to keep, login and the human side of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.access.rules import anybody
from api.deps import CacheDep, PageReader, PortsDep, SiteDep, visible_sites
from api.pages import open_data, provider, reports, sign_in
from api.pages.actions.routes import router as actions
from api.pages.building.routes import router as building
from api.pages.city.board import CityBoard, LimitedBoard
from api.pages.city.overview import overview_page
from api.pages.city.table import PER_PAGE, RowsInWords, TableAsked
from api.pages.cooling import cooling_page
from api.pages.ranking import ranking_page
from api.pages.render import HERE, render, translator_of
from api.pages.work.routes import router as work
from api.reports.downloads import csv_answer
from bms.model.access.actor import Actor
from bms.savings.portfolio.ranking import Metric


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: ``parameters`` are (name, what it is for)."""

    method: str
    path: str
    about: str
    parameters: tuple[tuple[str, str], ...]


def operations_of(schema: dict[str, Any]) -> list[Operation]:
    """The operations of an OpenAPI document, in its order."""
    return [
        Operation(
            method=method.upper(),
            path=path,
            about=operation.get("description", operation.get("summary", "")),
            parameters=tuple(
                (p["name"], p.get("description", ""))
                for p in operation.get("parameters", ())
                if p["in"] in ("path", "query")
            ),
        )
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]


router = APIRouter(include_in_schema=False)


def board_of(request: Request) -> CityBoard:
    """How buildings stand, of the sites that whoever asks may ask about."""
    board: CityBoard = request.app.state.board
    visible = visible_sites(request)
    return board if visible is None else LimitedBoard(board, visible, request.app.state.savings)


def words_of(request: Request) -> RowsInWords:
    """The rows that are kept of the board of all; those of a few sites are made anew."""
    kept: RowsInWords = request.app.state.table_rows
    return kept if visible_sites(request) is None else RowsInWords()


BoardDep = Annotated[CityBoard, Depends(board_of)]
WordsDep = Annotated[RowsInWords, Depends(words_of)]


def table_asked(request: Request) -> TableAsked:
    """What the address says about the table; nothing in it is an error to a reader."""
    asked = request.query_params
    return TableAsked(
        search=asked.get("q", "").strip()[:100],
        use=asked.get("use", "")[:64],
        mode=asked.get("mode", "")[:16],
        only_open=asked.get("open") == "1",
        sort=asked.get("sort", "worst")[:16],
        down=asked.get("down") == "1",
        page=_whole_number(asked.get("page"), 1),
        per=_whole_number(asked.get("per"), PER_PAGE),
    )


def _whole_number(text: str | None, otherwise: int) -> int:
    plain = text is not None and text.isascii() and text.isdecimal() and len(text) < 7
    return int(text or 0) if plain else otherwise


@router.get("/")
def overview(
    request: Request,
    ports: PortsDep,
    board: BoardDep,
    words: WordsDep,
    key: PageReader,
    asked: Annotated[TableAsked, Depends(table_asked)],
) -> Response:
    t, whole = translator_of(request), request.query_params.get("matters") == "all"
    page = overview_page(ports, board, words, asked, t, whole=whole)
    return render(request, "overview.html", {"t": t, "page": page})


@router.get("/ranking")
def ranking(
    request: Request,
    ports: PortsDep,
    cache: CacheDep,
    key: PageReader,
    metric: Metric = Metric.HEAT,
) -> Response:
    t = translator_of(request)
    return render(request, "ranking.html", {"t": t, "page": ranking_page(ports, cache, metric, t)})


@router.get("/cooling")
def cooling(request: Request, ports: PortsDep, cache: CacheDep, key: PageReader) -> Response:
    t = translator_of(request)
    return render(request, "cooling.html", {"t": t, "page": cooling_page(ports, cache, t)})


@router.get("/savings.csv")
def savings_table(
    request: Request, ports: PortsDep, cache: CacheDep, key: PageReader, excel: bool = False
) -> Response:
    language = translator_of(request).language if excel else None
    return csv_answer(ports, cache.sites(), "savings", by=_who(key), language=language)


@router.get("/sites/{site_id}/savings.csv")
def site_savings_table(
    request: Request,
    ports: PortsDep,
    cache: CacheDep,
    key: PageReader,
    site: SiteDep,
    excel: bool = False,
) -> Response:
    language = translator_of(request).language if excel else None
    name, by = f"savings-{site.id}", _who(key)
    return csv_answer(ports, [cache.site(site)], name, by=by, language=language)


def _who(key: Actor | None) -> str:
    """The name of whoever looks at the pages; where they are open, nobody's."""
    return "dashboard" if key is None else key.name


@router.get("/docs", dependencies=[Depends(anybody)])
def docs(request: Request) -> Response:
    return render(request, "docs.html", {"operations": operations_of(request.app.openapi())})


@router.get("/accessibility", dependencies=[Depends(anybody)])
def accessibility(request: Request) -> Response:
    """How accessible the pages are, and what is missing (the law on web accessibility)."""
    return render(request, "accessibility.html", {})


def add_pages(above: APIRouter) -> None:
    """The pages and the few files that they need."""
    above.include_router(router)
    above.include_router(work)
    above.include_router(actions)
    above.include_router(reports.router)
    above.include_router(sign_in.router)
    above.include_router(open_data.router)
    above.include_router(building)
    above.include_router(provider.router)
    above.mount("/static", Files(directory=HERE / "static"), name="static")


class Files(StaticFiles):
    """Style and script of the pages; a browser asks whether they are still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
