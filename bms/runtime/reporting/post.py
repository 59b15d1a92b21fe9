"""How reports go out: into a folder, by e-mail, or to a signed webhook."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

from bms.errors import ConfigError, NoticeError
from bms.model.reporting.delivery import Delivery, Way
from bms.notices.webhook import SignedPost, send_webhook
from bms.runtime.reporting.file import MailSettings, WebhookSettings

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class ReportWays:
    """Implements ``bms.ports.reports.ReportPost``; ``mail`` is None where no e-mail goes,
    ``webhooks`` where nothing is posted. ``wall`` is the time of the wire [epoch s]."""

    mail: MailSettings | None
    webhooks: WebhookSettings | None = None
    wall: Callable[[], float] = time.time

    def send(self, delivery: Delivery, title: str, file: Path) -> None:
        """See ``ReportPost``."""
        if delivery.way is Way.FOLDER:
            put(file, Path(delivery.target))
            return
        if delivery.way is Way.WEBHOOK:
            self._post(delivery, title, file)
            return
        if self.mail is None:
            raise ConfigError("there is no 'mail' in the file of reports")
        asyncio.run(_hand_in(message(delivery, title, file, self.mail.sender), self.mail))

    def _post(self, delivery: Delivery, title: str, file: Path) -> None:
        if self.webhooks is None:
            raise ConfigError("there is no 'webhooks' in the file of reports")
        post = SignedPost(
            url=delivery.target,
            id=delivery.id,
            body=file.read_bytes(),
            media_type=delivery.schedule.form.format.media_type,
            more={
                "content-disposition": f'attachment; filename="{file.name}"',
                "x-bms-title": quote(title),
            },
        )
        hosts = frozenset(self.webhooks.hosts)
        try:
            asyncio.run(send_webhook(post, self.webhooks.secret, hosts, now_s=self.wall()))
        except NoticeError as error:
            raise ConfigError(str(error)) from error


def put(file: Path, folder: Path) -> None:
    """Put a file into a folder, whole or not at all; the same one again takes its own place.

    Others may write to the folder: the name on the way cannot be foreseen, no link is followed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as fresh:
        on_the_way = Path(fresh.name)
        try:
            with file.open("rb") as made:
                shutil.copyfileobj(made, fresh)
            on_the_way.replace(folder / file.name)
        except BaseException:
            on_the_way.unlink(missing_ok=True)
            raise


def message(delivery: Delivery, title: str, file: Path, sender: str) -> EmailMessage:
    """The e-mail with the report; its id is the same however often it is made (RFC 5322, 3.6.4),
    and whoever answers by itself is asked not to (RFC 3834)."""
    made = EmailMessage()
    made["From"] = Address("", addr_spec=sender)
    made["To"] = Address("", addr_spec=delivery.target)
    made["Subject"] = " ".join(title.split())[:150]
    made["Message-ID"] = f"<{delivery.id}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(f"{title}\n")
    kind, _, form = delivery.schedule.form.format.media_type.partition(";")[0].partition("/")
    made.add_attachment(
        file.read_bytes(),
        maintype=kind,
        subtype=form,
        filename=delivery.file_name,
        params={"charset": "utf-8"} if kind == "text" else {},
    )
    return made


async def _hand_in(made: EmailMessage, mail: MailSettings) -> None:
    import aiosmtplib

    try:
        await aiosmtplib.send(
            made,
            hostname=mail.host,
            port=mail.port,
            use_tls=mail.security == "tls",
            start_tls=mail.security == "starttls",
            username=mail.user,
            password=mail.password,
            timeout=TIMEOUT_S,
        )
    except (aiosmtplib.SMTPException, ValueError) as error:
        await asyncio.sleep(0)  # what was refused at the handshake is closed by the loop
        raise ConfigError(f"{mail.host}:{mail.port} did not take the e-mail: {error}") from error
