"""The pages of one building, each at an address of its own."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.deps import CacheDep, PageReader, PortsDep, SiteDep, ViewsDep
from api.pages.building.head import Tab, building_head
from api.pages.building.history import history_view
from api.pages.building.tabs import now_tab, savings_tab, trail_tab, use_tab, work_tab
from api.pages.render import render, translator_of
from api.ports import ApiPorts
from bms.model.assets.site import Site

router = APIRouter(prefix="/sites/{site_id}", include_in_schema=False)


def _shown(request: Request, ports: ApiPorts, site: Site, tab: Tab, page: object) -> Response:
    t = translator_of(request, site.timezone)
    head = building_head(ports, site, tab, t)
    return render(request, f"building_{tab.value}.html", {"t": t, "head": head, "page": page})


@router.get("")
def now(request: Request, ports: PortsDep, key: PageReader, site: SiteDep) -> Response:
    t = translator_of(request, site.timezone)
    return _shown(request, ports, site, Tab.NOW, now_tab(ports, site, key, t))


@router.get("/savings")
def savings(
    request: Request, ports: PortsDep, cache: CacheDep, key: PageReader, site: SiteDep
) -> Response:
    t = translator_of(request, site.timezone)
    return _shown(request, ports, site, Tab.SAVINGS, savings_tab(ports, cache, site, t))


@router.get("/use")
def use(
    request: Request, ports: PortsDep, cache: CacheDep, key: PageReader, site: SiteDep
) -> Response:
    t = translator_of(request, site.timezone)
    return _shown(request, ports, site, Tab.USE, use_tab(ports, cache, site, t))


@router.get("/work")
def work(
    request: Request, ports: PortsDep, cache: CacheDep, key: PageReader, site: SiteDep
) -> Response:
    t = translator_of(request, site.timezone)
    return _shown(request, ports, site, Tab.WORK, work_tab(ports, cache, site, t))


@router.get("/history")
def history(
    request: Request, ports: PortsDep, key: PageReader, site: SiteDep, views: ViewsDep
) -> Response:
    t = translator_of(request, site.timezone)
    page = history_view(ports, site, request.query_params, key, t)
    shown = {name for name, _, chosen in page.points if chosen}
    for point in site.points:
        if key is not None and point.id in shown:
            views.note(key, point, ports.clock.now())
    return _shown(request, ports, site, Tab.HISTORY, page)


@router.get("/trail")
def trail(request: Request, ports: PortsDep, key: PageReader, site: SiteDep) -> Response:
    t = translator_of(request, site.timezone)
    asked = request.query_params.get("point")
    return _shown(request, ports, site, Tab.TRAIL, trail_tab(ports, site, asked, key, t))
