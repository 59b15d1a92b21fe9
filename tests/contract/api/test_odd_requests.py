"""Whatever the parameters of an address are, the answer is one that is documented: never a 5xx."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.rigs.fakes.api import World, a_world
from tests.rigs.web.routes import ENDLESS, address

DATES = ["0001-01-01", "9999-12-31", "2019-02-30", "x", "\0"]
MOMENTS = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "x"]
NUMBERS = ["-1", "0", "10000", "9" * 20, "1.5"]
TEXTS = [
    "",
    "\0",
    "0001-01-01..0001-12-31",
    "9999-01-01..9999-12-31",
    "0001-01",
    "9999-12",
    "x" * 300,
]
ODD = {"date": DATES, "date-time": MOMENTS, "integer": NUMBERS, "string": TEXTS}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_world(tmp_path_factory.mktemp("home"))


def gets(world: World) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Each address of the API with its parameters."""
    for path, operations in world.app.openapi()["paths"].items():
        asked = operations.get("get")
        if asked is not None and ("GET", path) not in ENDLESS:
            yield (
                _filled(path),
                [each for each in asked.get("parameters", ()) if each["in"] == "query"],
            )


def _filled(path: str) -> str:
    path = path.replace("{point_id}", "lodge/hall.temp").replace("{device_id}", "lodge/rooms")
    return address(path).replace("{item_id}", "nothing")


def odd_values(parameter: dict[str, object]) -> list[str]:
    schema = parameter["schema"]
    assert isinstance(schema, dict)
    kinds = [schema, *schema.get("anyOf", ())]
    return [
        value for kind in kinds for value in ODD.get(kind.get("format") or kind.get("type"), ())
    ]


async def test_odd_parameters_are_refused_in_words(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        for path, parameters in gets(world):
            for parameter in parameters:
                for value in odd_values(parameter):
                    found = await browser.get(path, params={str(parameter["name"]): value})
                    assert found.status_code < 500, (path, parameter["name"], value, found.text)


async def test_a_parameter_that_is_not_there_is_named(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        found = await browser.get("/v1/sites/lodge/savings", params={"reportng": "2019"})
        assert found.status_code == 422
        assert found.headers["content-type"] == "application/problem+json"
        assert "no such parameter; there are: baseline, reporting" in found.json()["detail"]


@pytest.mark.parametrize("year", ["0001", "1899", "2200", "9999"])
async def test_years_of_no_reading_are_refused(world: World, year: str) -> None:
    asked = {"baseline": f"{year}-01-01..{year}-12-31"}
    async with world.browser(**world.key("operate")) as browser:
        found = await browser.get("/v1/sites/lodge/savings", params=asked)
        assert found.status_code == 422
        assert "1900 to 2199" in found.json()["detail"]


async def test_head_is_answered_like_get_without_a_body(world: World) -> None:
    async with world.browser(**world.key("operate")) as browser:
        for path in (
            "/healthz",
            "/v1/sites",
            "/v1/sites/lodge",
            "/v1/sites/nowhere",
            "/openapi.json",
        ):
            whole, head = await browser.get(path), await browser.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b"")
            assert head.headers["content-type"] == whole.headers["content-type"]
        refused: httpx.Response = await browser.head("/v1/events")
        assert refused.status_code == 405


def test_every_kind_of_parameter_is_tried(world: World) -> None:
    assert sum(len(odd_values(each)) for _, parameters in gets(world) for each in parameters) > 200
