"""The picture of what a plan knew: the fan, the steps of the price, and what came."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bms.messages import translator
from bms.reports.knowledge_chart import KnownThen, knowledge_chart
from bms.reports.text import ChartText

TIMES = [datetime(2026, 1, 14, 10, tzinfo=UTC) + timedelta(minutes=15) * i for i in range(48)]
NONE = (None,) * 48


def drawn(width: float = 720.0, **known: object) -> str:
    values: dict[str, object] = {
        "times": TIMES,
        "temp_out_c": (1.0,) * 48,
        "spread_k": (0.5,) * 48,
        "came_c": (*(1.2,) * 20, *(None,) * 28),
        "price": (0.5,) * 48,
        "price_now": NONE,
        **known,
    }
    text = ChartText(
        title="Known", description="d", translator=translator("da", "Europe/Copenhagen")
    )
    return knowledge_chart(KnownThen(**values), text, width)  # type: ignore[arg-type]


def test_it_has_the_fan_both_lines_and_their_words() -> None:
    image = drawn()
    assert image.count('class="area f-band"') == 2, "the fan, and its swatch"
    for word in (
        "som planen regnede med",
        "her ligger fire af fem",
        "som det kom",
        "DKK/kWh",
        "°C",
    ):
        assert word in image


def test_without_a_record_there_is_no_fan() -> None:
    assert drawn(spread_k=NONE).count('class="area f-band"') == 1
    assert drawn(spread_k=()).count('class="area f-band"') == 1


@pytest.mark.parametrize("width", [360.0, 720.0])
def test_nothing_known_draws_without_a_line(width: float) -> None:
    nothing = dict.fromkeys(("temp_out_c", "spread_k", "came_c", "price"), NONE)
    image = drawn(width, **nothing)
    assert "nan" not in image.lower()
    assert image.startswith("<svg")


def test_a_plan_without_steps_draws_empty_frames() -> None:
    assert drawn(**dict.fromkeys(KnownThen.__slots__, ())).startswith("<svg")


def test_labels_of_time_do_not_touch_on_a_phone() -> None:
    """Two days on 380 px: a label has at most 7 px a sign."""
    times = [TIMES[0] + timedelta(minutes=15) * i for i in range(192)]
    values = dict.fromkeys(("temp_out_c", "spread_k", "came_c", "price", "price_now"), (1.0,) * 192)
    image = drawn(380.0, times=times, **values)
    labels = re.findall(r'x="([\d.]+)"[^>]*>([^<]*(?:\d/\d|:00)[^<]*)<', image)
    assert len(labels) >= 2
    spans = sorted((float(x) - 3.5 * len(word), float(x) + 3.5 * len(word)) for x, word in labels)
    assert all(end < start for (_, end), (start, _) in pairwise(spans))
