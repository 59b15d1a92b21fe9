"""Where the SunSpec models lie on a device: they follow one another from a known address.

Source: SunSpec Device Information Model Specification: "SunS", then models, each with its number
and its length; number 0xFFFF ends the list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bms.errors import PermanentError
from bms.model.assets.address import DataType, ModbusAddress, Table

BASE = 40000
_MARK = b"SunS"
_END = 0xFFFF
_MOST_MODELS = 64
_HEAD = 2

Look = Callable[[Table, int, int], Awaitable[bytes]]
"""Reads ``count`` registers of a table from an address."""


class NoSunSpec(PermanentError):
    """The device shows no SunSpec models where they belong."""


async def find_models(look: Look) -> dict[int, int]:
    """Address of the first register of each model, by number; the first of its kind counts.

    Raises ``NoSunSpec``, and what ``look`` raises.
    """
    if await look(Table.HOLDING, BASE, _HEAD) != _MARK:
        raise NoSunSpec(f"no SunSpec mark in holding register {BASE}")
    models: dict[int, int] = {}
    address = BASE + _HEAD
    for _ in range(_MOST_MODELS):
        head = await look(Table.HOLDING, address, _HEAD)
        number, length = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big")
        if number == _END:
            return models
        models.setdefault(number, address)
        address += _HEAD + length
        if address + _HEAD > 0x10000:
            break
    raise NoSunSpec(f"the list of SunSpec models at {BASE} has no end")


def placed(address: ModbusAddress, models: dict[int, int]) -> ModbusAddress | None:
    """The address on this device; None when the device has no such model."""
    if address.model is None:
        return address
    start = models.get(address.model)
    if start is None:
        return None
    exponent = None if address.exponent is None else start + address.exponent
    return replace(address, address=start + address.address, exponent=exponent)


def number_at(start: int, table: Table) -> ModbusAddress:
    """The register that has to hold the number of the model that starts there."""
    return ModbusAddress(table=table, address=start, type=DataType.UINT16)
