"""The file of notices: what it says, and which mistakes are named."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.work.finding import Severity
from bms.model.work.item import WorkKind
from bms.model.work.notice import Channel
from bms.notices.file import check_target, read_notice_file
from tests.rigs.work.notices import notice_file

ZONE, SITES = "Europe/Copenhagen", frozenset({"school", "townhall"})
WHOLE = """
base_url: https://bms.example.dk
smtp: {host: mail.example.dk, sender: bms@example.dk}
webhook_hosts: [hooks.example.dk]
recipients:
  - {name: caretakers, role: caretaker, email: drift@example.dk, sites: [school],
     kinds: [fault, data_missing], digest: "06:30", days: [mon, fri], at_once: critical,
     quiet: "21:00-06:00"}
  - {name: helpdesk, webhook: "https://hooks.example.dk/bms", secret_file: SECRET, digest: null,
     at_once: never, language: en}
subscriptions:
  - {name: drift, token_sha256: "%s"}
""" % ("0" * 64)


def test_it_says_who_is_told_and_how(tmp_path: Path) -> None:
    file = read_notice_file(notice_file(tmp_path, WHOLE), ZONE, SITES)
    caretakers, helpdesk = file.recipients
    assert (caretakers.channel, caretakers.address) == (Channel.EMAIL, "drift@example.dk")
    assert caretakers.wants.sites == {"school"}
    assert caretakers.wants.kinds == {WorkKind.FAULT, WorkKind.DATA_MISSING}
    assert (caretakers.digest, caretakers.days) == (time(6, 30), {0, 4})
    assert (caretakers.at_once, caretakers.quiet) == (Severity.CRITICAL, (time(21), time(6)))
    assert (helpdesk.channel, helpdesk.digest, helpdesk.at_once) == (Channel.WEBHOOK, None, None)
    assert file.secrets["helpdesk"].startswith("0123")
    assert "0123" not in repr(file), "no secret in a log"
    assert file.subscriptions[0].token == "0" * 64


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("recipients: [{name: a}]", "give email or webhook"),
        ("recipients: [{name: a, email: x@y.dk}]", "there is no smtp"),
        ("recipients: [{name: a, email: nobody}]", "email"),
        ("recipients: [{name: a, webhook: 'https://h.dk/x'}]", "secret_file"),
        (
            "recipients: [{name: a, webhook: 'https://h.dk/x', secret_file: SECRET}]",
            "webhook_hosts",
        ),
        (
            """{webhook_hosts: [h.dk],
            recipients: [{name: a, webhook: 'http://h.dk/x', secret_file: SECRET}]}""",
            "https",
        ),
        ("smtp: {host: h, sender: a@b.dk, security: none, user: me}", "travel"),
        ("subscriptions: [{name: a, token_sha256: abc}]", "token_sha256"),
        ("recipiens: []", "recipiens"),
        ("recipients: [{name: a, email: x@y.dk, quiet: 'night'}]", "quiet"),
        ("a: [", ":2: is no YAML"),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path: Path, wrong: str, said: str) -> None:
    path = notice_file(tmp_path, wrong)
    with pytest.raises(ConfigError, match=said) as found:
        read_notice_file(path, ZONE, SITES)
    assert "notices.yaml" in str(found.value)


def test_a_site_that_is_none_is_named(tmp_path: Path) -> None:
    text = WHOLE.replace("sites: [school]", "sites: [castle]")
    with pytest.raises(ConfigError, match="castle"):
        read_notice_file(notice_file(tmp_path, text), ZONE, SITES)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.dk.evil.dk/x",
        "https://evil.dk/hooks.example.dk",
        "https://hooks.example.dk@evil.dk/",
        "https://me:secret@hooks.example.dk/",
        "http://169.254.169.254/latest/meta-data",
        "http://hooks.example.dk/",
        "file:///etc/passwd",
        "gopher://hooks.example.dk/",
    ],
)
def test_a_webhook_goes_only_to_hosts_that_the_file_names(url: str) -> None:
    with pytest.raises(ValueError, match=r"webhook|https"):
        check_target(url, frozenset({"hooks.example.dk"}))
