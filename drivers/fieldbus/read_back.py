"""What the read-back of a write shows: whether it was done, and the receipt of it."""

from __future__ import annotations

from bms.model.assets.write_rule import WriteRule
from bms.model.control.command import Accepted, Clamped, Command, Receipt
from drivers.fieldbus.write_limits import LimitedValue


def matches(rule: WriteRule, written: float, read_back: float | None) -> bool:
    """Whether the read-back equals what was written, within the tolerance of the point."""
    return read_back is not None and abs(read_back - written) <= rule.tolerance + 1e-9


def write_receipt(command: Command, clamped: LimitedValue, read_back: float) -> Receipt:
    """The receipt of a write whose read-back matches: ``Accepted`` or ``Clamped``."""
    if clamped.limit is None:
        return Accepted(command, read_back)
    return Clamped(command, clamped.value, read_back, clamped.limit)
