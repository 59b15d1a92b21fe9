"""The errors of Error, Reject and Abort PDUs.

::

    ReplyTooLong         (RetryableError)     the reply does not fit one message: ask for less
    ServiceNotSupported  (PermanentRefusal)   the device does not know the service
"""

from __future__ import annotations

from typing import Any

from bacpypes3.apdu import AbortPDU, AbortReason, RejectPDU, RejectReason
from bacpypes3.basetypes import ErrorCode

from bms.errors import RetryableError
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.services import PropertyError
from drivers.bacnet.encoding.tags import TagReader
from drivers.fieldbus.errors import DeviceRefusal, InvalidReply, PermanentRefusal, TemporaryRefusal

_TRY_LATER = ("device-busy", "operational-problem", "timeout", "no-space-to-write-property")
_TOO_LONG = ("segmentation-not-supported", "buffer-overflow", "apdu-too-long")


class ReplyTooLong(RetryableError):
    """The reply does not fit one message of either side: ask for less at once."""


class ServiceNotSupported(PermanentRefusal):
    """The device does not know the service."""


def abort_error(reason: int) -> DeviceRefusal | ReplyTooLong:
    """The error of an Abort-PDU with this reason (clause 20.1.9)."""
    return _aborted(str(AbortReason(reason)))


def reject_error(reason: int) -> DeviceRefusal:
    """The error of a Reject-PDU with this reason (clause 20.1.8)."""
    return _rejected(str(RejectReason(reason)))


def error_reply(parameters: bytes) -> DeviceRefusal:
    """The error of an Error-PDU with error class and code (clause 20.1.7).

    Raises ``InvalidReply`` for other parameters.
    """
    tags = TagReader(parameters)
    found = [tags.next(), tags.next()]
    if any((tag.kind, tag.number) != ("application", codec.ENUMERATED) for tag in found):
        raise InvalidReply("an error without class and code")
    return _error(str(ErrorCode(int.from_bytes(found[1].data, "big"))))


def error_of(error: PropertyError) -> DeviceRefusal:
    """The error of a property in a ReadPropertyMultiple-ACK."""
    return _error(str(ErrorCode(error.error_code)))


def _error(reason: str) -> DeviceRefusal:
    kind = TemporaryRefusal if reason in _TRY_LATER else PermanentRefusal
    return kind(f"error: {reason}", reason)


def _aborted(reason: str) -> DeviceRefusal | ReplyTooLong:
    if reason in _TOO_LONG:
        return ReplyTooLong(f"aborted: {reason}")
    return TemporaryRefusal(f"aborted: {reason}", reason)


def _rejected(reason: str) -> DeviceRefusal:
    if reason == "unrecognized-service":
        return ServiceNotSupported("rejected: unrecognized-service", reason)
    return PermanentRefusal(f"rejected: {reason}", reason)


def stack_error(nack: Any) -> DeviceRefusal | ReplyTooLong:
    """The error for what bacpypes3 raises: an Error, Reject or Abort PDU."""
    if isinstance(nack, AbortPDU):
        return _aborted(str(nack.reason))
    if isinstance(nack, RejectPDU):
        return _rejected(str(nack.reason))
    return _error(str(nack.reason))
