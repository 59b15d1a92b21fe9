"""Whatever is written reads back, in every order; whatever arrives never breaks the decoder."""

from __future__ import annotations

import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from bms.model.reading import Quality
from bms.model.site import DataType, ModbusAddress, Order, Table
from drivers.codec import decode, encode, width

ORDERS = st.sampled_from(Order)
INTS = {
    DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.UINT16: (0, 2**16 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1),
    DataType.UINT32: (0, 2**32 - 1),
    DataType.INT64: (-(2**53), 2**53),
    DataType.UINT64: (0, 2**53),
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
    image = struct.pack(">q", raw)[-2 * width(where) :] if raw < 2**63 else b""
    value = raw * scale
    encoded = encode(where, value)
    assert sorted(encoded) == sorted(image)
    found = decode(where, encoded).value
    assert found is not None
    assert math.isclose(found, value, rel_tol=1e-12, abs_tol=1e-12)
    assert encode(where, found) == encoded


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
        assert found.quality is Quality.ABSENT
    else:
        assert math.isfinite(found.value)
        assert found.quality is Quality.GOOD
