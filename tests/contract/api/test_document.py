"""The OpenAPI document is whole: summaries, statuses, security, and examples that can be sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.web.routes import ENDLESS

NO_BODY = {"content": {"": None}}
SCHOOL = from_json(Site, to_json(lodge()).replace("lodge", "school"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = a_world(tmp_path_factory.mktemp("home"), sites=(SCHOOL,))
    made.clock.move_to(utc(2026, 11, 30, 9, 5))
    return made


@dataclass(frozen=True)
class ApiOperation:
    """One operation of the document."""

    method: str
    path: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def operations(world: World) -> Iterator[ApiOperation]:
    for path, rows in world.app.openapi()["paths"].items():
        for method, said in rows.items():
            yield ApiOperation(method, path, said)


def test_every_operation_has_a_summary_of_one_line_and_its_own_name(world: World) -> None:
    names = []
    for each in operations(world):
        assert 3 < len(each.said["summary"]) <= 110, each
        assert "\n" not in each.said["summary"], each
        names.append(each.said["operationId"])
    assert len(set(names)) == len(names)


def test_every_operation_says_who_may_and_how_it_refuses(world: World) -> None:
    schemes = world.app.openapi()["components"]["securitySchemes"]
    for each in operations(world):
        answers, secured = each.said["responses"], each.said["security"]
        assert {name for row in secured for name in row} <= set(schemes), each
        assert bool(secured) is ("401" in answers and "403" in answers and "429" in answers), each
        if each.path.startswith("/v1"):
            assert {"422", "421", "503"} <= set(answers), each
        if "requestBody" in each.said:
            assert {"404", "409", "413", "415"} <= set(answers), each
        for status, answer in answers.items():
            assert answer["description"], each
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (each, status)


def example(parameter: dict[str, Any]) -> Any:
    found = [*parameter["schema"].get("examples", ()), *parameter.get("examples", ())]
    return found[0] if found else parameter.get("example")


def test_whatever_is_needed_has_an_example(world: World) -> None:
    schemas = world.app.openapi()["components"]["schemas"]
    for each in operations(world):
        for parameter in each.said.get("parameters", ()):
            if parameter["required"]:
                assert example(parameter) is not None, (each, parameter["name"])
        for kind, content in each.said.get("requestBody", {}).get("content", {}).items():
            assert body_of(content, schemas) is not None, (each, kind)


def body_of(content: dict[str, Any], schemas: dict[str, Any]) -> Any:
    if "example" in content:
        return content["example"]
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    return next(iter(schemas[name].get("examples", ())), None)


def asked(each: ApiOperation) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Path, parameters and headers of an operation, as the examples have them."""
    path, query, headers = each.path, {}, {}
    for parameter in each.said.get("parameters", ()):
        name, value = parameter["name"], example(parameter)
        if parameter["in"] == "path":
            path = path.replace("{" + name + "}", str(value))
        elif parameter["in"] == "query" and value is not None:
            query[name] = value
        elif name == "Idempotency-Key":
            headers[name] = each.said["operationId"]
    return path, query, headers


def sent_of(kind: str, body: Any) -> dict[str, Any]:
    if not isinstance(body, str):
        return {"json": body}
    return {"content": body, "headers": {"content-type": kind}}


async def test_the_examples_can_be_sent(world: World) -> None:
    schemas = world.app.openapi()["components"]["schemas"]
    keys = {True: world.key("controller:school/rooms"), False: world.key("administrator")}
    wrong = []
    async with world.browser() as browser:
        for each in operations(world):
            if (each.method.upper(), each.path) in ENDLESS:
                continue
            path, query, headers = asked(each)
            browser.headers.update({**keys["/controllers/" in path], **headers})
            for kind, content in each.said.get("requestBody", NO_BODY)["content"].items():
                body = None if content is None else body_of(content, schemas)
                answer = await browser.request(
                    each.method, path, params=query, **sent_of(kind, body)
                )
                named = str(answer.status_code) in each.said["responses"]
                refused = answer.status_code == 422 and "meter '6841234'" not in answer.text
                if refused or not named:
                    wrong.append((str(each), query, body, answer.status_code, answer.text[:300]))
    assert not wrong, "\n".join(map(str, wrong))
