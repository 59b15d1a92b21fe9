"""What every route asks of the parameters of its address: known names, sensible values."""

from __future__ import annotations

import re
from typing import Any

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.access.rules import Needs, rule_of
from bms.services.periods import FIRST_YEAR, LAST_YEAR

YEAR = re.compile(r"(?:^|\.\.)(\d{4})-\d\d")


async def check_parameters(request: Request) -> None:
    """Raises ``RequestValidationError`` for a parameter that the route does not have, one with a
    NUL, and a year that is no year of a reading. Raises what the rule of the route does first."""
    given = request.query_params.multi_items()
    if not given:
        return
    route = request.scope.get("route")
    names = _names(route)
    mistakes = [
        {"type": "value_error", "loc": ("query", name), "msg": said, "input": None}
        for name, value in given
        if (said := _mistake(name, value, names))
    ]
    if mistakes:
        rule = rule_of(route)
        if isinstance(rule, Needs):
            await run_in_threadpool(rule, request)  # who may not ask is not told how to
        raise RequestValidationError(mistakes)


def _mistake(name: str, value: str, names: frozenset[str] | None) -> str | None:
    if names is not None and name not in names:
        return f"there is no such parameter; there are: {', '.join(sorted(names)) or 'none'}"
    if "\0" in value:
        return "has a character that is none (U+0000)"
    if any(not FIRST_YEAR <= int(year) <= LAST_YEAR for year in YEAR.findall(value)):
        return f"years from {FIRST_YEAR} to {LAST_YEAR} are known"
    return None


def _names(route: Any) -> frozenset[str] | None:
    """The names of a route's parameters; None where they are not known."""
    if not isinstance(route, APIRoute):
        return None
    return frozenset(
        field.alias
        for field in get_flat_params(route.dependant)
        if isinstance(field.field_info, params.Query)
    )
