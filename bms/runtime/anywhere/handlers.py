"""How each kind of job is done, by whichever process it falls to."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.ports.jobs import JobHandler, JobHandlers, JobKind, JobOrder
from bms.runtime.anywhere.owner_knowledge import with_knowledge
from bms.runtime.city import City
from bms.runtime.reporting.file import reports_file
from bms.runtime.reporting.post import ReportWays
from bms.services.accounts.answers_job import AnswersJob
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.detection.site_faults import keep_faults
from bms.services.off_loop import off_loop
from bms.services.overview.use_record import record_use_forecasts
from bms.services.planning.comfort_backoff import record_use_starts
from bms.services.planning.plan import identify_site, plan_site
from bms.services.planning.prediction_errors import record_predictions
from bms.services.reporting.deliveries import Deliveries
from bms.services.reporting.exports import Exports
from bms.services.work.watch import watch_proofs

log = logging.getLogger(__name__)

SiteWork = Callable[[Site, JobOrder], Awaitable[object]]


def handlers(city: City) -> JobHandlers:
    """What a process with this city can do."""
    work = {**_planning(city), **_assessment(city)}
    made = {kind: _of_site(city, does) for kind, does in work.items()}
    answers = AnswersJob(city.assessment)
    made[JobKind.ANSWERS] = _of_site(city, lambda site, o: off_loop(answers.keep, site, o.at))
    made[JobKind.CITY_ANSWERS] = lambda _: off_loop(answers.keep_city)
    made[JobKind.EXPORT] = lambda order: off_loop(make_export, city, order.subject)
    if city.settings.reports is not None:
        made[JobKind.REPORTS] = lambda order: off_loop(send_due, city, order.at)
    return made


def _of_site(city: City, does: SiteWork) -> JobHandler:
    async def job(order: JobOrder) -> None:
        site = city.sites.get(order.subject)
        if site is None:  # its file was taken away since
            log.info("%s: there is no such site here", order.name)
        else:
            await does(site, order)

    return job


def _planning(city: City) -> dict[JobKind, SiteWork]:
    ports, horizon = city.planning, timedelta(hours=city.settings.horizon_hours)

    def plan(site: Site, order: JobOrder) -> Awaitable[object]:
        knowing = with_knowledge(ports, order.known)
        return plan_site(site, now=order.at, ports=knowing, horizon=horizon)

    def identify(site: Site, order: JobOrder) -> Awaitable[object]:
        return identify_site(site, now=order.at, ports=ports)

    async def prediction(site: Site, order: JobOrder) -> None:
        await record_use_starts(site, now=order.at, ports=ports)
        await off_loop(record_use_forecasts, site, now=order.at, ports=ports)
        await record_predictions(site, now=order.at, ports=ports)

    return {JobKind.PLAN: plan, JobKind.IDENTIFY: identify, JobKind.PREDICTION: prediction}


def _assessment(city: City) -> dict[JobKind, SiteWork]:
    ports, cache = city.work, SavingsCache(city.assessment)

    def faults(site: Site, order: JobOrder) -> Awaitable[object]:
        return off_loop(keep_faults, site, order.at, ports.work, ports)

    def proofs(site: Site, order: JobOrder) -> Awaitable[object]:
        return off_loop(watch_proofs, site, order.at, ports, cache)

    return {JobKind.FAULTS: faults, JobKind.PROOFS: proofs}


def make_export(city: City, export_id: str) -> None:
    """Make the file of an export. Raises what ``Exports.make`` raises."""
    cache = SavingsCache(city.assessment)  # what is taken away lacks nothing
    Exports(city.settings.exports, cache, city.reporter).make(export_id)


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
