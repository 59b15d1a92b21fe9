"""Reports by schedule: what is due, what was sent, and nothing twice.

The record is the audit of the city: ``report_sending`` is written before a report leaves,
``report_sent`` after it was taken, ``report_failed`` where it was not. A process that died between
the first two leaves it open whether the report went: a file in a folder is put there again, which
changes nothing; an e-mail is not sent again, and ``bms report sent`` shows it as unknown.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bms.errors import BmsError
from bms.model.control.audit import Action, AuditEntry, AuditSearch
from bms.model.reporting.delivery import Delivery, ReportSchedule, Way
from bms.model.reporting.request import ReportRequest
from bms.ports.reports import Reporter, ReportPost
from bms.ports.storage.ledgers import LedgerStore
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.periods import local_date
from bms.services.reporting.build import build

log = logging.getLogger(__name__)

ACTOR = "schedule"
REMEMBERED = timedelta(days=800)
"""How far back the record is asked: longer than a yearly report is the newest one."""
MOST_FAILURES = 24
"""A report that was refused so often waits for a person."""
STEPS = (Action.REPORT_SENDING, Action.REPORT_SENT, Action.REPORT_FAILED)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Sends the reports of schedules that are due."""

    cache: SavingsCache
    reporter: Reporter
    post: ReportPost

    def tick(self, schedules: Iterable[ReportSchedule], now: datetime, timezone: str) -> int:
        """Send what is due at ``now``; one that fails spares the others. Returns how many went."""
        today, known = local_date(now, timezone), record(self.cache.ports.ledgers, now)
        sent = 0
        for schedule in schedules:
            for way, target in schedule.targets:
                delivery = Delivery(
                    schedule=schedule, period=schedule.period(today), way=way, target=target
                )
                if is_due(delivery, known):
                    sent += self._send(delivery)
        return sent

    def _send(self, delivery: Delivery) -> bool:
        try:
            self._make_and_send(delivery)
        except (BmsError, OSError) as error:
            log.error("report %s was not sent: %s", delivery.subject, error)
            self._note(Action.REPORT_FAILED, delivery, str(error))
            return False
        self._note(Action.REPORT_SENT, delivery, delivery.file_name)
        return True

    def _make_and_send(self, delivery: Delivery) -> None:
        schedule = delivery.schedule
        asked = ReportRequest(
            kind=schedule.kind,
            site=schedule.site,
            group=schedule.group,
            period=delivery.period,
        )
        report = build(self.cache, asked)
        place = Path(tempfile.mkdtemp(prefix="bms-report-"))
        try:
            file = place / delivery.file_name
            with file.open("w+b") as out:
                self.reporter.write(report, schedule.form, out)
            title = self.reporter.title(report, schedule.form.language)
            self._note(Action.REPORT_SENDING, delivery, delivery.file_name)
            self.post.send(delivery, title, file)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _note(self, action: Action, delivery: Delivery, reason: str) -> None:
        ports = self.cache.ports
        ports.ledgers.note(
            action,
            delivery.subject,
            at=ports.clock.now(),
            actor=ACTOR,
            site=delivery.schedule.site,
            reason=reason[:500],
        )


def is_due(delivery: Delivery, known: Iterable[AuditEntry]) -> bool:
    """Whether a report has still to be sent, by the record, the newest step of which is first."""
    steps = [entry.action for entry in known if entry.subject == delivery.subject]
    if Action.REPORT_SENT in steps or steps.count(Action.REPORT_FAILED) >= MOST_FAILURES:
        return False
    died = bool(steps) and steps[0] is Action.REPORT_SENDING
    return not died or delivery.way is Way.FOLDER


def record(ledgers: LedgerStore, now: datetime) -> tuple[AuditEntry, ...]:
    """Every step of what was sent, or was to be, the newest first."""
    found = [
        entry
        for action in STEPS
        for entry in ledgers.audit(AuditSearch(action=action, since=now - REMEMBERED))
    ]
    return tuple(sorted(found, key=lambda entry: -entry.number))


@dataclass(frozen=True, slots=True, kw_only=True)
class SentReport:
    """What became of a report that was to be sent: ``sent``, ``failed``, or ``unknown`` where a
    process died while it was on its way."""

    at: datetime
    subject: str
    state: str
    detail: str


STATES = {
    Action.REPORT_SENT: "sent",
    Action.REPORT_FAILED: "failed",
    Action.REPORT_SENDING: "unknown",
}


def sent_reports(ledgers: LedgerStore, now: datetime) -> tuple[SentReport, ...]:
    """The last step of every report by schedule, the newest first."""
    last: dict[str, AuditEntry] = {}
    for entry in record(ledgers, now):
        last.setdefault(entry.subject, entry)
    return tuple(
        SentReport(at=e.at, subject=e.subject, state=STATES[e.action], detail=e.reason)
        for e in last.values()
    )
