"""The file of notices: who is told, by which way, and who may subscribe.

base_url: https://bms.example.dk
smtp: {host: mail.example.dk, port: 587, security: starttls, sender: bms@example.dk,
       user: bms, password_file: /run/secrets/smtp}
webhook_hosts: [hooks.example.dk]
recipients:
  - {name: caretakers-north, role: caretaker, email: drift@example.dk, sites: [school],
     digest: "07:00", days: [mon, tue, wed, thu, fri], at_once: high, quiet: "21:00-06:00"}
  - {name: helpdesk, webhook: https://hooks.example.dk/bms, secret_file: /run/secrets/hook}
subscriptions:
  - {name: drift, token_sha256: 0123…, sites: [school]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bms.errors import ConfigError
from bms.model.outside_file import read_secret_file
from bms.model.outside_text import without_secrets
from bms.model.work.finding import Severity
from bms.model.work.item import WorkKind
from bms.model.work.notice import Channel
from bms.model.work.recipient import EVERY_DAY, Recipient, Subscription, WorkSelection
from bms.model.yaml_data import mistakes_of, read_yaml_file
from bms.outgoing.addresses import is_for_nobody, literal

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
SPAN = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"
ADDRESS = r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$"
LEAST_SECRET = 16
"""Characters of the secret of a webhook [1]."""


class Security(StrEnum):
    """How the connection to a mail server is kept from others."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mail is handed in, and in whose name."""

    host: str
    sender: str
    port: int = 587
    security: Security = Security.STARTTLS
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFile:
    """What the file says. ``secrets`` are those of the webhooks, by the name of the recipient;
    ``base_url`` is where people find the pages."""

    recipients: tuple[Recipient, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    mail: MailServer | None = None
    webhook_hosts: frozenset[str] = frozenset()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    base_url: str | None = None

    def named(self, name: str) -> Recipient:
        """The recipient of this name. Raises ``ConfigError`` with the names there are."""
        for each in self.recipients:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.recipients) or "none"
        raise ConfigError(f"no recipient {name!r} in the file of notices; there are: {known}")


class _NoticePart(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Smtp(_NoticePart):
    host: str
    sender: str = Field(pattern=ADDRESS)
    port: int = Field(587, ge=1, le=65535)
    security: Security = Security.STARTTLS
    user: str | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _a_password_travels_hidden(self) -> Self:
        if self.user is not None and self.security is Security.NONE:
            raise ValueError("a user and its password travel with security: tls or starttls only")
        return self


class _Selected(_NoticePart):
    name: str = Field(pattern=r"^[\w .-]{1,64}$")
    sites: list[str] | None = None
    kinds: list[WorkKind] | None = None
    language: Literal["da", "en"] = "da"

    def selection(self) -> WorkSelection:
        return WorkSelection(
            sites=None if self.sites is None else frozenset(self.sites),
            kinds=None if self.kinds is None else frozenset(self.kinds),
        )


class _TellTo(_Selected):
    role: str = ""
    email: str | None = Field(None, pattern=ADDRESS)
    webhook: str | None = None
    secret_file: Path | None = None
    digest: Annotated[str, Field(pattern=CLOCK)] | None = "07:00"
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] | None = None
    at_once: Severity | Literal["never"] = Severity.HIGH
    quiet: Annotated[str, Field(pattern=SPAN)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.email is None) == (self.webhook is None):
            raise ValueError(f"{self.name}: give email or webhook")
        if self.webhook is not None and self.secret_file is None:
            raise ValueError(f"{self.name}: a webhook is signed; give its secret_file")
        return self

    def recipient(self, timezone: str) -> Recipient:
        quiet = None if self.quiet is None else self.quiet.split("-")
        days = EVERY_DAY if self.days is None else frozenset(map(DAYS.index, self.days))
        return Recipient(
            name=self.name,
            channel=Channel.WEBHOOK if self.email is None else Channel.EMAIL,
            address=self.email or self.webhook or "",
            role=self.role,
            wants=self.selection(),
            language=self.language,
            timezone=timezone,
            digest=None if self.digest is None else time.fromisoformat(self.digest),
            days=days,
            at_once=None if self.at_once == "never" else Severity(self.at_once),
            quiet=None
            if quiet is None
            else (time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1])),
        )


