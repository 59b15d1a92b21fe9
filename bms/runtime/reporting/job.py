"""The job that sends reports by schedule."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bms.errors import BmsError
from bms.runtime.city import City
from bms.runtime.jobs import Job, once_in_the_city
from bms.runtime.reporting.file import reports_file
from bms.runtime.reporting.post import FileAndMailPost
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.off_loop import off_loop
from bms.services.reporting.deliveries import Deliveries

EVERY = timedelta(hours=1)
log = logging.getLogger(__name__)


def reports_job(city: City) -> tuple[Job, ...]:
    """Send what is due, once an hour; nothing where no file of reports is named."""
    path = city.settings.reports
    if path is None:
        return ()

    async def tick(now: datetime) -> None:
        try:
            await off_loop(send_due, city, now)
        except BmsError as error:
            log.error("reports by schedule: %s", error)

    return (Job("reports", EVERY, once_in_the_city(city, tick)),)


def send_due(city: City, now: datetime) -> int:
    """Send what is due by the file of reports as it is now. Returns how many went.

    Raises ``ConfigError`` for a wrong file.
    """
    path = city.settings.reports
    if path is None:
        return 0
    found = reports_file(path)
    deliveries = Deliveries(
        SavingsCache(city.assessment), city.reporter, FileAndMailPost(found.mail)
    )
    schedules = [report.schedule() for report in found.reports]
    return deliveries.tick(schedules, now, city.settings.timezone)
