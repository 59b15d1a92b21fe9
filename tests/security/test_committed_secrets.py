"""Secrets in the tree and in what the history still holds (``make check``)."""

from __future__ import annotations

import random
import secrets
import subprocess
from pathlib import Path

import pytest

from bms.services.api_keys import create_key
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW
from tools.audit.secret_scan import in_line, scan


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a test", "-c", "user.email=test@localhost")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def commit(repository: Path, name: str, text: str) -> None:
    (repository / name).write_text(text)
    git(repository, "add", name)
    git(repository, "commit", "-qm", "a change")


def a_key() -> str:
    return create_key(MemoryStore(), name="x", scope="read", now=NOW, actor="bo")


def test_a_key_in_a_file_is_found_and_not_repeated(repository: Path) -> None:
    key = a_key()
    commit(repository, "notes.md", f"line\nthe key is {key} as ever\n")
    (found,), untold = scan(repository)
    assert (found.place, found.what) == ("notes.md:2", "a key of this product")
    assert key not in repr(found)
    assert untold is None


def test_a_key_that_was_removed_again_is_found_in_the_history(repository: Path) -> None:
    commit(repository, "notes.md", a_key())
    commit(repository, "notes.md", "nothing to see")
    (found,), _ = scan(repository)
    assert found.place.startswith("commit ")


def test_without_a_history_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing")
    found, untold = scan(tmp_path)
    assert found == []
    assert untold is not None
    assert "history was not looked at" in untold


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
        "ghp_" + "a1B2" * 9,
        "AKIA" + "A1B2C3D4E5F6G7H8",
        "url = 'postgresql://" + "bms:hunter2hunter2@db/bms'",
        f"password = '{secrets.token_urlsafe(24)}'",
        f'"api_key": "{random.Random(3).randbytes(20).hex()}"',
    ],
    ids=["private key", "GitHub token", "AWS key", "address", "password", "API key"],
)
def test_what_a_secret_looks_like(line: str) -> None:
    assert list(in_line(line, "here"))


@pytest.mark.parametrize(
    "line",
    [
        "password = os.environ['PASSWORD']",
        "token = 'aaaaaaaaaaaaaaaaaaaaaaaaa'",
        "see https://example.org/path",
        "the secret is kept nowhere",
        "postgresql://{user}:{password}@{host}/bms",
    ],
)
def test_what_is_none(line: str) -> None:
    assert list(in_line(line, "here")) == []
