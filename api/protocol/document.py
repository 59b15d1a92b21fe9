"""The OpenAPI document: who may ask, what is answered, and an example of everything that is sent.

Routes say what is theirs; here stands what holds for all of them: security, errors as RFC 9457, and
the statuses that come from the rules of a route, its address and its body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from api.access.rules import Needs, rule_of
from api.protocol.examples import BODIES, PARAMETERS
from api.protocol.repeats import HEADER, HEADER_NAME, repeatable

KEY, SESSION = "key", "session"
SECURITY = {
    KEY: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "bms_…",
        "description": "a key of `bms keys create`",
    },
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "bms_session",
        "description": "somebody who has signed in at `/login`; reads only",
    },
}
PROBLEM = "Problem"
PROBLEM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "title": PROBLEM,
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Unprocessable Content"]},
        "status": {"type": "integer", "examples": [422]},
        "detail": {"type": "string", "description": "what, where and the way out"},
        "instance": {"type": "string", "examples": ["/v1/sites"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
TOLD = {
    400: "the body is no text in UTF-8, or nested beyond reading",
    401: "no key, or one that is not known (any more)",
    403: "the key or the person may not do this, or not at this building",
    404: "there is no such thing, or it is over",
    408: "the body did not come in time",
    409: "there is not enough to answer it yet, or it does not fit what stands",
    413: "the body is larger than what is taken",
    415: "the body is of a kind that is not taken",
    421: "the host name is none of ours (`BMS_HOSTS`)",
    422: "something in the request is wrong; `errors` says where",
    429: "too many wrong keys, or too much at once; `Retry-After` says when to come again",
    503: "the database, a feed or the guard is away, or it took too long; `Retry-After`",
}
WAITING = (429, 503)
CHOOSING = frozenset({"site", "group", "cursor"})
"""Parameters that may name what is not there."""
SENTENCE = re.compile(r"(.+?)(?:[.:;]\s|[.:;]?$)", re.DOTALL)
LONGEST_SUMMARY = 110


class DescribedApi(FastAPI):
    """An application whose OpenAPI document is whole."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if self.openapi_schema is None:
            completed(super().openapi(), self)
        return super().openapi()


class ApiOperation(NamedTuple):
    """One operation of the document, with the rule of its route."""

    method: str
    path: str
    body: dict[str, Any]
    rule: Needs | bool


def completed(document: dict[str, Any], app: FastAPI) -> None:
    """Adds to the document what its routes do not say each."""
    parts = document.setdefault("components", {})
    parts["securitySchemes"] = SECURITY
    schemas = parts.setdefault("schemas", {})
    schemas[PROBLEM] = PROBLEM_SCHEMA
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for name in BODIES.keys() & schemas.keys():  # a federation takes none
        schemas[name].setdefault("examples", [BODIES[name]])
    for operation in _operations(document, app):
        _say(operation)
        _secure(operation)
        _answers(operation)
        _parameters(operation)


def _operations(document: Mapping[str, Any], app: FastAPI) -> Iterator[ApiOperation]:
    rules = {
        (method, _plain(str(route.path))): rule_of(route.original_route)
        for route in iter_route_contexts(app.routes)
        for method in (getattr(route, "methods", None) or ())
    }
    for path, rows in document["paths"].items():
        for method, body in rows.items():
            yield ApiOperation(method, path, body, rules[method.upper(), path])


def _plain(path: str) -> str:
    return re.sub(r":\w+\}", "}", path)


def _say(operation: ApiOperation) -> None:
    """The first sentence of what it does is its summary."""
    found = SENTENCE.match(" ".join(operation.body.get("description", "").split()))
    if found is not None and len(found[1]) <= LONGEST_SUMMARY:
        operation.body["summary"] = found[1]


def _secure(operation: ApiOperation) -> None:
    rule = operation.rule
    if not isinstance(rule, Needs):
        operation.body["security"] = []
        return
    operation.body["security"] = [{KEY: []}]
    if operation.method == "get":
        operation.body["security"].append({SESSION: []})
    if rule.permission is not None:
        operation.body["x-permission"] = rule.permission.value


def _answers(operation: ApiOperation) -> None:
    answers = operation.body["responses"]
    for status in _statuses(operation):
        answer = answers.setdefault(str(status), {})
        answer.setdefault("description", TOLD[status])
        if status in WAITING:
            seconds = {"description": "[s]", "schema": {"type": "integer", "minimum": 0}}
            answer["headers"] = {"Retry-After": seconds}
    for status, answer in answers.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            if answer["description"] == "Validation Error":
                answer["description"] = TOLD[422]
            schema = {"$ref": f"#/components/schemas/{PROBLEM}"}
            answer["content"] = {"application/problem+json": {"schema": schema}}
    operation.body["responses"] = dict(sorted(answers.items()))


def _statuses(operation: ApiOperation) -> Iterator[int]:
    """What comes from the rule, the address and the body of an operation."""
    body = operation.body
    if operation.path.startswith("/v1"):
        yield from (421, 422, 503)
    if isinstance(operation.rule, Needs):
        yield from (401, 403, 429)
    named = {parameter["name"] for parameter in body.get("parameters", ())}
    if "{" in operation.path or named & CHOOSING or operation.method == "post":
        yield 404
    if operation.method in ("post", "delete") or {"savings", "plans"} & set(body.get("tags", ())):
        yield 409
    if "requestBody" in body or operation.method == "post":
        yield from (400, 408, 413, 415)


def _parameters(operation: ApiOperation) -> None:
    found = operation.body.get("parameters", [])
    if operation.method == "post" and repeatable(operation.path):
        found = [*found, HEADER]
    for parameter in found:
        example = PARAMETERS.get(parameter["name"])
        known = parameter["name"] == HEADER_NAME or parameter["schema"].get("examples")
        if example is not None and not known:
            parameter["schema"] = {**parameter["schema"], "examples": [example]}
    if found:
        operation.body["parameters"] = found
