"""Reports by schedule that are due go out."""

from __future__ import annotations

from datetime import datetime

from bms.runtime.city import City
from bms.runtime.reporting.file import reports_file
from bms.runtime.reporting.post import ReportWays
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.reporting.deliveries import Deliveries


def send_due(city: City, now: datetime) -> int:
    """Send what is due by the file of reports as it is now. Returns how many went.

    Raises ``ConfigError`` for a wrong file.
    """
    path = city.settings.reports
    if path is None:
        return 0
    found = reports_file(path)
    deliveries = Deliveries(
        SavingsCache(city.assessment), city.reporter, ReportWays(found.mail, found.webhooks)
    )
    schedules = [report.schedule() for report in found.reports]
    return deliveries.tick(schedules, now, city.settings.timezone)
