"""What a BACnet device says instead of answering, as errors.

::

    TooLong        (RetryableError)    the answer does not fit one message: ask for less at once
    NotSupported   (RefusedForGood)    the device does not know the service
"""

from __future__ import annotations

from typing import Any

from bacpypes3.apdu import AbortPDU, AbortReason, RejectPDU, RejectReason
from bacpypes3.basetypes import ErrorCode

from bms.errors import RetryableError
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.tags import Tags
from drivers.fieldbus.errors import Garbled, Refusal, RefusedForGood, RefusedForNow

_TRY_LATER = ("device-busy", "operational-problem", "timeout", "no-space-to-write-property")
_TOO_LONG = ("segmentation-not-supported", "buffer-overflow", "apdu-too-long")


class TooLong(RetryableError):
    """The answer does not fit the device's or our messages: ask for less at once."""


class NotSupported(RefusedForGood):
    """The device does not know the service."""


def abort(reason: int) -> Refusal | TooLong:
    """The error of an Abort-PDU."""
    return _aborted(str(AbortReason(reason)))


def reject(reason: int) -> Refusal:
    """The error of a Reject-PDU."""
    return _rejected(str(RejectReason(reason)))


def error(parameters: bytes) -> Refusal:
    """An error of class and code; some services wrap it (SubscribeCOVPropertyMultiple, say)."""
    tags = Tags(parameters)
    found = [tags.next(), tags.next()]
    if any((tag.kind, tag.number) != ("application", codec.ENUMERATED) for tag in found):
        raise Garbled("an error without class and code")
    return _error(str(ErrorCode(int.from_bytes(found[1].data, "big"))))


def _error(reason: str) -> Refusal:
    kind = RefusedForNow if reason in _TRY_LATER else RefusedForGood
    return kind(f"error: {reason}", reason)


def _aborted(reason: str) -> Refusal | TooLong:
    if reason in _TOO_LONG:
        return TooLong(f"aborted: {reason}")
    return RefusedForNow(f"aborted: {reason}", reason)


def _rejected(reason: str) -> Refusal:
    if reason == "unrecognized-service":
        return NotSupported("rejected: unrecognized-service", reason)
    return RefusedForGood(f"rejected: {reason}", reason)


def of_stack(nack: Any) -> Refusal | TooLong:
    """The error of what bacpypes3 raises."""
    if isinstance(nack, AbortPDU):
        return _aborted(str(nack.reason))
    if isinstance(nack, RejectPDU):
        return _rejected(str(nack.reason))
    return _error(str(nack.reason))
