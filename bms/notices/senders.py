"""The ways by which notices go, behind one port."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from bms.errors import NoticeError
from bms.model.assets.site import Site
from bms.model.work.notice import Channel
from bms.model.work.recipient import Notice
from bms.notices.file import MailServer, NoticeFile, Security
from bms.notices.texts import subject, text
from bms.notices.webhook import SignedPost, body_of, send_webhook

TIMEOUT_S = 20.0
LONGEST_SUBJECT = 150


def message_of(
    notice: Notice, server: MailServer, sites: Mapping[str, Site], base_url: str | None
) -> EmailMessage:
    """The message; whoever answers by itself is asked not to (RFC 3834)."""
    made = EmailMessage()
    made["From"] = Address("", addr_spec=server.sender)
    made["To"] = Address("", addr_spec=notice.recipient.address)
    made["Subject"] = " ".join(subject(notice, sites).split())[:LONGEST_SUBJECT]
    made["Date"] = format_datetime(notice.at)
    made["Message-ID"] = f"<{notice.id}@{server.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text(notice, sites, base_url))
    return made


async def send_mail(
    notice: Notice, server: MailServer, sites: Mapping[str, Site], base_url: str | None
) -> None:
    """Hand the message in. Raises ``NoticeError`` with what the server said."""
    import aiosmtplib

    message = message_of(notice, server, sites, base_url)
    try:
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            username=server.user,
            password=server.password,
            timeout=TIMEOUT_S,
        )
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise NoticeError(f"{server.host}:{server.port}: {error}") from error


@dataclass(frozen=True, slots=True)
class FileSender:
    """Implements ``NoticeSender`` by the file of notices. ``wall`` is the time of the wire [epoch
    s]: whoever receives a webhook compares it with their own."""

    file: NoticeFile
    sites: Mapping[str, Site]
    wall: Callable[[], float] = time.time

    async def send(self, notice: Notice) -> None:
        """See ``NoticeSender``."""
        file, recipient = self.file, notice.recipient
        if recipient.channel is Channel.EMAIL:
            if file.mail is None:
                raise NoticeError("there is no smtp in the file of notices")
            await send_mail(notice, file.mail, self.sites, file.base_url)
            return
        secret = file.secrets.get(recipient.name)
        if secret is None:
            raise NoticeError(f"{recipient.name} has no secret; a webhook is signed")
        post = SignedPost(
            url=recipient.address,
            id=notice.id,
            body=body_of(notice, self.sites, file.base_url),
            media_type="application/json; charset=utf-8",
        )
        await send_webhook(post, secret, file.webhook_hosts, now_s=self.wall())
