"""Reports leave for a folder and for a real mail server, by the job of a running city."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from bms.runtime.anywhere.orders import with_jobs
from bms.runtime.work_jobs import reports_job
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.reports import read_csv


class Inbox:
    """What a mail server was given; ``refuse`` is what it answers instead of taking it."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.refuse: str | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse is not None:
            return self.refuse
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        self.got.append(found)
        return "250 OK"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def a_city(tmp_path: Path, port: int) -> World:
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
mail: {{host: 127.0.0.1, port: {port}, sender: bms@example.dk, security: none}}
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


def test_without_a_file_there_is_no_job(tmp_path: Path) -> None:
    assert reports_job(a_world(tmp_path).city) == ()
