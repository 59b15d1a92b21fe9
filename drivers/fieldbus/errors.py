"""Errors of an exchange with a device.

::

    DeviceError
    ├── NoReply        (RetryableError)   no reply in time, no connection, connection lost
    ├── InvalidReply   (RetryableError)   malformed, or not the reply to the request
    ├── WrongDevice                       not, or not surely, the device of the site file
    ├── TooLate        (PermanentError)   the lease of a write ends too soon; nothing was sent
    └── DeviceRefusal                     an error reply, with the code of its protocol
        ├── TemporaryRefusal (RetryableError)   busy, or a failure in the device
        └── PermanentRefusal (PermanentError)   no such address, value or service; access denied
"""

from __future__ import annotations

from bms.errors import DeviceError, PermanentError, RetryableError
from bms.model.fact import Fact
from bms.model.readings.measurement import Quality
from bms.ports.departure import may_leave


class NoReply(RetryableError):
    """No reply in time, no connection, or the connection was lost."""


class InvalidReply(RetryableError):
    """A malformed reply, or one that does not belong to the request; none of it is used."""


class WrongDevice(DeviceError):
    """What answers is not, or not surely, the device that the site file names (CONTRACT, W1).

    Nothing is sent. ``reason`` is ``RefusalReason.WRONG_DEVICE`` with a fact that says why.
    """

    def __init__(self, message: str, reason: Fact) -> None:
        super().__init__(message)
        self.reason = reason


class DeviceRefusal(DeviceError):
    """The device replied with an error. ``code``: Modbus exception code or BACnet reason."""

    def __init__(self, message: str, code: int | str) -> None:
        super().__init__(message)
        self.code = code


class TemporaryRefusal(DeviceRefusal, RetryableError):
    """The device is busy or has a failure; a later try may succeed."""


class PermanentRefusal(DeviceRefusal, PermanentError):
    """No such address, value or service, or no access: a later try will not succeed either."""


class TooLate(PermanentError):
    """The lease of a write has ended, or ends before the device could answer; it did not leave."""


def require_departure() -> None:
    """Raise ``TooLate`` where a frame that writes may not leave any more (clause W11). To be called
    right before it is handed to the socket, after every wait."""
    if not may_leave():
        raise TooLate("its lease has ended or is about to; it was not sent")


def retryable(error: DeviceError) -> bool:
    """Whether a later try may succeed."""
    return isinstance(error, RetryableError)


def quality_of(error: DeviceError) -> Quality:
    """The quality of a reading that failed with this error."""
    if isinstance(error, WrongDevice):
        return Quality.WRONG_DEVICE
    return Quality.NO_REPLY if isinstance(error, NoReply) else Quality.DEVICE_ERROR
