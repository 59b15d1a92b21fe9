"""Notices over real sockets: a mail server and a web server on loopback."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from bms.errors import NoticeError
from bms.model.fact import fact
from bms.model.work.notice import Occasion
from bms.model.work.recipient import Notice
from bms.notices.file import read_notice_file
from bms.notices.senders import FileSender
from bms.notices.webhook import TOLERANCE_S, is_genuine
from bms.services.work.notify import a_test
from bms.services.work.sources.data import DataCode
from tests.rigs.fakes.city import lodge
from tests.rigs.web.webhook import Hook, listening_hook
from tests.rigs.work.notices import notice_file
from tests.rigs.work.rows import a_cause, a_work_item

NOW = datetime(2019, 1, 14, 8, 0, tzinfo=UTC)
SITES = {"lodge": lodge()}
WHAT = fact(DataCode.METER_MISSING, meter="41\r\nBcc: all@example.dk", since=None)
ITEM = a_work_item("w1", cause=a_cause(what=WHAT, look_for=fact(DataCode.LOOK_AT_SUPPLIER)))
SECRET = "0123456789abcdef0123456789abcdef"
WALL = 1_700_000_000.0


class Mailbox:
    """What a mail server has taken; ``refuse`` is what it answers instead."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.refuse: str | None = None

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse is not None:
            return self.refuse
        made = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.got.append(made)
        self.to.append(envelope.rcpt_tos)
        return "250 taken"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    made = Mailbox()
    controller = Controller(made, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield made, controller.port
    controller.stop()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening_hook() as made:
        yield made


def a_sender(folder: Path, mail: int = 1, hook: int = 1) -> FileSender:
    text = f"""
base_url: https://bms.example.dk
smtp: {{host: 127.0.0.1, port: {mail}, security: none, sender: bms@example.dk}}
webhook_hosts: [127.0.0.1]
recipients:
  - {{name: caretakers, email: drift@example.dk}}
  - {{name: helpdesk, webhook: "http://127.0.0.1:{hook}/bms", secret_file: SECRET}}
"""
    file = read_notice_file(notice_file(folder, text), "Europe/Copenhagen", frozenset(SITES))
    return FileSender(file, SITES, wall=lambda: WALL)


def a_notice(sender: FileSender, to: str, occasion: Occasion = Occasion.AT_ONCE) -> Notice:
    recipient = sender.file.named(to)
    return Notice(
        id="n1", at=NOW, recipient=recipient, occasion=occasion, new=(ITEM,), open=(ITEM,)
    )


async def test_an_e_mail_arrives_with_what_where_and_what_to_look_for(
    mailbox: tuple[Mailbox, int], tmp_path: Path
) -> None:
    box, port = mailbox
    sender = a_sender(tmp_path, mail=port)
    await sender.send(a_notice(sender, "caretakers"))
    await sender.send(a_test(sender.file.named("caretakers"), NOW))
    (message, test) = box.got
    text = message.get_content()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Bcc"] is None
    assert box.to[0] == ["drift@example.dk"]
    assert "https://bms.example.dk/work-list/w1" in text
    assert "4.000 kr" in text
    assert "Spørg leverandøren" in text
    assert "Prøve" in test["Subject"]


async def test_a_mail_server_that_refuses_or_is_away_says_so(
    mailbox: tuple[Mailbox, int], tmp_path: Path
) -> None:
    box, port = mailbox
    box.refuse = "550 no such mailbox"
    sender = a_sender(tmp_path, mail=port)
    with pytest.raises(NoticeError, match="no such mailbox"):
        await sender.send(a_notice(sender, "caretakers"))
    away = a_sender(tmp_path, mail=9)
    with pytest.raises(NoticeError, match=r"127\.0\.0\.1:9"):
        await away.send(a_notice(away, "caretakers"))


async def test_a_webhook_is_signed_and_nobody_can_send_it_again_later(
    hook: Hook, tmp_path: Path
) -> None:
    sender = a_sender(tmp_path, hook=hook.port)
    await sender.send(a_notice(sender, "helpdesk"))
    ((headers, body),) = hook.got
    told = json.loads(body)
    assert (told["id"], told["occasion"], told["open"]) == ("n1", "at_once", 1)
    assert told["items"][0]["dkk_year"] == 4000.0
    assert headers["x-bms-notice"] == "n1"
    assert is_genuine(SECRET, headers, body, WALL + 10)
    assert not is_genuine(SECRET, headers, body, WALL + TOLERANCE_S + 1)
    assert not is_genuine(SECRET, headers, body + b" ", WALL)
    assert not is_genuine("another secret", headers, body, WALL)
    later = {**headers, "x-bms-timestamp": str(int(WALL) + 60)}
    assert not is_genuine(SECRET, later, body, WALL + 60)


@pytest.mark.parametrize("status", [302, 307, 401, 500])
async def test_a_webhook_that_is_not_taken_says_so_and_follows_nobody(
    hook: Hook, tmp_path: Path, status: int
) -> None:
    hook.status = status
    sender = a_sender(tmp_path, hook=hook.port)
    with pytest.raises(NoticeError, match=str(status)):
        await sender.send(a_notice(sender, "helpdesk"))
    assert len(hook.got) == 1


async def test_a_webhook_that_is_away_says_so(tmp_path: Path) -> None:
    sender = a_sender(tmp_path, hook=9)
    with pytest.raises(NoticeError, match=r"127\.0\.0\.1:9"):
        await sender.send(a_notice(sender, "helpdesk"))
