"""Every error is a problem (RFC 9457), every answer carries the security headers."""

import pytest

from api.headers import SECURITY_HEADERS
from bms.errors import BmsError, FeedError, GuardError, InsufficientData, StoreUnavailable
from tests.rigs.fakes.api import HTML, a_world


class Broken:
    """A clock that fails in a chosen way."""

    def __init__(self, error):
        self.error = error

    def now(self):
        raise self.error

    def monotonic(self):
        return 0.0


@pytest.fixture
def world(tmp_path):
    return a_world(tmp_path)


def assert_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("/")
    assert_headers(answer)


def assert_headers(answer):
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", "/v1/sites/nowhere", 404),
        ("GET", "/v1/plans/nowhere", 404),
        ("GET", "/v1/points/lodge/nothing/readings", 404),
        ("GET", "/v1/points/nowhere/hall.temp/readings", 404),
        ("GET", "/sites/nowhere", 404),
        ("GET", "/static/nothing.css", 404),
        ("DELETE", "/v1/sites", 405),
        ("GET", "/v1/sites/NOT-AN-ID", 422),
        ("GET", "/v1/sites?limit=many", 422),
        ("GET", "/v1/points/..%2F..%2Fetc/readings", 422),
        ("POST", "/v1/release", 422),
    ],
)
async def test_errors_are_problems(world, method, path, status):
    async with world.browser(**world.key("operate")) as browser:
        assert_problem(await browser.request(method, path), status)


async def test_a_body_that_is_no_json_is_a_problem(world):
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post(
            "/v1/release", content=b"{", headers={"content-type": "application/json"}
        )
    assert_problem(answer, 422)


async def test_mistakes_are_listed(world):
    async with world.browser(**world.key("operate")) as browser:
        answer = await browser.post("/v1/sites/lodge/mode", json={"mode": "fast"})
    where = [row["where"] for row in answer.json()["errors"]]
    assert where == ["body/mode", "body/reason"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreUnavailable("the database is away"), 503),
        (FeedError("no weather"), 503),
        (GuardError("no guard"), 503),
        (InsufficientData("too little"), 409),
        (BmsError("something of ours"), 500),
        (ZeroDivisionError("secret detail"), 500),
    ],
)
async def test_failures_have_their_status(tmp_path, error, status):
    world = a_world(tmp_path).rewired(clock=Broken(error))
    async with world.browser(**world.key("read")) as browser:
        answer = await browser.get("/v1/sites/lodge")
    assert_problem(answer, status)
    assert ("retry-after" in answer.headers) == (status == 503)
    if status == 500:
        assert str(error) not in answer.text
    else:
        assert answer.json()["detail"] == str(error)


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/login", "/openapi.json", "/v1/sites"])
async def test_answers_carry_the_security_headers(world, path):
    async with world.browser(**world.key("read")) as browser:
        assert_headers(await browser.get(path))


async def test_scripts_and_styles_are_ours_alone():
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/sites/nowhere", 404)])
async def test_a_browser_gets_a_page(tmp_path, path, status):
    world = a_world(tmp_path, open_dashboard=True)
    async with world.browser(**HTML) as browser:
        answer = await browser.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert_headers(answer)


async def test_the_api_answers_browsers_with_problems(world):
    async with world.browser(**HTML) as browser:
        assert_problem(await browser.get("/v1/sites"), 401)


async def test_what_has_not_changed_is_not_sent_again(tmp_path):
    world = a_world(tmp_path)
    async with world.browser(**world.key("read")) as browser:
        first = await browser.get("/v1/sites")
        again = await browser.get("/v1/sites", headers={"if-none-match": first.headers["etag"]})
        any_one = await browser.get("/v1/sites", headers={"if-none-match": "*"})
        other = await browser.get("/v1/sites", headers={"if-none-match": 'W/"another", "x"'})
        wrong = await browser.get("/v1/sites/nowhere", headers={"if-none-match": "*"})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert "content-length" not in again.headers
    assert (any_one.status_code, other.status_code, wrong.status_code) == (304, 200, 404)
    async with world.browser() as nobody:
        unknown = await nobody.get("/v1/sites", headers={"if-none-match": "*"})
    assert unknown.status_code == 401
