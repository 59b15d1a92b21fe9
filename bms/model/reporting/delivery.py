"""Reports that go out by themselves: what, how often, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256

from bms.model.outside_text import without_secrets
from bms.model.reporting.request import FileForm, ReportKind


class Every(StrEnum):
    """How often a report goes out."""

    MONTH = "month"
    YEAR = "year"


class Way(StrEnum):
    """How a report goes."""

    FOLDER = "folder"
    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSchedule:
    """A report of every month or year, sent ``after_days`` days after its end to each of
    ``targets``: folders or addresses by the way they go."""

    name: str
    kind: ReportKind
    site: str | None
    group: str | None
    every: Every
    after_days: int
    form: FileForm
    targets: tuple[tuple[Way, str], ...]

    def period(self, today: date) -> str:
        """The last month or year that was over ``after_days`` days ago."""
        last = today - timedelta(days=self.after_days)
        if self.every is Every.YEAR:
            return f"{last.year - 1}"
        before = last.replace(day=1) - timedelta(days=1)
        return f"{before:%Y-%m}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One report on its way to one target; ``subject`` names it for good."""

    schedule: ReportSchedule
    period: str
    way: Way
    target: str

    @property
    def subject(self) -> str:
        """What the record calls it. The address of a webhook may be a secret: it is told apart by
        a digest."""
        where = self.target
        if self.way is Way.WEBHOOK:
            where = f"{without_secrets(where)}#{sha256(where.encode()).hexdigest()[:8]}"
        return f"{self.schedule.name} {self.period} {self.way}:{where}"

    @property
    def id(self) -> str:
        """The same however often it is sent, for whoever receives it."""
        return sha256(self.subject.encode()).hexdigest()[:32]

    @property
    def file_name(self) -> str:
        """What the file is called: the same whenever it is made."""
        return f"{self.schedule.name}-{self.period}.{self.schedule.form.format}"
