"""Read Device Identification, Modbus function 43/14. Pure.

Source: Modbus application protocol V1.1b3, 6.21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.fieldbus.errors import InvalidReply
from drivers.modbus.frames import Request

BASIC, REGULAR = 1, 2
_FUNCTION, _KIND = 0x2B, 0x0E
_HEAD = 7
_LONGEST = 253
_MORE = 0xFF
_VENDOR, _CODE, _REVISION, _PRODUCT, _MODEL = 0, 1, 2, 4, 5
USER_APPLICATION = 6


@dataclass(frozen=True, slots=True)
class DeviceIdentification:
    """The objects of one reply by number; ``next_object`` is the first of the rest, None at the
    end. ``regular`` says whether the device has the objects from 3 on.
    """

    objects: Mapping[int, str]
    regular: bool
    next_object: int | None


def identification_request(unit: int, category: int = BASIC, first: int = 0) -> Request:
    """Request for the objects of a category from number ``first`` on."""
    pdu = bytes((_FUNCTION, _KIND, category, first))
    return Request(unit, pdu, pdu[:3], _LONGEST, repeatable=True, measure=_length)


def decode_identification(request: Request, data: bytes) -> DeviceIdentification:
    """What the payload of the reply to ``identification_request`` says. Raises ``InvalidReply``."""
    pdu = request.prefix + data
    conformity, more, following, count = pdu[3:_HEAD]
    objects: dict[int, str] = {}
    at = _HEAD
    for _ in range(count):
        number, length = pdu[at], pdu[at + 1]
        text = pdu[at + 2 : at + 2 + length].decode("utf-8", "replace")
        objects[number] = "".join(c for c in text if c.isprintable()).strip()
        at += 2 + length
    if more == _MORE and following <= request.pdu[3]:
        raise InvalidReply("an identification that goes round in circles")
    return DeviceIdentification(
        objects, conformity & 0x7F >= REGULAR, following if more == _MORE else None
    )


def vendor_model_firmware(objects: Mapping[int, str]) -> tuple[str | None, str | None, str | None]:
    """Vendor, model (name and product code) and firmware; None where an object is missing."""
    name = objects.get(_MODEL) or objects.get(_PRODUCT)
    code = objects.get(_CODE)
    model = f"{name} ({code})" if name and code and code != name else name or code
    return objects.get(_VENDOR) or None, model or None, objects.get(_REVISION) or None


def _length(pdu: bytes) -> int:
    if len(pdu) < _HEAD:
        return _HEAD
    at = _HEAD
    for _ in range(pdu[_HEAD - 1]):
        if len(pdu) < at + 2:
            return at + 2
        at += 2 + pdu[at + 1]
    return at
