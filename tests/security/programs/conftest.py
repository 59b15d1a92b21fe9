"""Programs that are given marked secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs.web.marked_secrets import marked_settings
from tests.rigs.web.webhook import Hook, listening_hook


@pytest.fixture
def hook() -> Iterator[Hook]:
    """What takes no notice, and says so of every question."""
    with listening_hook() as made:
        made.status = 500
        yield made


@pytest.fixture
def settings(tmp_path: Path, hook: Hook) -> dict[str, str]:
    """A secret in everything that takes one; nothing that is asked answers."""
    return marked_settings(tmp_path, hook)
