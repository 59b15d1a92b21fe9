"""Values and moments in payloads, and what is junk."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.mqtt.payload import JunkPayload, at_path, decoded_payload, moment, number
from drivers.mqtt.sparkplug import SparkplugMetric, metrics

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "path", "value"),
    [
        (b'{"object": {"temperature": 21.5}}', "object.temperature", 21.5),
        (b'{"object": {"temperature": 21.5}}', "$.object.temperature", 21.5),
        (b'{"cells": [{"v": 1}, {"v": "3,5"}]}', "cells[0].v", 1.0),
        (b'{"a.b": 4}', "a.b", 4.0),
        (b'\xef\xbb\xbf{"t": 4}', "t", 4.0),
        (b"21.5", "", 21.5),
        (b" ON ", "", 1.0),
        (b'{"state": "OFF"}', "state", 0.0),
        (b'{"open": true}', "open", 1.0),
    ],
)
def test_values(payload: bytes, path: str, value: float) -> None:
    assert number(at_path(decoded_payload(payload), path)) == value


@pytest.mark.parametrize(
    "payload",
    [b"\xff\xfe", b"x" * 70_000, b"[" * 5000, b"warm", b"NaN", b'{"a": 1}', b"1" + b"0" * 400, b""],
)
def test_junk_is_named(payload: bytes) -> None:
    with pytest.raises(JunkPayload):
        number(at_path(decoded_payload(payload), ""))


@pytest.mark.parametrize("path", ["x", "a.b.c", "a[0]", "a.b[9]", "a[0][1]"])
def test_a_path_to_nothing_is_nothing(path: str) -> None:
    assert at_path({"a": {"b": [1]}}, path) is None


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("2026-11-30T08:59:00Z", datetime(2026, 11, 30, 8, 59, tzinfo=UTC)),
        ("2026-11-30T09:59:00.5+01:00", datetime(2026, 11, 30, 8, 59, 0, 500_000, tzinfo=UTC)),
        (1_795_000_000, datetime.fromtimestamp(1_795_000_000, UTC)),
        (1_795_000_000_123, datetime.fromtimestamp(1_795_000_000.123, UTC)),
        ("1795000000", datetime.fromtimestamp(1_795_000_000, UTC)),
        ("2026-11-30T08:59:00", None),
        ("2026-12-01T08:59:00Z", None),
        ("1970-01-02T00:00:00Z", None),
        ({}, None),
        ("soon", None),
        (1e300, None),
    ],
)
def test_moments(content: Any, found: datetime | None) -> None:
    assert moment(content, NOW) == found


def field(number: int, value: int | bytes, kind: int = 2) -> bytes:
    tag = bytes((number << 3 | (0 if isinstance(value, int) else kind),))
    if isinstance(value, int):
        return tag + varint(value)
    return tag + (varint(len(value)) if kind == 2 else b"") + value


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return found + bytes((value,))


def test_sparkplug_metrics() -> None:
    named = (
        field(1, b"Room/Temp") + field(2, 7) + field(4, 9) + field(12, struct.pack("<f", 21.5), 5)
    )
    negative = field(2, 8) + field(4, 3) + field(10, 2**32 - 5) + field(3, 1000)
    nothing = field(1, b"x") + field(7, 1)
    data = field(1, 123) + b"".join(field(2, each) for each in (named, negative, nothing))
    assert metrics(data) == (
        SparkplugMetric("Room/Temp", 7, 21.5, 123),
        SparkplugMetric(None, 8, -5.0, 1000),
        SparkplugMetric("x", None, None, 123),
    )


@given(st.binary(max_size=200))
def test_whatever_comes_is_metrics_or_junk(data: bytes) -> None:
    try:
        found = metrics(data)
    except JunkPayload:
        return
    assert all(isinstance(each, SparkplugMetric) for each in found)
