"""Frames of the link layer, byte by byte (EN 13757-2)."""

from __future__ import annotations

import pytest

from drivers.fieldbus.errors import InvalidReply
from drivers.mbus.frames import (
    LONGEST,
    MbusRequest,
    ReplyReader,
    UserData,
    request_data,
    reset,
    response,
    select,
)

ANSWER = response(5, 0x72, b"\x01\x02\x03")


def test_requests_as_the_standard_has_them() -> None:
    assert reset(5).frame == bytes.fromhex("1040054516")
    assert request_data(5, fcb=True).frame == bytes.fromhex("107B058016")
    assert request_data(5, fcb=False).frame == bytes.fromhex("105B056016")
    wanted = bytes.fromhex("680B0B6853FD5278563412FFFFFFFFB216")
    assert select(bytes.fromhex("78563412FFFFFFFF")).frame == wanted


@pytest.mark.parametrize("chunk", [1, 2, 7, 300])
@pytest.mark.parametrize("before", [b"", b"\x00\xff", request_data(5, fcb=True).frame])
def test_an_answer_in_pieces_behind_noise_or_an_echo(chunk: int, before: bytes) -> None:
    reader = ReplyReader(request_data(5, fcb=True))
    data = before + ANSWER
    found = [reader.feed(data[i : i + chunk]) for i in range(0, len(data), chunk)]
    assert found[-1] == UserData(5, 0x72, b"\x01\x02\x03")
    assert found[:-1] == [None] * (len(found) - 1)


@pytest.mark.parametrize("before", [b"", b"\x00", reset(5).frame])
def test_an_acknowledgement(before: bytes) -> None:
    assert ReplyReader(reset(5)).feed(before + b"\xe5") is True


@pytest.mark.parametrize(
    ("request_", "data", "said"),
    [
        (reset(5), b"\xe5\xe5", "E5 E5"),
        (reset(5), b"\x17", "17"),
        (request_data(5, fcb=True), ANSWER[:-2] + b"\x00\x16", "checksum"),
        (request_data(5, fcb=True), ANSWER[:-1] + b"\x17", "checksum"),
        (request_data(5, fcb=True), response(6, 0x72, b""), "address 6, asked was 5"),
        (request_data(5, fcb=True), ANSWER + ANSWER, "second frame"),
        (request_data(5, fcb=True), b"\x55" * (2 * LONGEST + 1), "no frame"),
        (request_data(5, fcb=True), select(bytes(8)).frame, "control field"),
    ],
)
def test_what_is_no_answer_is_named(request_: MbusRequest, data: bytes, said: str) -> None:
    with pytest.raises(InvalidReply, match=said):
        ReplyReader(request_).feed(data)


def test_a_long_frame_is_bounded() -> None:
    assert len(response(1, 0x72, bytes(252))) == LONGEST
    with pytest.raises(ValueError, match="253 octets"):
        response(1, 0x72, bytes(253))
