"""Whatever is written reads back, in every order; whatever arrives never breaks the decoder."""

from __future__ import annotations

import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from bms.model.assets.address import DataType, ModbusAddress, Order, Table, TextAddress
from bms.model.readings.measurement import Quality
from drivers.modbus.register_codec import (
    apply_scale_factor,
    decode,
    decode_text,
    encode,
    encode_field,
    width,
)

ORDERS = st.sampled_from(Order)
INTS = {
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.INT8: (-(2**7), 2**7 - 1),
    DataType.UINT8: (0, 2**8 - 1),
    DataType.INT64: (-(2**53), 2**53),
    DataType.UINT64: (0, 2**53),
}
DIGITS = {
    DataType.BCD16: (16, 10**4),
    DataType.BCD32: (16, 10**8),
    DataType.BCD48: (16, 10**12),
    DataType.MOD10K32: (10_000, 10**8),
    DataType.MOD10K48: (10_000, 10**12),
    DataType.MOD10K64: (10_000, 2**53),
}
REGISTER_TYPES = [kind for kind in DataType if kind is not DataType.BIT]


def address(kind: DataType, word: Order, byte: Order, scale: float = 1.0) -> ModbusAddress:
    return ModbusAddress(
        table=Table.INPUT, address=7, type=kind, word_order=word, byte_order=byte, scale=scale
    )


@given(st.data(), st.sampled_from(sorted(INTS)), ORDERS, ORDERS, st.sampled_from([1, 0.1, 0.01, 5]))
def test_whole_numbers_round_trip(
    data: st.DataObject, kind: DataType, word: Order, byte: Order, scale: float
) -> None:
    low, high = INTS[kind]
    if scale != 1 and kind in (DataType.INT64, DataType.UINT64):
        low, high = max(low, -(10**13)), 10**13
    raw = data.draw(st.integers(low, high))
    where = address(kind, word, byte, scale)
    image = struct.pack(">q", raw)[-2 * width(where) :]
    value = raw * scale
    encoded = encode(where, value)
    assert sorted(encoded) == sorted(image)
    found = decode(where, encoded).value
    assert found is not None
    assert math.isclose(found, value, rel_tol=1e-12, abs_tol=1e-12)
    assert encode(where, found) == encoded


@given(st.data(), st.sampled_from(sorted(DIGITS)), ORDERS, ORDERS)
def test_numbers_in_digits_round_trip(
    data: st.DataObject, kind: DataType, word: Order, byte: Order
) -> None:
    base, end = DIGITS[kind]
    raw = data.draw(st.integers(0, end - 1))
    image = encode(address(kind, word, byte), raw)
    assert decode(address(kind, word, byte), image).value == raw
    plain = encode(address(kind, Order.BIG, Order.BIG), raw)
    words = struct.unpack(f">{len(plain) // 2}H", plain)
    if base == 16:
        assert plain.hex() == f"{raw:0{2 * len(plain)}d}"
    else:
        assert sum(w * 10_000**i for i, w in enumerate(reversed(words))) == raw


@given(st.floats(width=16, allow_nan=False, allow_infinity=False), ORDERS, ORDERS)
def test_halves_round_trip(value: float, word: Order, byte: Order) -> None:
    where = address(DataType.FLOAT16, word, byte)
    assert decode(where, encode(where, value)).value == value


@given(st.integers(1, 2**32 - 2), ORDERS, ORDERS)
def test_moments_round_trip(value: int, word: Order, byte: Order) -> None:
    where = address(DataType.EPOCH32, word, byte)
    assert decode(where, encode(where, value)).value == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), ORDERS, ORDERS)
def test_singles_round_trip(value: float, word: Order, byte: Order) -> None:
    where = address(DataType.FLOAT32, word, byte)
    found = decode(where, encode(where, value)).value
    assert found is not None
    assert struct.pack(">f", found) == struct.pack(">f", value)


@given(st.floats(allow_nan=False, allow_infinity=False), ORDERS, ORDERS)
def test_doubles_round_trip(value: float, word: Order, byte: Order) -> None:
    where = address(DataType.FLOAT64, word, byte)
    assert decode(where, encode(where, value)).value == value


@given(st.data(), st.sampled_from(REGISTER_TYPES), ORDERS, ORDERS)
def test_any_image_is_a_finite_value_or_none(
    data: st.DataObject, kind: DataType, word: Order, byte: Order
) -> None:
    where = address(kind, word, byte, 0.1)
    size = 2 * width(where)
    found = decode(where, data.draw(st.binary(min_size=size, max_size=size)))
    if found.value is None:
        no_digits = Quality.DEVICE_ERROR if kind in DIGITS else Quality.ABSENT
        assert found.quality in (Quality.ABSENT, no_digits)
    else:
        assert math.isfinite(found.value)
        assert found.quality is Quality.GOOD


@given(st.data(), st.integers(0, 15), st.integers(0, 0xFFFF), ORDERS)
def test_a_field_is_written_without_its_neighbours(
    data: st.DataObject, shift: int, before: int, byte: Order
) -> None:
    size = data.draw(st.integers(1, 16 - shift))
    value = data.draw(st.integers(0, 2**size - 1))
    mask = (2**size - 1) << shift
    where = ModbusAddress(
        table=Table.HOLDING,
        address=0,
        type=DataType.UINT16,
        mask=mask,
        shift=shift,
        byte_order=byte,
    )
    and_mask, or_mask = encode_field(where, value)
    after = (before & and_mask) | (or_mask & ~and_mask & 0xFFFF)
    assert decode(where, after.to_bytes(2, "big")).value == value
    order = "big" if byte is Order.BIG else "little"
    touched = int.from_bytes((before ^ after).to_bytes(2, "big"), order)
    assert touched & ~mask == 0


@given(st.integers(-32768, 32767), st.integers(-32768, 32767))
def test_a_scale_factor_is_a_power_of_ten_or_there_is_no_value(raw: int, power: int) -> None:
    number = decode(
        ModbusAddress(table=Table.INPUT, address=0), raw.to_bytes(2, "big", signed=True)
    )
    exponent = decode(
        ModbusAddress(table=Table.INPUT, address=1), power.to_bytes(2, "big", signed=True)
    )
    found = apply_scale_factor(number, exponent)
    if -10 <= power <= 10:
        assert found.value is not None
        assert math.isclose(found.value, raw * 10.0**power, rel_tol=1e-12)
    else:
        assert found.value is None


@given(st.binary(max_size=64), ORDERS)
def test_any_text_can_be_shown(image: bytes, byte: Order) -> None:
    image = image[: len(image) // 2 * 2]
    where = TextAddress(table=Table.HOLDING, address=0, registers=len(image) // 2, byte_order=byte)
    text = decode_text(where, image)
    assert text is None or (text.isprintable() and text == text.strip() != "")
