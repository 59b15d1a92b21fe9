"""What a device may do instead of answering as asked.

::

    DeviceError
    ├── Silence    (RetryableError)   no answer in time, no connection, connection lost
    ├── Garbled    (RetryableError)   an answer that does not belong to the request
    └── Refusal                       the device said no, with the code of its protocol
        ├── RefusedForNow  (RetryableError)   busy, or its own trouble
        └── RefusedForGood (PermanentError)   no such address, value or service; access denied
"""

from __future__ import annotations

from bms.errors import DeviceError, PermanentError, RetryableError
from bms.model.readings.reading import Quality


class Silence(RetryableError):
    """No answer in time, no connection, or the connection was lost."""


class Garbled(RetryableError):
    """An answer that does not belong to the request; nothing of it is believed."""


class Refusal(DeviceError):
    """The device said no. ``code`` is the Modbus exception code or the BACnet reason."""

    def __init__(self, message: str, code: int | str) -> None:
        super().__init__(message)
        self.code = code


class RefusedForNow(Refusal, RetryableError):
    """The device is busy or in trouble; a later try may pass."""


class RefusedForGood(Refusal, PermanentError):
    """No such address, value or service, or no access: a later try will not pass either."""


def retryable(error: DeviceError) -> bool:
    """Whether a later try may pass."""
    return isinstance(error, RetryableError)


def quality_of(error: DeviceError) -> Quality:
    """Quality of a reading that failed with this error."""
    return Quality.NO_REPLY if isinstance(error, Silence) else Quality.DEVICE_ERROR
