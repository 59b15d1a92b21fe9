"""Register images against published vectors."""

from __future__ import annotations

import math
import struct

import pytest

from bms.model.assets.address import DataType, ModbusAddress, Order, Table, TextAddress
from bms.model.readings.measurement import Quality
from drivers.fieldbus.reading import Decoded, shortest_decimal
from drivers.modbus.register_codec import (
    apply_scale_factor,
    decode,
    decode_bit,
    decode_text,
    encode,
    encode_bit,
    encode_field,
    width,
)


def at(kind: DataType, **rest: object) -> ModbusAddress:
    return ModbusAddress(table=Table.HOLDING, address=0, type=kind, **rest)  # type: ignore[arg-type]


# 123456.0 as IEEE 754 single is 0x47F12000: the example of many device manuals.
@pytest.mark.parametrize(
    ("word", "byte", "image"),
    [
        (Order.BIG, Order.BIG, "47f12000"),
        (Order.LITTLE, Order.BIG, "200047f1"),
        (Order.BIG, Order.LITTLE, "f1470020"),
        (Order.LITTLE, Order.LITTLE, "0020f147"),
    ],
)
def test_the_four_orders_of_a_single(word: Order, byte: Order, image: str) -> None:
    address = at(DataType.FLOAT32, word_order=word, byte_order=byte)
    assert decode(address, bytes.fromhex(image)).value == 123456.0
    assert encode(address, 123456.0).hex() == image


@pytest.mark.parametrize(
    ("kind", "image", "value"),
    [
        (DataType.INT16, "ff38", -200.0),
        (DataType.UINT16, "ff38", 65336.0),
        (DataType.INT32, "ffffff38", -200.0),
        (DataType.UINT32, "00012345", 74565.0),
        (DataType.INT64, "ffffffffffffff38", -200.0),
        (DataType.UINT64, "0000000100000000", 4294967296.0),
        (DataType.FLOAT32, "c1c80000", -25.0),
        (DataType.FLOAT64, "400921fb54442d18", math.pi),  # IEEE 754 double of pi
        (DataType.FLOAT16, "4d60", 21.5),
        (DataType.BCD16, "1234", 1234.0),
        (DataType.BCD32, "00123456", 123456.0),
        (DataType.BCD48, "000012345678", 12345678.0),
        (DataType.MOD10K32, "000c0d80", 123456.0),  # 12 and 3456
        (DataType.MOD10K48, "000004d2162e", 12345678.0),
        (DataType.MOD10K64, "00000001270f0000", 199990000.0),
        (DataType.EPOCH32, "5c3f1c80", 1547639936.0),
    ],
)
def test_types(kind: DataType, image: str, value: float) -> None:
    assert decode(at(kind), bytes.fromhex(image)).value == value
    assert encode(at(kind), value).hex() == image


@pytest.mark.parametrize(
    ("kind", "image"),
    [(DataType.BCD16, "12f4"), (DataType.BCD32, "ffffffff"), (DataType.MOD10K32, "00012710")],
)
def test_what_is_no_digit_is_no_value(kind: DataType, image: str) -> None:
    found = decode(at(kind), bytes.fromhex(image))
    assert (found.value, found.quality) == (None, Quality.DEVICE_ERROR)


@pytest.mark.parametrize("image", ["00000000", "ffffffff"])
def test_a_clock_that_is_not_set_gives_no_moment(image: str) -> None:
    assert decode(at(DataType.EPOCH32), bytes.fromhex(image)).quality is Quality.ABSENT


def test_bcd_in_the_four_orders() -> None:
    orders = [(w, b) for w in Order for b in Order]
    images = ["12345678", "34127856", "56781234", "78563412"]
    for (word, byte), image in zip(orders, images, strict=True):
        address = at(DataType.BCD32, word_order=word, byte_order=byte)
        assert decode(address, bytes.fromhex(image)).value == 12345678
        assert encode(address, 12345678.0).hex() == image


def test_scale_leaves_no_tail() -> None:
    assert decode(at(DataType.INT16, scale=0.1), b"\x00\x03").value == 0.3
    assert decode(at(DataType.INT16, scale=0.1, offset=-40.0), b"\x02\x6f").value == 22.3
    assert shortest_decimal(struct.unpack(">f", struct.pack(">f", 19.3))[0]) == 19.3


def test_a_long_counter_in_a_single_keeps_its_last_digit() -> None:
    assert shortest_decimal(16777215.0) == 16777215.0
    assert shortest_decimal(12345678.0) == 12345678.0


@pytest.mark.parametrize(
    ("kind", "sentinel", "image"),
    [
        (DataType.INT16, -32768, "8000"),
        (DataType.INT16, 0x8000, "8000"),
        (DataType.UINT16, 0xFFFF, "ffff"),
        (DataType.INT16, 19200, "4b00"),
        (DataType.INT32, 0x7FFFFFFF, "7fffffff"),
        (DataType.UINT64, 0xFFFFFFFFFFFFFFFF, "ffffffffffffffff"),
    ],
)
def test_a_sentinel_is_no_value(kind: DataType, sentinel: int, image: str) -> None:
    found = decode(at(kind, sentinels=(sentinel,), scale=0.01), bytes.fromhex(image))
    assert found.value is None
    assert found.quality is Quality.ABSENT
    assert decode(at(kind, sentinels=(5,)), bytes.fromhex(image)).quality is Quality.GOOD


