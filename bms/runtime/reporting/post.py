"""How reports go out: into a folder, or by e-mail."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path

from bms.errors import ConfigError
from bms.model.reporting.delivery import Delivery, Way
from bms.runtime.reporting.file import MailSettings

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class FileAndMailPost:
    """Implements ``bms.ports.reports.ReportPost``; ``mail`` is None where no e-mail goes."""

    mail: MailSettings | None

    def send(self, delivery: Delivery, title: str, file: Path) -> None:
        """See ``ReportPost``."""
        if delivery.way is Way.FOLDER:
            put(file, Path(delivery.target))
            return
        if self.mail is None:
            raise ConfigError("there is no 'mail' in the file of reports")
        asyncio.run(_hand_in(message(delivery, title, file, self.mail.sender), self.mail))


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
    name = sha256(delivery.subject.encode()).hexdigest()[:32]
    made["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
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
        raise ConfigError(f"{mail.host}:{mail.port} did not take the e-mail: {error}") from error
