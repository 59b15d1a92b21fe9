"""What an assessment is asked to compare, and how: the same for days, bills and files."""

from __future__ import annotations

from dataclasses import dataclass

from bms.model.readings.series import Series
from bms.model.savings.avoided_use import Span
from bms.savings.data.screening import Zeros
from bms.savings.events.sun_panels import SunPanels
from bms.savings.models.baseline import Closed
from bms.savings.models.normal_year import NormalYear


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentPeriods:
    """The two periods that are compared; days, months and bills are local to ``timezone``.

    ``project`` is all of the time that is measured against this baseline, from the day on which
    the measure took effect; the reporting period is a part of it, and its model and its months'
    intervals are those of the whole. None: the reporting period is all.
    """

    baseline: Span
    reporting: Span
    timezone: str
    project: Span | None = None

    @property
    def whole(self) -> Span:
        """The project, or the reporting period where it is all."""
        return self.reporting if self.project is None else self.project


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentSettings:
    """How a meter is assessed.

    ``closed`` says on which local days the building is shut: they count as weekend where the data
    ask for it. ``drift`` is the standard deviation of the building's own change from one year to
    the next, a share of its use; None for what its own past and an estate of untreated meters say
    (``bms.savings.models.restlessness``). ``zeros`` says what a zero means. ``building_use`` (as a
    site names it) chooses the GUF of the degree-day correction. ``normal`` asks for the saving in a
    normal year and ``hourly`` for the second opinion of the hourly models; both need days, and
    bills are assessed without them. ``panels`` of the sun that meters of export or production tell
    of, and whose part in the use is not known; others are looked for in the use itself, by
    ``irradiance`` [W/m2] where it is known. ``kwh_per_m3``: energy over the volume that flowed
    through a meter of district heating in each of the periods [kWh/m3], None where it is not known.
    """

    closed: Closed | None = None
    drift: float | None = None
    zeros: Zeros = Zeros.AUTO
    building_use: str | None = None
    normal: NormalYear | None = None
    hourly: bool = False
    panels: SunPanels | None = None
    irradiance: Series | None = None
    kwh_per_m3: tuple[float | None, ...] = ()


USUAL = AssessmentSettings()
"""As meters are assessed where nothing else is asked for."""
