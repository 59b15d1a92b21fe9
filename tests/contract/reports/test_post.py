"""Reports leave for a folder and for a real mail server, by the job of a running city."""

from __future__ import annotations

import email
import email.policy
import gc
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiosmtpd.controller import Controller

from bms.errors import ConfigError
from bms.model.reporting.request import ReportFormat
from bms.notices.webhook import is_genuine
from bms.runtime.anywhere.orders import with_jobs
from bms.runtime.reporting.file import reports_file
from bms.runtime.work_jobs import reports_job
from bms.services.reporting.deliveries import sent_reports
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.reports import read_csv, read_xlsx
from tests.rigs.web.certificate import self_signed
from tests.rigs.web.webhook import Hook, listening_hook

SECRET = "0123456789abcdef0123456789abcdef"
WALL = 1_700_000_000.0


class Inbox:
    """What a mail server was given, and whether that was over TLS; ``refuse`` is what it answers
    instead of taking it."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.over_tls: list[bool] = []
        self.refuse: str | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse is not None:
            return self.refuse
        self.over_tls.append(session.ssl is not None)
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        self.got.append(found)
        return "250 OK"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    with mail_server(inbox) as found:
        yield found


@contextmanager
def mail_server(inbox: Inbox, **how: Any) -> Iterator[int]:
    """The port of a mail server on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **how)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def a_city(tmp_path: Path, port: int, security: str = "none") -> World:
    path = tmp_path / "reports.yaml"
    path.write_text(
        f"""
reports:
  - name: register
    kind: meters
    every: month
    format: csv
    folder: {tmp_path / "out"}
    email: [energi@example.dk]
mail: {{host: 127.0.0.1, port: {port}, sender: bms@example.dk, security: {security}}}
""",
        "utf-8",
    )
    return a_world(tmp_path, reports=path)


async def test_a_report_goes_once_to_each(tmp_path: Path, inbox: Inbox, port: int) -> None:
    world = a_city(tmp_path, port)
    (job,) = reports_job(with_jobs(world.city))
    await job.run(NOW)
    await job.run(NOW)
    (got,) = inbox.got
    assert got["To"] == "energi@example.dk"
    assert got["Subject"].startswith("Målerfortegnelse: ")
    (attached,) = got.iter_attachments()
    assert attached.get_filename() == "register-2018-12.csv"
    content = attached.get_content()
    whole = content.encode() if isinstance(content, str) else content
    assert read_csv(whole)[0]["Bygning"] == "Hytten"
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "register-2018-12.csv"
    assert read_csv(file.read_bytes()) == read_csv(whole)


async def test_one_that_the_server_refuses_goes_when_it_takes_it(
    tmp_path: Path, inbox: Inbox, port: int
) -> None:
    world = a_city(tmp_path, port)
    (job,) = reports_job(with_jobs(world.city))
    inbox.refuse = "451 try again later"
    await job.run(NOW)
    inbox.refuse = None
    await job.run(NOW)
    await job.run(NOW)
    assert len(inbox.got) == 1


async def test_by_starttls_to_a_server_whose_certificate_is_known(
    tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, context = self_signed(tmp_path)
    with mail_server(inbox, tls_context=context, require_starttls=True) as port:
        world = a_city(tmp_path, port, "starttls")
        (job,) = reports_job(with_jobs(world.city))
        await job.run(NOW)
        assert inbox.got == [], "nobody answers for this certificate"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await job.run(NOW)
    assert [message["To"] for message in inbox.got] == ["energi@example.dk"]
    assert inbox.over_tls == [True]
    with warnings.catch_warnings():  # asyncio leaves the socket of the refused handshake to this
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def test_a_server_without_starttls_gets_nothing(
    tmp_path: Path, inbox: Inbox, port: int
) -> None:
    (job,) = reports_job(with_jobs(a_city(tmp_path, port, "starttls").city))
    await job.run(NOW)
    assert inbox.got == []


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening_hook() as made:
        yield made


def posting(tmp_path: Path, port: int, **changes: str) -> World:
    """A city that posts its register of meters."""
    (tmp_path / "hook.secret").write_text(SECRET)
    text = f"""
reports:
  - name: register
    kind: meters
    every: month
    format: xlsx
    webhook: ["{changes.get("url", f"http://127.0.0.1:{port}/reports")}"]
webhooks: {{hosts: [127.0.0.1], secret_file: {tmp_path / "hook.secret"}}}
"""
    path = tmp_path / "reports.yaml"
    path.write_text(text, "utf-8")
    return a_world(tmp_path, reports=path)


async def test_a_finished_report_is_posted_once_and_signed(tmp_path: Path, hook: Hook) -> None:
    world = posting(tmp_path, hook.port)
    (job,) = reports_job(with_jobs(world.city))
    await job.run(NOW)
    await job.run(NOW)
    ((headers, body),) = hook.got
    assert headers["content-type"] == ReportFormat.XLSX.media_type
    assert headers["content-disposition"] == 'attachment; filename="register-2018-12.xlsx"'
    assert unquote(headers["x-bms-title"]).startswith("Målerfortegnelse: ")
    assert is_genuine(SECRET, headers, body, time.time())
    assert not is_genuine(SECRET, headers, body + b" ", time.time())
    assert read_xlsx(body)[0]["Bygning"] == "Hytten"
    assert sent_reports(world.store, NOW)[0].state == "sent"


async def test_one_that_the_hook_refuses_is_posted_again_under_its_id(
    tmp_path: Path, hook: Hook
) -> None:
    world = posting(tmp_path, hook.port)
    (job,) = reports_job(with_jobs(world.city))
    hook.status = 503
    await job.run(NOW)
    assert f"127.0.0.1:{hook.port} answered 503" in sent_reports(world.store, NOW)[0].detail
    hook.status = 204
    await job.run(NOW)
    (first, _), (second, _) = hook.got
    assert first["x-bms-notice"] == second["x-bms-notice"]


@pytest.mark.parametrize("url", ["http://example.dk/x", "https://example.dk/x", "ftp://127.0.0.1/"])
def test_a_report_is_posted_to_named_hosts_only(tmp_path: Path, url: str) -> None:
    world = posting(tmp_path, 1, url=url)
    assert world.city.settings.reports is not None
    with pytest.raises(ConfigError, match="webhook"):
        reports_file(world.city.settings.reports)


def test_without_a_file_there_is_no_job(tmp_path: Path) -> None:
    assert reports_job(a_world(tmp_path).city) == ()
