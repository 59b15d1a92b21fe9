"""The real meters of the benches of savings, and the changes that are planted in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from bms.model.readings.series import Floats, Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Savings, Span
from bms.savings.claims.assessment import AssessmentPeriods, AssessmentSettings
from bms.savings.claims.meter_savings import assess_meter
from bms.savings.data.commodity import commodity_of
from bms.savings.models.uncertainty import DEFAULT_DRIFT

METERS = Path(__file__).parents[1] / "data" / "meters" / "meters_hourly.csv.gz"
ZONE = "Europe/London"

Change = Callable[[Floats], None]


@dataclass(frozen=True)
class Meters:
    """The meters by name and their weather [degC, W/m2]."""

    meters: Mapping[str, Series]
    temp: Series
    sun: Series | None = None

    @cached_property
    def baseline(self) -> Span:
        return Span(start=_local(2018), end=_local(2019))

    @cached_property
    def reporting(self) -> Span:
        return Span(start=_local(2019), end=_local(2020))

    def kind(self, meter: str) -> Commodity:
        return commodity_of(meter, self.meters[meter], self.temp)

    @cached_property
    def periods(self) -> AssessmentPeriods:
        return AssessmentPeriods(baseline=self.baseline, reporting=self.reporting, timezone=ZONE)

    def assess(
        self, meter: str, change: Change | None = None, drift: float = DEFAULT_DRIFT
    ) -> Savings:
        use = self.meters[meter]
        if change is not None:
            values = np.array(use.values)
            change(values)
            use = Series(use.start, use.step, values)
        return assess_meter(
            use,
            self.temp,
            meter_id=meter,
            commodity=self.kind(meter),
            periods=self.periods,
            settings=AssessmentSettings(drift=drift),
            sun=self.sun,
        )

    def after(self, meter: str) -> int:
        """First step of the reporting period."""
        use = self.meters[meter]
        return int((self.reporting.start - use.start) // use.step)


def _local(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
