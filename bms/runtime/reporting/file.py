"""The file of the reports that are sent by schedule (``BMS_REPORTS``), in YAML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bms.errors import ConfigError
from bms.model.reporting.delivery import Every, ReportSchedule, Way
from bms.model.reporting.request import FileForm, ReportFormat, ReportKind
from bms.model.yaml_data import mistakes_of, read_yaml_file
from bms.notices.file import check_target, read_secret

Mail = Annotated[str, Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=200)]


class _NoMore(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MailSettings(_NoMore):
    """How e-mail is handed in. The password stands in the environment, under ``password_env``."""

    host: str = Field(min_length=1)
    port: int = Field(25, ge=1, le=65535)
    sender: Mail
    security: Literal["none", "starttls", "tls"] = "starttls"
    user: str | None = None
    password_env: str | None = None

    @model_validator(mode="after")
    def _a_password_travels_hidden(self) -> Self:
        if self.user is not None and self.security == "none":
            raise ValueError("a user and its password travel with security: tls or starttls only")
        return self

    @property
    def password(self) -> str | None:
        """The password, where one is named. Raises ``ConfigError`` where it is not set."""
        if self.password_env is None:
            return None
        found = os.environ.get(self.password_env)
        if not found:
            raise ConfigError(f"{self.password_env} is not set; it holds the password for e-mail")
        return found


class WebhookSettings(_NoMore):
    """The hosts that reports are posted to, and the file of the secret that signs them."""

    hosts: tuple[str, ...] = Field(min_length=1)
    secret_file: Path

    @property
    def secret(self) -> str:
        """The secret. Raises OSError where it cannot be read, ``ConfigError`` where it is short."""
        return read_secret(self.secret_file)


class ScheduledReport(_NoMore):
    """One report: as ``bms report`` takes it, how often, and where to."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    kind: ReportKind
    scope: str = Field("all", pattern=r"^(all|site:[a-z0-9][a-z0-9_-]*|group:[a-z0-9_-]+)$")
    every: Every
    after_days: int = Field(3, ge=0, le=60)
    format: ReportFormat = ReportFormat.PDF
    lang: str = "da"
    sheet: str | None = None
    folder: Path | None = None
    email: tuple[Mail, ...] = ()
    webhook: tuple[str, ...] = ()

    def schedule(self) -> ReportSchedule:
        """The schedule of the report."""
        folders = () if self.folder is None else ((Way.FOLDER, str(self.folder)),)
        kind, _, name = self.scope.partition(":")
        return ReportSchedule(
            name=self.name,
            kind=self.kind,
            site=name if kind == "site" else None,
            group=name if kind == "group" else None,
            every=self.every,
            after_days=self.after_days,
            form=FileForm(format=self.format, language=self.lang, sheet=self.sheet),
            targets=(
                *folders,
                *((Way.EMAIL, address) for address in self.email),
                *((Way.WEBHOOK, url) for url in self.webhook),
            ),
        )


class ReportsFile(_NoMore):
    """Every report that is sent by schedule, and how e-mail goes."""

    reports: tuple[ScheduledReport, ...]
    mail: MailSettings | None = None
    webhooks: WebhookSettings | None = None

    @model_validator(mode="after")
    def _ways_are_known(self) -> Self:
        if self.mail is None and any(report.email for report in self.reports):
            raise ValueError("reports go by e-mail, but 'mail' does not say how")
        for url in (url for report in self.reports for url in report.webhook):
            if self.webhooks is None:
                raise ValueError("reports go to a webhook, but 'webhooks' does not say how")
            check_target(url, frozenset(self.webhooks.hosts))
        return self


def reports_file(path: Path) -> ReportsFile:
    """The file of scheduled reports. Raises ``ConfigError`` that names every mistake."""
    try:
        found = ReportsFile.model_validate(read_yaml_file(path))
    except ValidationError as error:
        raise ConfigError(f"{path}: {mistakes_of(error)}") from error
    names = [report.name for report in found.reports]
    if len(set(names)) < len(names):
        raise ConfigError(f"{path}: every report needs a name of its own")
    return found
