"""Text that a device, a supplier or a person put in: on terminals, in logs, in messages."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from bms.cli.console.screen import TerminalConsole, print_folded, say
from bms.logs import JsonFormatter, OneLineFormatter
from bms.model.outside_text import MOST_SHOWN, printable, shown

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
