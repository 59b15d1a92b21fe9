"""Text that a device, a supplier or a person put in: on terminals, in logs, in messages."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from rich.table import Table
from starlette.types import Receive, Scope, Send

from api.json_bytes import OBEYED, JsonMiddleware
from api.pages.render import _templates
from bms.cli.console.screen import TerminalConsole, print_folded, say
from bms.logs import JsonFormatter, OneLineFormatter
from bms.model.control.audit import Action, AuditSearch
from bms.model.outside_text import MOST_SHOWN, obeyed, printable, shown, without_orders
from tests.rigs.fakes.api import NOW, a_world
from tests.rigs.fakes.city import lodge
from tests.rigs.reports import a_report, read_csv, written

HOSTILE = (
    "room [/closed]",
    "[bold]room",
    "room\x1b[2Jgone",
    "room\x9b31m",
    "room\r\nnext",
    "room\u202egnp.exe",
    "room\x07",
    ":smile:",
    "room\udcff",
)


def shown_on_screen(text: str) -> str:
    out = io.StringIO()
    console = TerminalConsole(file=out, width=100, force_terminal=True, color_system=None)
    table = Table("name", box=None)
    table.add_row(text)
    console.print(table)
    console.print(text, highlight=False)
    print_folded(console, text)
    return out.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_m5_a_name_is_shown_and_gives_no_orders(text: str) -> None:
    seen = shown_on_screen(text)
    assert all(line.isprintable() for line in seen.splitlines())
    if text.isprintable():
        assert seen.count(text) == 3


@given(st.text(max_size=300))
def test_m5_whatever_a_device_is_called(text: str) -> None:
    assert all(line.isprintable() for line in shown_on_screen(text).split("\n"))
    assert printable(text).isprintable()
    assert len(shown(text)) <= MOST_SHOWN


@pytest.mark.parametrize("text", HOSTILE)
def test_m5_a_sentence_is_printed_line_by_line(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(text)
    assert all(line.isprintable() for line in capsys.readouterr().out.split("\n"))


def record(text: str, error: BaseException | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("bms", logging.ERROR, "x.py", 1, "%s failed", (text,), info)


@pytest.mark.parametrize("text", HOSTILE)
def test_m6_a_message_is_one_line(text: str) -> None:
    line = OneLineFormatter("%(levelname)s %(message)s").format(record(text))
    assert line.isprintable()


def test_m6_no_line_of_a_traceback_looks_like_a_message() -> None:
    try:
        raise ValueError("bad\nERROR the boiler is fine")
    except ValueError as error:
        lines = OneLineFormatter("%(levelname)s %(message)s").format(record("x", error)).split("\n")
    assert lines[0] == "ERROR x failed"
    assert all(line.startswith("    ") for line in lines[1:])


@pytest.mark.parametrize("text", HOSTILE)
def test_m6_a_structured_line_is_one_object(text: str) -> None:
    line = JsonFormatter().format(record(text, ValueError(text)))
    assert line.isprintable()
    row = json.loads(line)
    assert row["message"] == f"{text} failed"
    assert (row["level"], row["logger"]) == ("ERROR", "bms")


@pytest.mark.parametrize("value", [{"a": ["x"] * 10_000_000}, ["y"] * 10_000_000, "z" * 10_000_000])
def test_a_value_is_cut_before_it_is_written_out(value: object) -> None:
    assert len(shown(value)) <= MOST_SHOWN


ORDERS = ("\0", "\x1b[2J", "\x7f", "\x9b31m", "\u202e", "\u2066", "\u2028", "\u2029", "\u0085")
SPACES = "1\u00a0234\u202f567 kWh – Ærø, \u00e9\u200d"


@pytest.mark.parametrize("sign", ORDERS)
def test_m5_what_a_reader_would_obey_is_escaped_and_nothing_else(sign: str) -> None:
    cleaned = without_orders(f"a{sign}b")
    assert sign not in cleaned
    assert cleaned.isascii()
    assert without_orders(SPACES) == SPACES


@pytest.mark.parametrize("sign", ORDERS)
async def test_m5_no_text_with_orders_is_taken_in(tmp_path: Path, sign: str) -> None:
    """U+0000 among them: PostgreSQL keeps no text with it."""
    world = a_world(tmp_path)
    async with world.browser(**world.key("operate")) as browser:
        for path, body in (
            ("/v1/sites/lodge/overrides", {}),
            ("/v1/sites/lodge/mode", {"mode": "observe"}),
            ("/v1/release", {"all": True}),
        ):
            reason = {"reason": f"a text with {sign} in it"}
            answer = await browser.post(path, json={**body, **reason})
            assert answer.status_code == 422, path
            assert answer.text.isascii()
    assert world.store.audit(AuditSearch(action=Action.SET_MODE)) == []
    assert world.store.overrides("lodge", NOW) == []


@pytest.mark.parametrize("path", ["/v1/sites/%00", "/v1/audit?actor=%00", "/v1/plans/a%00b"])
async def test_m5_an_address_with_u0000_is_refused(tmp_path: Path, path: str) -> None:
    world = a_world(tmp_path)
    async with world.browser(**world.key("operate")) as browser:
        assert (await browser.get(path)).status_code == 422


async def test_m5_a_problem_repeats_in_ascii(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    async with world.browser(**world.key("operate")) as browser:
        field = {"reason": "a test", "\x9b31m\u202e": 1}
        answer = await browser.post("/v1/sites/lodge/mode", json=field)
    assert answer.status_code == 422
    assert answer.text.isascii()
    assert answer.text.isprintable()


def test_m5_a_name_on_a_page_turns_and_moves_nothing() -> None:
    page = _templates.from_string("<p>{{ name }}</p>{{ chart }}")
    shown_ = page.render(name="hall\u202e\x9b<b>", chart=Markup("<svg/>"))
    assert shown_ == "<p>hall\\u202e\\x9b&lt;b&gt;</p><svg/>"


def test_m5_a_name_in_a_table_for_a_spreadsheet_is_a_text() -> None:
    report = a_report({"building": "=1+1\u202e", "meter_number": "\x9bx"})
    row = read_csv(written(report, "csv", plain=True))[0]
    assert (row["building"], row["meter_number"]) == ("'=1+1\\u202e", "\\x9bx")


def test_m5_json_is_escaped_for_every_character_that_a_reader_would_obey() -> None:
    for number in (*range(0x20, 0xD800), *range(0xE000, 0x30000)):
        sign = chr(number)
        assert (OBEYED.fullmatch(sign.encode()) is not None) is obeyed(sign), hex(number)


@given(st.text(), st.lists(st.integers(0, 40)))
def test_m5_escaped_json_means_the_same_in_whatever_parts_it_comes(
    text: str, cuts: list[int]
) -> None:
    whole = json.dumps([text], ensure_ascii=False).encode("utf-8", "replace")
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    parts = [whole[a:b] for a, b in pairwise(places)]

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        length = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(whole))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        for i, part in enumerate(parts, 1):
            more = i < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(JsonMiddleware(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
            return await browser.get("/")

    answer = asyncio.run(asked())
    assert json.loads(answer.content) == json.loads(whole)
    assert OBEYED.search(answer.content) is None
    assert answer.headers.get("content-length") in (None, str(len(answer.content)))


async def test_m5_an_answer_in_json_gives_no_orders(tmp_path: Path) -> None:
    """A site file says what a device is called."""
    site = lodge()
    world = a_world(tmp_path, sites=(replace(site, name_en="hall\x9b31m\u202e\u2028Ærø"),))
    async with world.browser(**world.key("read")) as browser:
        answer = await browser.get("/v1/sites/lodge")
    assert answer.json()["name_en"] == "hall\x9b31m\u202e\u2028Ærø"
    assert OBEYED.search(answer.content) is None
    assert "Ærø".encode() in answer.content
