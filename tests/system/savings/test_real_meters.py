"""Meters of real buildings in which nothing was changed on purpose: no saving is claimed."""

from datetime import date, timedelta
from functools import cache

import holidays
import numpy as np

from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.model.savings.objection import Verdict
from bms.savings.claims.meter_savings import assess_meter
from tests.rigs.assessment import asked
from tests.rigs.real_meters import BASELINE, TIMEZONE, commodity, local, meters, outdoor

FORTNIGHT = Span(start=local(2019, 1, 14), end=local(2019, 1, 28))
HOLIDAYS = holidays.country_holidays("GB", subdiv="ENG", years=[2018, 2019])


def closed(day: date) -> bool:
    return day in HOLIDAYS


def assess(use: Series, **changes) -> Savings:
    keywords = {
        "meter_id": "heat",
        "commodity": Commodity.HEAT,
        "baseline": BASELINE,
        "reporting": FORTNIGHT,
        "timezone": TIMEZONE,
    } | changes
    return assess_meter(use, keywords.pop("temp", outdoor()), **asked(**keywords))


def real(meter_id: str, use: Series, reporting: Span) -> Savings:
    return assess(
        use,
        meter_id=meter_id,
        commodity=commodity(meter_id),
        reporting=reporting,
        closed=closed,
    )


@cache
def placebo_fortnights() -> list[Savings]:
    starts = [local(2019, 1, 2) + timedelta(days=11 * i) for i in range(7)]
    spans = [Span(start=start, end=start + timedelta(days=14)) for start in starts]
    return [real(name, use, span) for name, use in meters().items() for span in spans]


def test_no_change_null_on_real_meters():
    """Fortnights of January to March 2019 in buildings that changed nothing on purpose: the
    nominal 90 % interval contains zero in about 90 % of them (docs/savings.md), and it is narrow
    enough to be of use."""
    results = [r for r in placebo_fortnights() if r.saving_kwh is not None]
    inside = np.array([r.saving_low_kwh <= 0 <= r.saving_high_kwh for r in results])
    width = np.array(
        [(r.saving_high_kwh - r.saving_kwh) / r.adjusted_baseline_kwh for r in results]
    )
    assert len(results) == 189
    assert 0.80 <= inside.mean() <= 0.97
    assert np.median(width) < 0.20


def test_no_change_is_not_called_verified():
    """But for two meters, whose use fell by an eighth and a twelfth for reasons that nobody wrote
    down: what one meter alone cannot tell from a saving."""
    verified = {r.meter_id for r in placebo_fortnights() if r.verdict is Verdict.VERIFIED}
    assert verified <= {"b2_gas", "b7_el"}
