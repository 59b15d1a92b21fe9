"""What a guard is started with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bms.errors import GuardError
from bms.services.guard.launcher import GuardLauncher

SAYS = "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))"


async def _said(tmp_path: Path, **more: str) -> list[str]:
    told = tmp_path / "told.json"
    command = (sys.executable, "-c", SAYS, str(told))
    keeper = GuardLauncher(tmp_path / "release.journal", None, command, deadline_s=20, **more)
    with pytest.raises(GuardError):  # it guards nothing, it only tells
        await keeper.ensure()
    found = json.loads(told.read_text())
    assert isinstance(found, list)
    return found


async def test_the_guard_is_told_the_zone(tmp_path: Path) -> None:
    said = await _said(tmp_path, timezone="Atlantic/Faroe")
    assert said[said.index("--timezone") + 1] == "Atlantic/Faroe"
