"""Receipts of writes and releases that did not succeed, with the reason as a fact."""

from __future__ import annotations

from bms.errors import DeviceError
from bms.model.assets.protected import Protected
from bms.model.control.command import Command, Failed, Receipt, Refused, StillHeld
from bms.model.control.command_state import NoCommandState
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Fact, Term, fact
from bms.model.readings.measurement import Quality
from drivers.fieldbus.errors import TooLate, WrongDevice, retryable
from drivers.fieldbus.reading import Decoded


class Unwritable(ValueError):
    """A value or lease that may not be written, with the reason."""

    def __init__(self, reason: Fact) -> None:
        super().__init__(str(reason))
        self.reason = reason


def protected(point: str, found: Protected) -> Unwritable:
    """The error for a point that is never written, whatever the role, the plan or the person."""
    term = Term(found.protection.value)
    return Unwritable(
        fact(RefusalReason.NEVER_WRITTEN, point=point, word=found.word, protection=term)
    )


def refused(command: Command, error: ValueError) -> Refused:
    """The receipt of a command that is not sent: it is against a rule, or cannot be encoded."""
    if isinstance(error, Unwritable):
        return Refused(command, error.reason)
    text = str(error)
    return Refused(command, fact(RefusalReason.NOT_ENCODABLE, point=command.point, text=text))


def failed(command: Command, device: str, error: DeviceError) -> Receipt:
    """The receipt of a command that failed at ``device``; refused where it is the wrong one."""
    if isinstance(error, WrongDevice):
        return Refused(command, error.reason)
    if isinstance(error, TooLate):
        return Failed(command, fact(ReceiptReason.TOO_LATE, device=device), retryable=False)
    reason = fact(ReceiptReason.DEVICE_ERROR, device=device, text=str(error))
    return Failed(command, reason, retryable(error))


def not_releasable(point: str, error: ValueError) -> StillHeld:
    """The receipt of a release that cannot be sent; it is not retryable."""
    reason = (
        error.reason
        if isinstance(error, Unwritable)
        else fact(ReceiptReason.NOT_RELEASABLE, text=str(error))
    )
    return StillHeld(point, reason, retryable=False)


def still_held(point: str, device: str, error: DeviceError) -> StillHeld:
    """The receipt of a release that failed at ``device``. A wrong device may be replaced again."""
    if isinstance(error, WrongDevice):
        return StillHeld(point, error.reason)
    reason = fact(ReceiptReason.DEVICE_ERROR, device=device, text=str(error))
    return StillHeld(point, reason, retryable(error))


def no_command_state(point: str, device: str, error: DeviceError) -> NoCommandState:
    """The answer where ``device`` does not show who commands a point."""
    if isinstance(error, WrongDevice):
        return NoCommandState(point, error.reason, wrong_device=True)
    reason = fact(ReceiptReason.DEVICE_ERROR, device=device, text=str(error))
    return NoCommandState(point, reason, retryable(error))


def no_reply(point: str, device: str, read: Decoded) -> NoCommandState:
    """The answer where what stands at a point was not read."""
    text = read.detail or read.quality.value
    reason = fact(ReceiptReason.DEVICE_ERROR, device=device, text=text)
    return NoCommandState(point, reason, read.quality is Quality.NO_REPLY)


def not_commandable(point: str, error: ValueError) -> NoCommandState:
    """The answer for a point that could not be written anyway."""
    return NoCommandState(
        point, fact(RefusalReason.NOT_ENCODABLE, point=point, text=str(error)), retryable=False
    )
