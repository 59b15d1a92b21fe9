"""The routes of the application, as it lists them itself, and an address for each."""

from __future__ import annotations

from fastapi.routing import iter_route_contexts

from api.access.rules import Needs, rule_of
from tests.rigs.fakes.api import World

FILLED = {
    "{code}": "override",
    "{measure_id}": "m1",
    "{site_id}": "lodge",
    "{point_id:path}": "lodge/hall.temp",
    "{meter_id}": "heat",
    "{plan_id}": "p1",
    "{device_id:path}": "lodge/rooms",
    "{override_id}": "nobody",
    "{booking_id}": "nobody",
    "{export_id}": "nobody",
    "{year}": "2019",
    "{ending}": "csv",
    "{session_id}": "nobody",
}


ENDLESS = frozenset({("GET", "/v1/events")})
"""Streams, which a plain request would wait for to its end."""


def routes_of(world: World) -> set[tuple[str, str]]:
    return {
        (method, "/static/style.css" if route.path == "/static" else route.path)
        for route in iter_route_contexts(world.app.routes)
        for method in (getattr(route, "methods", None) or {"GET"})
        if method != "HEAD"
    }


def gets_of(world: World) -> list[str]:
    """The address of everything that may be asked for and has an end."""
    routes = routes_of(world) - ENDLESS
    return sorted(address(path) for method, path in routes if method == "GET")


def rules_of(world: World) -> dict[tuple[str, str], Needs | bool]:
    """What each route asks for, by its method and path."""
    return {
        (method, "/static/style.css" if route.path == "/static" else str(route.path)): rule_of(
            route.original_route
        )
        for route in iter_route_contexts(world.app.routes)
        for method in (getattr(route, "methods", None) or {"GET"})
        if method != "HEAD"
    }


def address(path: str) -> str:
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path
