"""The home of the live demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.cli.system.demo import HOME, fresh_home
from bms.demo.city import demo_settings
from bms.errors import ConfigError
from bms.runtime.ownership import alone


def test_w02_the_home_of_a_demo_that_runs_is_not_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fresh_home()
    journal = HOME / "release.journal"
    with alone(demo_settings(HOME)):
        journal.write_text("what is held")
        with pytest.raises(ConfigError, match=r"process .* works with .*release.journal already"):
            fresh_home()
    assert journal.read_text() == "what is held"
    fresh_home()
    assert not journal.exists()