@pytest.mark.parametrize("image", ["7fc00000", "7f800000", "ff800000"])
def test_what_is_no_finite_number_is_no_value(image: str) -> None:
    found = decode(at(DataType.FLOAT32), bytes.fromhex(image))
    assert (found.value, found.quality) == (None, Quality.ABSENT)


def test_bits() -> None:
    third = ModbusAddress(table=Table.HOLDING, address=0, type=DataType.BIT, bit=3)
    assert [decode(third, image).value for image in (b"\x00\x08", b"\xff\xf7")] == [1.0, 0.0]
    coil = ModbusAddress(table=Table.COIL, address=0, type=DataType.BIT)
    assert [decode_bit(coil, state).value for state in (True, False)] == [1.0, 0.0]
    assert encode_bit(coil, 1.0) is True
    with pytest.raises(ValueError, match="neither"):
        encode_bit(coil, 0.5)
    with pytest.raises(ValueError, match="alone"):
        encode(third, 1.0)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        (at(DataType.INT16), 32768),
        (at(DataType.UINT16), -1),
        (at(DataType.INT16, scale=0.1), 3276.8),
        (at(DataType.FLOAT32), 1e39),
        (at(DataType.FLOAT64), math.nan),
        (at(DataType.UINT64), math.inf),
        (at(DataType.BCD16), 10000),
        (at(DataType.BCD16), -1),
        (at(DataType.MOD10K32), 10**8),
        (at(DataType.MOD10K32), -1),
        (at(DataType.FLOAT16), 70000.0),
        (at(DataType.EPOCH32), 2**32),
    ],
)
def test_what_does_not_fit_is_refused(address: ModbusAddress, value: float) -> None:
    with pytest.raises(ValueError):
        encode(address, value)


def test_an_image_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        decode(at(DataType.INT16), b"\x00\x01\x02")


@pytest.mark.parametrize(
    ("kind", "words"),
    [(DataType.BIT, 1), (DataType.INT16, 1), (DataType.FLOAT32, 2), (DataType.UINT64, 4)],
)
def test_width(kind: DataType, words: int) -> None:
    assert width(at(kind)) == words


def test_eight_bits_are_the_low_byte_whatever_the_high_one_is() -> None:
    for image in ("00f6", "fff6", "a5f6"):
        assert decode(at(DataType.INT8), bytes.fromhex(image)).value == -10.0
        assert decode(at(DataType.UINT8), bytes.fromhex(image)).value == 246.0
    assert encode(at(DataType.INT8), -10).hex() == "fff6"
    with pytest.raises(ValueError, match="does not fit"):
        encode(at(DataType.INT8), 128)


def test_a_field_of_a_register() -> None:
    mode = at(DataType.UINT16, mask=0x0F00, shift=8)
    assert decode(mode, bytes.fromhex("a5ff")).value == 5.0
    assert encode_field(mode, 3) == (0xF0FF, 0x0300)
    wide = at(DataType.UINT32, mask=0x00FF0000, shift=16)
    assert decode(wide, bytes.fromhex("12345678")).value == 0x34
    assert encode_field(at(DataType.BIT, bit=15), 1) == (0x7FFF, 0x8000)
    with pytest.raises(ValueError, match="does not fit the field"):
        encode_field(mode, 16)
    with pytest.raises(ValueError, match="only a part of one holding register"):
        encode_field(wide, 1)


@pytest.mark.parametrize(
    ("raw", "power", "value"),
    [(2305, -1, 230.5), (123, 2, 12300.0), (5002, -2, 50.02), (7, 0, 7.0)],
)
def test_sunspec_scale_factors(raw: int, power: int, value: float) -> None:
    assert apply_scale_factor(Decoded(raw), Decoded(power)) == Decoded(value)


def test_without_a_scale_factor_there_is_no_value() -> None:
    absent = apply_scale_factor(Decoded(5), Decoded(-0x8000))
    assert (absent.value, absent.quality) == (None, Quality.ABSENT)
    odd = apply_scale_factor(Decoded(5), Decoded(11))
    assert (odd.value, odd.quality) == (None, Quality.DEVICE_ERROR)
    lost = apply_scale_factor(Decoded(5), Decoded(None, Quality.NO_REPLY, "no answer"))
    assert (lost.value, lost.quality) == (None, Quality.NO_REPLY)
    gone = Decoded(None, Quality.ABSENT, "x")
    assert apply_scale_factor(gone, Decoded(2)) is gone


def test_texts() -> None:
    text = TextAddress(table=Table.HOLDING, address=0, registers=4)
    assert decode_text(text, b"EM340\0\0\0") == "EM340"
    assert decode_text(text, b"  AB\x01\xff ") == "AB"
    assert decode_text(text, bytes(8)) is None
    swapped = TextAddress(table=Table.HOLDING, address=0, registers=3, byte_order=Order.LITTLE)
    assert decode_text(swapped, b"ME43\x000") == "EM340"


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        (DataType.INT16, "8000"),
        (DataType.UINT16, "ffff"),
        (DataType.INT32, "80000000"),
        (DataType.UINT32, "ffffffff"),
        (DataType.INT64, "8000000000000000"),
        (DataType.UINT64, "ffffffffffffffff"),
        (DataType.FLOAT32, "7fc00000"),
    ],
)
def test_law5_what_a_sunspec_device_does_not_implement_is_no_value(
    kind: DataType, image: str
) -> None:
    assert decode(at(kind, model=103), bytes.fromhex(image)).value is None
    if kind is not DataType.FLOAT32:
        assert decode(at(kind), bytes.fromhex(image)).value is not None
