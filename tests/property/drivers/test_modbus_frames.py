"""However bytes arrive and whatever they are: the reply that was asked for, or none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bms.errors import DeviceError
from bms.model.assets.address import Table
from drivers.modbus.frames import FRAMERS, RtuFramer, TcpFramer, crc, payload, read
from tests.rigs.fieldbus.modbus_peer import crc16

REGISTERS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125)
FRAMINGS = st.sampled_from(sorted(FRAMERS))


def reply_to(words: list[int], unit: int) -> bytes:
    return bytes((3, 2 * len(words))) + b"".join(word.to_bytes(2, "big") for word in words)


def framed(framing: str, transaction: int, unit: int, pdu: bytes) -> bytes:
    if framing == "tcp":
        head = transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big")
        return head + bytes((unit,)) + pdu
    return bytes((unit,)) + pdu + crc16(bytes((unit,)) + pdu)


@given(st.binary(max_size=260))
def test_the_checksum_is_that_of_the_standard(frame: bytes) -> None:
    assert crc(frame) == crc16(frame)


def test_the_checksum_of_a_published_frame() -> None:
    # Modbus over serial line V1.02 gives no vector; this frame stands in many device manuals.
    assert crc(bytes.fromhex("01030000000a")).hex() == "c5cd"


@given(FRAMINGS, REGISTERS, st.integers(0, 255), st.integers(0, 0xFFFF), st.data())
def test_a_reply_in_any_pieces_is_the_reply(
    framing: str, words: list[int], unit: int, transaction: int, data: st.DataObject
) -> None:
    frames = FRAMERS[framing]()
    request = read(unit, Table.HOLDING, 0, len(words))
    frames.frame(transaction, request)
    wire = framed(framing, transaction, unit, reply_to(words, unit))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1), max_size=6)))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    found = [frames.feed(piece) for piece in pieces]
    assert found[:-1] == [None] * (len(found) - 1)
    assert found[-1] is not None
    got = payload(request, *found[-1])
    assert [int.from_bytes(got[i : i + 2], "big") for i in range(0, len(got), 2)] == words
    assert frames.clean


@given(FRAMINGS, st.integers(1, 125), st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_any_bytes_are_a_reply_of_the_length_asked_or_none(
    framing: str, count: int, pieces: list[bytes]
) -> None:
    frames = FRAMERS[framing]()
    request = read(1, Table.HOLDING, 0, count)
    frames.frame(77, request)
    try:
        for piece in pieces:
            found = frames.feed(piece)
            if found is not None:
                assert len(payload(request, *found)) == 2 * count
    except DeviceError:
        pass


@given(REGISTERS, st.integers(1, 2**16 - 1), st.integers(0, 2**16 - 1))
def test_a_flipped_bit_is_never_a_value(words: list[int], flip: int, place: int) -> None:
    """A CRC-16 finds every burst of up to 16 bits."""
    frames = RtuFramer()
    request = read(1, Table.HOLDING, 0, len(words))
    frames.frame(0, request)
    wire = bytearray(framed("rtu", 0, 1, reply_to(words, 1)))
    at = place % (len(wire) - 1)
    wire[at] ^= flip >> 8
    wire[at + 1] ^= flip & 0xFF
    try:
        found = frames.feed(bytes(wire))
    except DeviceError:
        return
    assert found is None


@given(REGISTERS, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_an_answer_to_another_transaction_is_nobodys(
    words: list[int], ours: int, theirs: int
) -> None:
    frames = TcpFramer()
    request = read(1, Table.HOLDING, 0, len(words))
    frames.frame(ours, request)
    found = frames.feed(framed("tcp", theirs, 1, reply_to(words, 1)))
    assert (found is not None) == (ours == theirs)
