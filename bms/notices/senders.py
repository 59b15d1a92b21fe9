"""The ways by which notices go, behind one port."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bms.errors import NoticeError
from bms.model.assets.site import Site
from bms.model.work.notice import Channel
from bms.model.work.recipient import Notice
from bms.notices.file import NoticeFile
from bms.notices.mail import send_mail
from bms.notices.webhook import body_of, send_webhook


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
        body = body_of(notice, self.sites, file.base_url)
        await send_webhook(notice, secret, file.webhook_hosts, body, now_s=self.wall())
