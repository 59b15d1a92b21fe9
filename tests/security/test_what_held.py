"""What held when it was attacked, so that it stays so (docs/threats.md)."""

from __future__ import annotations

import ast
import inspect
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import bms.services.api_keys
from bms.cli.system.keys import LASTS
from bms.errors import SiteFileError
from bms.model.access.grant import WRITTEN
from bms.model.control.audit import AuditSearch
from bms.store.sql.store import SqlStore
from drivers.discovery.inventory import FoundDevice, FoundObject
from drivers.discovery.site_draft import draft_site
from sites.loader import load_site_text
from tests.rigs.fakes.api import HTML, World, a_world
from tests.rigs.fakes.store import MONDAY, a_kept_key
from tests.rigs.web.forms import send_form
from tests.rigs.web.routes import gets_of


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


AWAY = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "\t//evil.example",
    "/%5cevil.example/..//evil.example\r\nset-cookie: a=b",
)


@pytest.mark.parametrize("target", AWAY)
async def test_the_login_leads_nowhere_else(world: World, target: str) -> None:
    text = world.key("read")["authorization"].removeprefix("Bearer ")
    async with world.browser(**HTML) as browser:
        answer = await send_form(browser, "/login", {"key": text, "next": target})
    where = answer.headers["location"]
    assert where.startswith("/")
    assert not re.match(r"^[/\\]{2}|^/[\s\\]", where)
    assert "\n" not in where
    assert "a=b" not in answer.headers.get("set-cookie", "")


def test_secrets_are_compared_in_constant_time() -> None:
    source = inspect.getsource(bms.services.api_keys.actor_by)
    compared = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare)]
    assert "compare_digest" in source
    assert all("digest" not in ast.unparse(node) for node in compared)


async def test_every_page_bears_the_strict_policy(world: World) -> None:
    async with world.browser(**HTML, **world.key("operate")) as browser:
        for path in gets_of(world):
            policy = (await browser.get(path)).headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "*" not in policy
            assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "text",
    ["site: &a x\nname: *a\n", "site: !!python/object/apply:os.system ['true']\n", "site: !x y\n"],
)
def test_a_site_file_takes_no_aliases_and_no_tags(text: str) -> None:
    with pytest.raises(SiteFileError):
        load_site_text(text)


@pytest.mark.parametrize(
    "name", ['x"\n  write: {min: 0}', "x\n- {id: evil}", "x # y", "'x': {a: b}", "*alias", "!!x"]
)
def test_a_draft_holds_hostile_names_as_texts(name: str) -> None:
    found = FoundDevice(
        protocol="bacnet",
        host="10.0.0.1",
        port=47808,
        instance=7,
        name=name,
        vendor=name,
        objects=(FoundObject(kind="analog-input", instance=1, name=name, unit="degrees-celsius"),),
    )
    hostile, plain = (
        yaml.safe_load(draft_site([each], site="school", name=each.name or ""))
        for each in (found, replace(found, name="room", vendor="maker"))
    )
    assert set(hostile) == set(plain)
    assert [sorted(point) for point in hostile["points"]] == [
        sorted(point) for point in plain["points"]
    ]


@pytest.mark.parametrize("pattern", [WRITTEN, LASTS])
@pytest.mark.parametrize("piece", ["1", "a", "a-", "9 ", ":a", "/a."])
def test_no_pattern_of_a_call_takes_long(pattern: re.Pattern[str], piece: str) -> None:
    started = time.monotonic()
    assert pattern.fullmatch(f"ingest:{piece * 100_000}!") is None
    assert time.monotonic() - started < 1.0


HOSTILE = "x'; DROP TABLE keys; --"


def test_sql_is_bound(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/bms.db")
    store.add_key(a_kept_key("k1", name=HOSTILE), actor=HOSTILE)
    assert store.audit(AuditSearch(actor=HOSTILE))[0].actor == HOSTILE
    assert store.audit(AuditSearch(site=HOSTILE)) == []
    assert store.key(HOSTILE) is None
    assert store.readings(HOSTILE, MONDAY, MONDAY.replace(year=2030)) == []
    assert [key.name for key in list(store.keys())] == [HOSTILE]
    store.close()
