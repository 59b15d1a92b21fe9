"""What a read-back that differs says about the device."""

from __future__ import annotations

import pytest

from drivers.fieldbus.read_back import step_taken


@pytest.mark.parametrize(
    ("written", "read_back", "step"),
    [
        (21.3, 21.5, 0.5),
        (21.3, 21.0, 0.5),  # cut off, not rounded
        (21.26, 21.3, 0.1),
        (21.3, 21.25, 0.25),
        (21.5, 22.0, 1.0),
        (43.0, 45.0, 5.0),
        (21.5, 21.5, None),
        (21.3, 25.0, None),
        (21.0, 19.0, None),
        (21.3, None, None),
        (-1.3, -1.5, 0.5),
    ],
)
def test_the_next_step_of_a_device_is_told_from_a_refusal(
    written: float, read_back: float | None, step: float | None
) -> None:
    assert step_taken(written, read_back) == step
