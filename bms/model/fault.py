"""A fault: what is wrong, since when, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bms.model.words import Words


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault condition of one rule. ``evidence`` names points and values."""

    rule: str
    site: str
    subject: str
    since: datetime
    severity: Severity
    message: Words
    evidence: tuple[str, ...] = ()
