"""The pages of one building, each at an address of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.deps import CacheDep, PageReader, PortsDep, SiteDep, ViewsDep
from api.pages.building.head import Tab, building_head
from api.pages.building.history import history_view
from api.pages.building.tabs import now_tab, savings_tab, trail_tab, use_tab, work_tab
from api.pages.language import PageTranslator
from api.pages.render import render, translator_of
from api.ports import ApiPorts
from bms.model.access.actor import Actor
from bms.model.assets.site import Site

router = APIRouter(prefix="/sites/{site_id}", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class BuildingPage:
    """What every page of a building is made of: who asks, which building, in which language."""

    request: Request
    ports: ApiPorts
    site: Site
    key: Actor | None
    t: PageTranslator

    def shown(self, tab: Tab, page: object) -> Response:
        """The answer: the line that stays, and below it ``page``."""
        head = building_head(self.ports, self.site, tab, self.t)
        values = {"t": self.t, "head": head, "page": page}
        return render(self.request, f"building_{tab.value}.html", values)


def building_page(
    request: Request, ports: PortsDep, key: PageReader, site: SiteDep
) -> BuildingPage:
    return BuildingPage(request, ports, site, key, translator_of(request, site.timezone))


BuildingDep = Annotated[BuildingPage, Depends(building_page)]


@router.get("")
def now(of: BuildingDep) -> Response:
    return of.shown(Tab.NOW, now_tab(of.ports, of.site, of.key, of.t))


@router.get("/savings")
def savings(of: BuildingDep, cache: CacheDep) -> Response:
    return of.shown(Tab.SAVINGS, savings_tab(of.ports, cache, of.site, of.t))


@router.get("/use")
def use(of: BuildingDep, cache: CacheDep) -> Response:
    return of.shown(Tab.USE, use_tab(cache, of.site, of.t))


@router.get("/work")
def work(of: BuildingDep, cache: CacheDep) -> Response:
    return of.shown(Tab.WORK, work_tab(of.ports, cache, of.site, of.t))


@router.get("/history")
def history(of: BuildingDep, views: ViewsDep) -> Response:
    page = history_view(of.ports, of.site, of.request.query_params, of.key, of.t)
    shown = {name for name, _, chosen in page.points if chosen}
    for point in of.site.points:
        if of.key is not None and point.id in shown:
            views.note(of.key, point, of.ports.clock.now())
    return of.shown(Tab.HISTORY, page)


@router.get("/trail")
def trail(of: BuildingDep) -> Response:
    asked = of.request.query_params.get("point")
    return of.shown(Tab.TRAIL, trail_tab(of.ports, of.site, asked, of.key, of.t))
