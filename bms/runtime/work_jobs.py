"""The jobs that a live run has beside the job table: the work list, and the answers that are kept.
A fast run has none of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime, timedelta

from api.schedules import schedule_answers
from bms.errors import JobFailed, StoreError
from bms.model.assets.site import Site
from bms.model.control.evidence import CITY
from bms.ports.jobs import JobKind, Priority
from bms.runtime.anywhere.orders import ordered, ordered_for_city, with_jobs
from bms.runtime.city import City
from bms.runtime.jobs import DAY, Job, job_table, once_in_the_city, planned, site_job
from bms.runtime.load.background_work import SITES_AT_ONCE, SiteTask, limited
from bms.services.accounts.answers_job import AnswersJob
from bms.services.detection.site_faults import keep_urgent
from bms.services.off_loop import off_loop
from bms.services.work.notify import notify
from bms.services.work.watch import watch_city, watch_site
from drivers.mqtt.publisher import SchedulePublisher

ANSWERS_EVERY = timedelta(minutes=5)
SCHEDULES_EVERY = timedelta(minutes=1)
"""How soon a controller that listens hears of a release."""
URGENT_EVERY = timedelta(hours=1)
NOTICES_EVERY = timedelta(minutes=5)
REPORTS_EVERY = timedelta(hours=1)
log = logging.getLogger(__name__)


def work_jobs(city: City) -> tuple[Job, ...]:
    """Run the fault rules of each site once a day, and every hour those that cannot wait; look at
    it as often as it is polled, at its savings once a day, and at the city."""
    ports = city.work
    every = timedelta(minutes=city.settings.poll_minutes)
    turns = asyncio.Semaphore(SITES_AT_ONCE)
    sites = city.sites.values()

    def learned(kind: JobKind) -> SiteTask:
        return planned(city, ordered(city, kind, Priority.LEARN, daily=True))

    def watch(site: Site, now: datetime) -> Awaitable[object]:
        return off_loop(watch_site, site, now, ports)

    def urgent(site: Site, now: datetime) -> Awaitable[object]:
        return off_loop(keep_urgent, site, now, ports.work, ports)

    async def of_city(now: datetime) -> None:
        await off_loop(watch_city, now, ports)

    async def notices(now: datetime) -> None:
        if city.sender is None:
            return
        try:
            await notify(
                city.recipients,
                [*city.sites, CITY],
                now,
                work=city.stores.work,
                sender=city.sender,
            )
        except StoreError as error:
            log.error("nobody is told of the work list: %s", error)

    return (
        site_job("faults", DAY, sites, learned(JobKind.FAULTS)),
        site_job("urgent_faults", URGENT_EVERY, sites, planned(city, limited(turns, urgent))),
        site_job("work", every, sites, planned(city, limited(turns, watch))),
        site_job("proofs", DAY, sites, learned(JobKind.PROOFS)),
        Job("city_work", every, once_in_the_city(city, of_city)),
        Job("notices", NOTICES_EVERY, once_in_the_city(city, notices)),
    )


def live_jobs(city: City) -> tuple[Job, ...]:
    """Every job of a city that runs until it is told to stop."""
    city = with_jobs(city)
    beside = (*schedule_jobs(city), *reports_job(city))
    return (*job_table(city), *work_jobs(city), *answers_jobs(city), *beside)


def schedule_jobs(city: City) -> tuple[Job, ...]:
    """Publish the setpoint schedule of each controller that fetches its own, where there is a
    broker: retained, and gone from the broker with the end of its lease."""
    settings = city.settings
    listening = [s for s in city.sites.values() if any(d.fetches for d in s.devices)]
    if settings.mqtt_url is None or not listening:
        return ()
    publisher = SchedulePublisher(
        settings.mqtt_url,
        settings.mqtt_password_file,
        settings.mqtt_ca_file,
        settings.mqtt_cert_file,
        settings.mqtt_key_file,
    )

    async def publish(site: Site, now: datetime) -> None:
        fetching = [device.id for device in site.devices if device.fetches]
        for device, answer in (await off_loop(schedule_answers, city.api, fetching)).items():
            lasts_s = (answer.lease_end - city.clock.now()).total_seconds()
            await publisher.publish(device, answer.model_dump_json().encode(), lasts_s)

    return (site_job("schedules", SCHEDULES_EVERY, listening, planned(city, publish)),)


def answers_jobs(city: City) -> tuple[Job, ...]:
    """Make the answers about each site anew where something of what they rest on has changed, then
    those about the city."""
    job, sites = AnswersJob(city.assessment), city.sites.values()
    keep = ordered(city, JobKind.ANSWERS, Priority.LEARN)

    async def of_city(now: datetime) -> None:
        try:
            await ordered_for_city(city, JobKind.CITY_ANSWERS, now)
        except (StoreError, JobFailed) as error:
            log.error("the answers about the city are not kept: %s", error)

    async def forget(now: datetime) -> None:
        try:
            await off_loop(job.forget, now)
        except StoreError as error:
            log.error("old answers are still kept: %s", error)

    return (
        site_job("answers", ANSWERS_EVERY, sites, planned(city, keep)),
        Job("city_answers", ANSWERS_EVERY, once_in_the_city(city, of_city)),
        Job("old_answers", DAY, once_in_the_city(city, forget)),
    )


def reports_job(city: City) -> tuple[Job, ...]:
    """Send the reports that are due, once an hour; nothing where no file of reports is named."""
    if city.settings.reports is None:
        return ()

    async def tick(now: datetime) -> None:
        try:
            await ordered_for_city(city, JobKind.REPORTS, now)
        except (StoreError, JobFailed) as error:
            log.error("reports by schedule: %s", error)

    return (Job("reports", REPORTS_EVERY, once_in_the_city(city, tick)),)
