"""What is known of a saving before there is a model: the measured use, and no claim."""

from __future__ import annotations

from bms.model.readings.series import Floats
from bms.model.readings.units import Commodity
from bms.model.savings.savings import Savings, Span, Verdict
from bms.savings.models.uncertainty import CONFIDENCE


def unanswered(
    *,
    meter_id: str,
    commodity: Commodity,
    baseline: Span,
    reporting: Span,
    before_kwh: Floats,
    after_kwh: Floats,
    coverage: float,
) -> Savings:
    """``before_kwh`` and ``after_kwh`` [kWh] are what both periods' intervals used, shapes (n,)
    and (m,); ``coverage`` 0..1 is that of the reporting period."""
    return Savings(
        meter_id=meter_id,
        commodity=commodity,
        baseline=baseline,
        reporting=reporting,
        model=None,
        n=len(before_kwh),
        coverage=coverage,
        cv_rmse=None,
        nmbe=None,
        r2=None,
        rho=None,
        baseline_kwh=float(before_kwh.sum()) if len(before_kwh) else None,
        adjusted_baseline_kwh=None,
        measured_kwh=float(after_kwh.sum()) if len(after_kwh) else None,
        saving_kwh=None,
        saving_low_kwh=None,
        saving_high_kwh=None,
        confidence=CONFIDENCE,
        verdict=Verdict.NOT_CLAIMABLE,
    )
