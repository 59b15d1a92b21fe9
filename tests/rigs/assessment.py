"""The periods and settings of an assessment, from one flat set of keywords."""

from __future__ import annotations

from typing import Any

from bms.model.savings.avoided_use import Span
from bms.savings.claims.assessment import AssessmentPeriods, AssessmentSettings

SETTINGS = tuple(AssessmentSettings.__dataclass_fields__)


def asked(
    *, baseline: Span, reporting: Span, timezone: str = "Europe/Copenhagen", **others: Any
) -> dict[str, Any]:
    """Keywords of ``assess_meter`` or ``assess_bills``; those that are no setting stay."""
    settings = {name: others.pop(name) for name in SETTINGS if name in others}
    return {
        "periods": AssessmentPeriods(baseline=baseline, reporting=reporting, timezone=timezone),
        "settings": AssessmentSettings(**settings),
        **others,
    }
