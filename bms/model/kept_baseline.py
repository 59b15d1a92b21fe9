"""A baseline that was put away: what an auditor holds today's data against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.savings.savings import FrozenBaseline


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBaseline:
    """A baseline as it stood ``at`` a moment, and who kept it why.

    The last one of a meter and period stands; none is ever changed or removed.
    """

    baseline: FrozenBaseline
    at: datetime
    author: str
    reason: str

    @property
    def site(self) -> str:
        """The site of the meter, whose id is ``site/meter``."""
        return self.baseline.meter_id.partition("/")[0]
