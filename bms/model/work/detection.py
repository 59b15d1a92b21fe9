"""What the fault rules answered of a site when they ran last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.work.finding import CannotRun, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The findings of a site at ``at``, and the rules that could not look, with their reasons."""

    site: str
    at: datetime
    findings: tuple[Finding, ...] = ()
    cannot: tuple[CannotRun, ...] = ()
