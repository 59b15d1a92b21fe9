"""What is told of work that takes time, where there is no terminal."""

from __future__ import annotations

import io

import pytest

from bms.cli.console.progress import ProgressLines, progress_bars


def lines_of(*reports: tuple[float, str, float]) -> list[str]:
    """The lines after reports of (time, what, share)."""
    out, now = io.StringIO(), [0.0]
    told = ProgressLines(out, lambda: now[0])
    for at, what, share in reports:
        now[0] = at
        told(what, share)
    return out.getvalue().splitlines()


def test_what_takes_long_is_told_now_and_then_and_at_its_end() -> None:
    assert lines_of(
        (0, "past", 0.0), (1, "past", 0.01), (3, "past", 0.02), (10, "past", 0.2), (19, "past", 0.4)
    ) == ["Simulating the time before: 2%", "Simulating the time before: 40%"]
    assert lines_of((0, "days", 0.0), (3, "days", 0.5), (4, "days", 1.0), (5, "days", 1.0)) == [
        "Running the days: 50%",
        "Running the days: 100%",
    ]


def test_what_is_done_at_once_needs_no_line() -> None:
    assert lines_of((0, "models", 0.0), (1.5, "models", 1.0), (30, "models", 1.0)) == []


def test_kinds_of_work_are_told_apart() -> None:
    found = lines_of((0, "past", 0.0), (0, "own", 0.0), (3, "own", 0.1), (3, "past", 0.3))
    assert found == ["own: 10%", "Simulating the time before: 30%"]


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_is_told_where_nobody_asks(quiet: bool, capsys: pytest.CaptureFixture) -> None:
    with progress_bars(quiet=quiet) as report:
        report("past", 0.5)
    assert capsys.readouterr().err == ""
