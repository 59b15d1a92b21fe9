"""Decodes and encodes values in Modbus registers. Pure.

A register image is the bytes of consecutive registers as transmitted, two bytes per register. A
value lies in it by the four orders that devices use; with the bytes of a number named A (most
significant) to D: big/big is ABCD, word order little CDAB, byte order little BADC, both DCBA.
"""

from __future__ import annotations

import math
import struct

from bms.model.assets.address import DataType, ModbusAddress, Order, Table, TextAddress
from bms.model.readings.measurement import Quality
from drivers.fieldbus.reading import Decoded, shortest_decimal

_FORMAT = {
    DataType.INT16: ">h",
    DataType.UINT16: ">H",
    DataType.INT32: ">i",
    DataType.UINT32: ">I",
    DataType.INT64: ">q",
    DataType.UINT64: ">Q",
    DataType.FLOAT32: ">f",
    DataType.FLOAT64: ">d",
    # The low byte of one register; the high byte is whatever the device fills it with.
    DataType.INT8: ">xb",
    DataType.UINT8: ">xB",
    DataType.FLOAT16: ">e",
    DataType.EPOCH32: ">I",
}
_FLOATS = (DataType.FLOAT16, DataType.FLOAT32, DataType.FLOAT64)
_DIGITS = {
    **dict.fromkeys((DataType.BCD16, DataType.BCD32, DataType.BCD48), 16),
    **dict.fromkeys((DataType.MOD10K32, DataType.MOD10K48, DataType.MOD10K64), 10_000),
}
"""Types whose number is written in groups: the base of a decimal digit (BCD), or of a register."""
_BYTES = {DataType.INT8: DataType.INT16, DataType.UINT8: DataType.UINT16}
_INT8 = range(-0x80, 0x80)
_UINT8 = range(0x100)
_SHIFTS = range(-10, 11)
_NO_EXPONENT = -0x8000
_NOT_IMPLEMENTED = {
    DataType.INT16: 0x8000,
    DataType.UINT16: 0xFFFF,
    DataType.INT32: 0x8000_0000,
    DataType.UINT32: 0xFFFF_FFFF,
    DataType.INT64: 0x8000_0000_0000_0000,
    DataType.UINT64: 0xFFFF_FFFF_FFFF_FFFF,
}
"""What stands in a register of a SunSpec model that the device does not implement, by type (SunSpec
Device Information Model Specification, "unimplemented values"; accumulators have 0, which only a
template can tell)."""


_ABSENT = Decoded(None, Quality.ABSENT, "the device says that there is no value")
_NO_DIGITS = Decoded(None, Quality.DEVICE_ERROR, "the registers hold no decimal digits")
_CLOCK_NOT_SET = (0, 0xFFFF_FFFF)
_NOT_FINITE = Decoded(None, Quality.ABSENT, "the device sent no finite number")


def is_bit(address: ModbusAddress) -> bool:
    """Whether the value is one bit: a coil, a discrete input, or a bit of a register."""
    return (
        address.table in (Table.COIL, Table.DISCRETE)
        or address.type is DataType.BIT
        or address.bit is not None
    )


def width(address: ModbusAddress) -> int:
    """Registers or bits that the value occupies [1]."""
    return 1 if is_bit(address) else address.type.registers


def decode(address: ModbusAddress, image: bytes) -> Decoded:
    """The value of a register image, scaled to the unit of the point.

    ``image`` has exactly the registers of the value, ``2 * width(address)`` bytes. A sentinel,
    NaN or infinity is ``Quality.ABSENT``. A scale factor in a register of its own is not applied
    here (``apply_scale_factor``). Raises ValueError when the length is not that.
    """
    if len(image) != 2 * width(address):
        raise ValueError(f"{len(image)} bytes do not hold one {address.type}")
    number_bytes = _reorder(address, image)
    if is_bit(address):
        word = int.from_bytes(number_bytes, "big")
        return decode_bit(address, bool(word >> (address.bit or 0) & 1))
    if (address.sentinels or address.model is not None) and _is_sentinel(address, number_bytes):
        return _ABSENT
    if address.mask is not None:
        word = int.from_bytes(number_bytes, "big")
        return _scaled(address, (word & address.mask) >> address.shift)
    if address.type in _DIGITS:
        number = _from_digits(_DIGITS[address.type], number_bytes)
        return _NO_DIGITS if number is None else _scaled(address, number)
    (raw,) = struct.unpack(_FORMAT[address.type], number_bytes)
    if address.type is DataType.EPOCH32 and raw in _CLOCK_NOT_SET:
        return _ABSENT
    if address.type is DataType.FLOAT32:
        raw = shortest_decimal(raw)
    return _scaled(address, raw)


def decode_bit(address: ModbusAddress, bit: bool) -> Decoded:
    """The value of a coil or discrete input, with scale and offset."""
    return _scaled(address, int(bit))


def apply_scale_factor(decoded: Decoded, exponent: Decoded) -> Decoded:
    """A value times ten to the power that another register has.

    Without a usable power (absent, or none of -10..10) there is no value. Source: SunSpec Device
    Information Model Specification, type sunssf.
    """
    if decoded.value is None:
        return decoded
    if exponent.value is None:
        return Decoded(None, exponent.quality, f"scale factor: {exponent.detail}")
    power = int(exponent.value)
    if power == _NO_EXPONENT:
        return Decoded(None, Quality.ABSENT, "the device gives no scale factor")
    if power not in _SHIFTS:
        return Decoded(None, Quality.DEVICE_ERROR, f"scale factor {power} is not plausible")
    return Decoded(float(f"{decoded.value * 10.0**power:.15g}"), decoded.quality, decoded.detail)


