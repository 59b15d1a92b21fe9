"""What the read-back of a write shows: whether it was done, and the receipt of it."""

from __future__ import annotations

from bms.model.assets.write_rule import WriteRule
from bms.model.control.command import Accepted, Clamped, Command, Failed, Receipt
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from drivers.fieldbus.write_limits import LimitedValue

_STEPS = (0.1, 0.5, 1.0, 5.0, 0.2, 0.25, 2.0, 10.0)
"""Steps that devices take, the usual ones first."""
_CUT_OFF = 0.5
"""Up to this step a device may have cut off what it did not round."""
_SLACK = 1e-6


def matches(rule: WriteRule, written: float, read_back: float | None) -> bool:
    """Whether the read-back equals what was written, within the tolerance of the point."""
    return read_back is not None and abs(read_back - written) <= rule.tolerance + 1e-9


def write_receipt(command: Command, clamped: LimitedValue, read_back: float) -> Receipt:
    """The receipt of a write whose read-back matches: ``Accepted`` or ``Clamped``."""
    if clamped.limit is None:
        return Accepted(command, read_back)
    return Clamped(command, clamped.value, read_back, clamped.limit)


def mismatch_receipt(command: Command, written: float, read_back: float | None) -> Failed:
    """The receipt of a write that reads back as another value. Where that is the next step of a
    device that takes steps, a later try will not do better, and the reason names the step."""
    step = step_taken(written, read_back)
    if step is None:
        reason = fact(ReceiptReason.READS_BACK, wrote=written, seen=read_back)
        return Failed(command, reason, retryable=True, read_back=read_back)
    reason = fact(ReceiptReason.TAKES_STEPS, wrote=written, seen=read_back, step=step)
    return Failed(command, reason, retryable=False, read_back=read_back)


def step_taken(written: float, read_back: float | None) -> float | None:
    """The step to which a device has rounded what was written; None where it did something else."""
    if read_back is None:
        return None
    for step in _STEPS:
        if _is_multiple(written, step) or not _is_multiple(read_back, step):
            continue
        furthest = step - _SLACK if step <= _CUT_OFF else step / 2 + _SLACK
        if abs(read_back - written) <= furthest:
            return step
    return None


def _is_multiple(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) <= _SLACK