class _Subscription(_Selected):
    token_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _File(_NoticePart):
    base_url: str | None = Field(None, pattern=r"^https?://[^\s/]+$")
    smtp: _Smtp | None = None
    webhook_hosts: list[str] = []
    recipients: list[_TellTo] = []
    subscriptions: list[_Subscription] = []

    @model_validator(mode="after")
    def _ways_are_there(self) -> Self:
        names = [each.name for each in (*self.recipients, *self.subscriptions)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"a name stands twice: {', '.join(sorted(twice))}")
        if self.smtp is None and any(each.email for each in self.recipients):
            raise ValueError("somebody has an e-mail address, and there is no smtp")
        for each in self.recipients:
            if each.webhook is not None:
                check_target(each.webhook, frozenset(self.webhook_hosts))
        return self


def check_target(url: str, hosts: frozenset[str]) -> None:
    """Raises ``ValueError`` for an address to which no notice may go: another scheme than https
    (http on loopback), a host that the file does not name, a name or password in it."""
    parts, shown = urlsplit(url), without_secrets(url)
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url or parts.port == 0:
        raise ValueError(f"{shown}: a webhook is an https address")
    host = parts.hostname or ""
    near = host in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and near):
        raise ValueError(f"{shown}: a webhook is an https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{parts.hostname}: no name or password in the address of a webhook")
    address = literal(host)
    if address is not None and is_for_nobody(address):
        raise ValueError(f"{shown}: no webhook goes to an address of the link, or of a group")
    if host not in hosts:
        raise ValueError(f"{shown}: name its host {host!r} in webhook_hosts")


def read_notice_file(path: Path, timezone: str, sites: frozenset[str]) -> NoticeFile:
    """What the file at ``path`` says; times in it are local to ``timezone``.

    Raises ``ConfigError`` with the file and every mistake.
    """
    try:
        whole = _File.model_validate(read_yaml_file(path, "BMS_NOTICES") or {})
        unknown = {
            site
            for each in (*whole.recipients, *whole.subscriptions)
            for site in each.sites or ()
            if site not in sites
        }
        if unknown:
            raise ConfigError(f"{path}: no such site: {', '.join(sorted(unknown))}")
        return _read(whole, timezone)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file of notices {path} cannot be read: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {mistakes_of(error)}") from error


def _read(whole: _File, timezone: str) -> NoticeFile:
    smtp = whole.smtp
    mail = None
    if smtp is not None:
        given = smtp.model_dump(exclude={"password_file"})
        mail = MailServer(**given, password=_secret(smtp.password_file, 1))
    secrets = {
        each.name: secret
        for each in whole.recipients
        if (secret := _secret(each.secret_file, LEAST_SECRET)) is not None
    }
    return NoticeFile(
        recipients=tuple(each.recipient(timezone) for each in whole.recipients),
        subscriptions=tuple(
            Subscription(
                name=each.name,
                token=each.token_sha256,
                wants=each.selection(),
                language=each.language,
                timezone=timezone,
            )
            for each in whole.subscriptions
        ),
        mail=mail,
        webhook_hosts=frozenset(whole.webhook_hosts),
        secrets=secrets,
        base_url=whole.base_url,
    )


def _secret(path: Path | None, least: int) -> str | None:
    return None if path is None else read_secret(path, least)


def read_secret(path: Path, least: int = LEAST_SECRET) -> str:
    """The secret in a file. Raises ``ConfigError`` for one that is no word, or too short, and
    OSError."""
    text = read_secret_file(path).strip()
    if len(text) < least or re.search(r"\s", text):
        raise ConfigError(f"{path}: a secret is one word of {least} characters or more")
    return text
