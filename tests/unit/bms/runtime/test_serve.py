"""How a fast run ends: between two ticks. What a home must be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bms.errors import ConfigError
from bms.runtime.fast_run import run_virtual
from bms.runtime.jobs import Job
from bms.runtime.wire import make_home

START = datetime(2019, 1, 14, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


async def test_a_fast_run_stops_between_two_jobs_and_moves_no_further() -> None:
    done: list[datetime] = []
    moved: list[datetime] = []

    async def run(now: datetime) -> None:
        done.append(now)

    async def move_to(moment: datetime) -> None:
        moved.append(moment)

    job = Job("dispatch", QUARTER, run)
    await run_virtual([job], START, START + 8 * QUARTER, move_to, lambda: len(done) == 3)
    assert done == [START, START + QUARTER, START + 2 * QUARTER]
    assert moved == [START + QUARTER, START + 2 * QUARTER]


def test_a_home_below_a_file_is_refused_with_the_way_out(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="BMS_HOME"):
        make_home(tmp_path / "file" / "home")