def decode_text(address: TextAddress, image: bytes) -> str | None:
    """The printable text of a register image up to its first zero byte; None where it is empty."""
    if address.byte_order is Order.LITTLE:
        image = _swap_bytes(image)
    text = image.split(b"\0", 1)[0].decode("utf-8", "replace")
    shown = "".join(c for c in text if c.isprintable() and c != "\N{REPLACEMENT CHARACTER}")
    return shown.strip() or None


def encode(address: ModbusAddress, value: float) -> bytes:
    """The register image of a value in the unit of the point.

    Raises ValueError when the value is not finite or does not fit the type, and for an address that
    is a part of a register: use ``encode_field``, which keeps its other bits.
    """
    if is_bit(address) or address.mask is not None:
        raise ValueError("a part of a register cannot be written alone")
    number = _unscaled(address, value)
    raw = number if address.type in _FLOATS else round(number)
    try:
        number_bytes = _packed(address.type, raw)
    except (struct.error, OverflowError):
        raise ValueError(
            f"{value} does not fit {address.type} with scale {address.scale}"
        ) from None
    return _reorder(address, number_bytes)


def encode_bit(address: ModbusAddress, value: float) -> bool:
    """The state of a coil. Raises ValueError when the value is neither of its two states."""
    raw = (value - address.offset) / address.scale
    if raw not in (0.0, 1.0):
        raise ValueError(f"{value} is neither of the two states of a coil")
    return bool(raw)


def encode_field(address: ModbusAddress, value: float) -> tuple[int, int]:
    """AND mask and OR mask (function 22) that write a value into some bits of one register.

    Raises ValueError when the value does not fit the bits, or they are not in a holding register.
    """
    if width(address) != 1 or address.table is not Table.HOLDING:
        raise ValueError("only a part of one holding register can be written")
    field, shift = _field(address)
    raw = round(_unscaled(address, value))
    if raw < 0 or (raw << shift) & ~field:
        raise ValueError(f"{value} does not fit the field {field:#06x}")
    and_mask, or_mask = 0xFFFF & ~field, raw << shift
    if address.byte_order is Order.LITTLE:
        return _swapped(and_mask), _swapped(or_mask)
    return and_mask, or_mask


def _field(address: ModbusAddress) -> tuple[int, int]:
    if address.mask is not None:
        return address.mask & 0xFFFF, address.shift
    bit = address.bit or 0
    return 1 << bit, bit


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def _unscaled(address: ModbusAddress, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be written")
    return (value - address.offset) / address.scale


def _packed(kind: DataType, raw: float) -> bytes:
    """A number of 8 bits fills its register, so that either way of reading it sees the same."""
    if kind in _DIGITS:
        return _to_digits(_DIGITS[kind], int(raw), 2 * kind.registers)
    if kind not in _BYTES:
        return struct.pack(_FORMAT[kind], raw)
    if raw not in (_INT8 if kind is DataType.INT8 else _UINT8):
        raise OverflowError
    return struct.pack(_FORMAT[_BYTES[kind]], raw)


def _from_digits(base: int, image: bytes) -> int | None:
    """The number of an image in BCD (``base`` 16) or in registers to 9999; None for any other."""
    if base == 16:
        text = image.hex()
        return int(text) if text.isdecimal() else None
    words = struct.unpack(f">{len(image) // 2}H", image)
    if max(words) >= base:
        return None
    number = 0
    for word in words:
        number = number * base + word
    return number


def _to_digits(base: int, number: int, size: int) -> bytes:
    """The image of ``size`` bytes that ``_from_digits`` reads. Raises OverflowError."""
    if base == 16:
        text = f"{number:0{2 * size}d}"
        if number < 0 or len(text) != 2 * size:
            raise OverflowError
        return bytes.fromhex(text)
    words = []
    for _ in range(size // 2):
        number, word = divmod(number, base)
        words.append(word)
    if number != 0:
        raise OverflowError
    return struct.pack(f">{size // 2}H", *reversed(words))


def _reorder(address: ModbusAddress, image: bytes) -> bytes:
    """Wire order to most significant byte first, which is its own inverse."""
    if address.byte_order is Order.LITTLE:
        image = _swap_bytes(image)
    if address.word_order is Order.LITTLE:
        image = _swap_bytes(image[::-1])
    return image


def _swap_bytes(image: bytes) -> bytes:
    swapped = bytearray(len(image))
    swapped[0::2], swapped[1::2] = image[1::2], image[0::2]
    return bytes(swapped)


def _is_sentinel(address: ModbusAddress, number_bytes: bytes) -> bool:
    pattern = int.from_bytes(number_bytes, "big")
    mask = (1 << 8 * len(number_bytes)) - 1
    if address.model is not None and pattern == _NOT_IMPLEMENTED.get(address.type):
        return True
    return any(sentinel & mask == pattern for sentinel in address.sentinels)


def _scaled(address: ModbusAddress, raw: float) -> Decoded:
    value = float(raw)
    if address.scale != 1.0 or address.offset != 0.0:
        # 15 digits are what a float carries: 3 * 0.1 is 0.3, not 0.30000000000000004.
        value = float(f"{value * address.scale + address.offset:.15g}")
    if not math.isfinite(value):
        return _NOT_FINITE
    return Decoded(value)
