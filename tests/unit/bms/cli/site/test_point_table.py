"""What a person at a building reads on a phone: 60 columns, and nothing is cut off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bms.cli.console.language import CommandTranslator
from bms.cli.console.screen import WIDTH, screen
from bms.cli.site.point_table import (
    show_readings,
    show_receipt,
    show_releases,
    show_traces,
    traces_as_json,
)
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.reasons import Holder, ReceiptReason, RefusalReason
from bms.model.fact import fact
from bms.model.readings.measurement import Quality, Reading
from drivers.bacnet.trace import BacnetExchange
from drivers.modbus.trace import ModbusExchange
from tests.rigs.catalogues import swedish_beside_the_others
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.drivers import device_said

ENGLISH, DANISH = CommandTranslator("en"), CommandTranslator("da")
LADDER = 60
MISSING = [quality for quality in Quality if not quality.has_value]
NOW = utc(2019, 1, 14, 7, 30)
SITE = lodge()
SETPOINT = next(point for point in SITE.points if point.id == "lodge/hall.setpoint")
LONG = "10.20.30.40:502 unit 17: no answer within 2 s [Errno 110], left alone for a while"


@pytest.fixture
def phone() -> Console:
    return Console(width=LADDER, file=StringIO())


def printed(console: Console) -> list[str]:
    text = console.file.getvalue()
    assert "…" not in text
    lines = text.splitlines()
    assert max(map(len, lines)) <= LADDER
    return lines


def words(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("200", 200), ("", WIDTH)])
def test_a_table_is_as_wide_as_the_user_says(columns: str, width: int) -> None:
    assert screen({"COLUMNS": columns}).width == width


def test_readings_show_id_value_unit_and_quality(phone: Console) -> None:
    quality = max(Quality, key=len)
    far = replace(SETPOINT, id="stadsarkivet/administration_north.setpoint")
    rows = [
        (SETPOINT, Reading(SETPOINT.id, NOW, 123456.5, Quality.GOOD, NOW)),
        (far, Reading(far.id, NOW, None, quality, NOW, LONG)),
    ]
    show_readings(phone, rows, ENGLISH)
    lines = printed(phone)
    assert lines[0].split() == ["point", "value", "unit", "quality"]
    assert lines[1].split() == ["lodge/hall.setpoint", "123456.5", "degC", "good"]
    assert lines[2].split()[1:] == ["–", "degC", quality]
    assert lines[2].split()[0] + lines[3].strip() == far.id
    assert LONG in words(lines)


def test_what_is_wrong_with_many_points_is_said_once(phone: Console) -> None:
    rows = [(p, Reading(p.id, NOW, None, Quality.NO_REPLY, NOW, LONG)) for p in SITE.points]
    show_readings(phone, rows, ENGLISH)
    lines = printed(phone)
    assert words(lines).count("unit 17") == 1
    assert "9 points" in lines


def wish(value: float) -> Command:
    return Command(
        id="c",
        point=SETPOINT.id,
        value=value,
        issued_at=NOW,
        lease_end=NOW + timedelta(minutes=30),
        reason="test",
        actor="operator",
    )


UNTIL = "until 2019-01-14 09:00, then it is given back"  # local time


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        (Accepted(wish(20.5), 20.5), f"wanted 20.5 degC reads back 20.5 degC {UNTIL}"),
        (
            Clamped(wish(30.0), 23.0, 23.0, fact(ReceiptReason.AT_MAXIMUM, limit=23.0)),
            f"wanted 30 degC wrote 23 degC: maximum 23 reads back 23 degC {UNTIL}",
        ),
        (
            Clamped(
                wish(23.0),
                23.0,
                23.0,
                fact(ReceiptReason.LIMITS_NOW, wish=40.0, low=13.0, high=23.0),
            ),
            "wrote 23 degC: asked for 40, the limits now are 13..23 reads back 23 degC " + UNTIL,
        ),
        (
            Refused(wish(20.5), fact(RefusalReason.NOT_ENCODABLE, point="x", text=LONG)),
            f"wanted 20.5 degC x: {LONG}",
        ),
        (
            Overridden(wish(20.5), 8, 22.0, fact(Holder.OPERATOR)),
            "wanted 20.5 degC held at 22 degC by an operator at priority 8",
        ),
        (
            Overridden(wish(20.5), None, None, fact(Holder.LOCAL)),
            "wanted 20.5 degC held by local operation",
        ),
        (
            Failed(wish(20.5), device_said(LONG), True),
            f"wanted 20.5 degC device: {LONG} it may work again later",
        ),
        (
            Failed(wish(20.5), device_said("illegal data address"), False),
            "wanted 20.5 degC device: illegal data address trying again will not help",
        ),
    ],
)
def test_a_receipt_is_told_in_lines(phone: Console, receipt, said: str) -> None:
    show_receipt(phone, receipt, SETPOINT, SITE.timezone, ENGLISH)
    assert words(printed(phone)) == f"{type(receipt).__name__}: lodge/hall.setpoint {said}"


class TestInDanish:
    def test_readings_have_danish_heads_and_qualities(self, phone: Console) -> None:
        rows = [
            (SETPOINT, Reading(SETPOINT.id, NOW, 12345678.9, Quality.GOOD, NOW)),
            *((SETPOINT, Reading(SETPOINT.id, NOW, None, q, NOW)) for q in MISSING),
        ]
        show_readings(phone, rows, DANISH)
        lines = printed(phone)
        assert lines[0].split() == ["punkt", "værdi", "enhed", "kvalitet"]
        assert lines[1].split() == ["lodge/hall.setpoint", "12345678.9", "degC", "god"]
        assert "intet svar" in words(lines)

    def test_receipts_and_releases_are_told(self, phone: Console) -> None:
        show_receipt(phone, Accepted(wish(20.5), 20.5), SETPOINT, SITE.timezone, DANISH)
        show_receipt(
            phone,
            Overridden(wish(20.5), 8, 22.0, fact(Holder.OPERATOR)),
            SETPOINT,
            SITE.timezone,
            DANISH,
        )
        show_releases(
            phone, [StillHeld("lodge/b", device_said(LONG)), Released("lodge/a", 21.5)], DANISH
        )
        said = words(printed(phone))
        assert said.startswith(
            "Skrevet: lodge/hall.setpoint ønsket 20.5 degC læst tilbage 20.5 degC "
            "indtil 2019-01-14 09:00, så gives det tilbage"
        )
        assert "holdes på 22 degC af en operatør med prioritet 8" in said
        assert "lodge/a givet tilbage 21.5" in said


def test_a_third_language_costs_one_file(phone: Console, tmp_path: Path) -> None:
    """Swedish where there is a message; the rest is English."""
    swedish = CommandTranslator("sv", folder=swedish_beside_the_others(tmp_path))
    show_readings(phone, [(SETPOINT, Reading(SETPOINT.id, NOW, 20.5, Quality.GOOD, NOW))], swedish)
    lines = printed(phone)
    assert lines[0].split() == ["mätpunkt", "värde", "unit", "quality"]


def test_releases_say_what_stands_and_why_others_are_held(phone: Console) -> None:
    show_releases(
        phone, [StillHeld("lodge/b", device_said(LONG)), Released("lodge/a", 21.5)], ENGLISH
    )
    lines = printed(phone)
    assert lines[1].split() == ["lodge/a", "released", "21.5"]
    assert lines[2].split() == ["lodge/b", "still", "held"]
    assert words(lines).endswith(f"lodge/b device: {LONG}")


REQUEST = bytes.fromhex("03012c0002")
TRACES = {
    "lodge/rooms": (
        ModbusExchange(1, REQUEST, bytes.fromhex("0304012c012d"), 50.0, 0.0123),
        ModbusExchange(1, REQUEST, "no answer within 2 s", 50.1, 2.0),
    ),
    "lodge/plant": (BacnetExchange(12, bytes(200), b"\x0c", 9.0, 0.001),),
    "lodge/silent": (),
}


def test_a_trace_shows_frames_direction_and_time(phone: Console) -> None:
    show_traces(phone, TRACES, ENGLISH)
    lines = printed(phone)
    start = lines.index("lodge/rooms: 2 exchanges")
    assert lines[start + 1 : start + 5] == [
        "     0.0 ms → unit 1  03 01 2c 00 02",
        "    12.3 ms ← 03 04 01 2c 01 2d",
        "   100.0 ms → unit 1  03 01 2c 00 02",
        "  2100.0 ms ← (no answer within 2 s)",
    ]
    assert words(lines).count(" 00") >= 200  # folded over lines, whole
    assert "lodge/silent: 0 exchanges" in lines


def test_a_trace_as_json_keeps_all_of_it() -> None:
    found = traces_as_json(TRACES)
    assert found["lodge/rooms"] == [
        {
            "to": "unit 1",
            "at_ms": 0.0,
            "took_ms": 12.3,
            "request": "03012c0002",
            "answer": "0304012c012d",
            "error": None,
        },
        {
            "to": "unit 1",
            "at_ms": 100.0,
            "took_ms": 2000.0,
            "request": "03012c0002",
            "answer": None,
            "error": "no answer within 2 s",
        },
    ]
    assert found["lodge/plant"][0]["to"] == "ReadProperty"
    assert found["lodge/silent"] == []
