"""The bars of a ranking: every building, its peers' median, and words for those who do not see."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bms.messages import translator
from bms.reports.ranking_chart import RankingBar, ranking_bars
from bms.reports.text import ChartText

TEXT = ChartText(
    title="Varme <m²>", description="Skolen: 120", translator=translator("da", "Europe/Copenhagen")
)
UNIT = "kWh/m²"


def bar(name: str, value: float, median: float | None) -> RankingBar:
    return RankingBar(name=name, value=value, median=median, beside=f"{value:.0f} kWh/m²")


def groups(drawing: str) -> list[ElementTree.Element]:
    """The bars: groups with a title."""
    name = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(drawing)
    return [g for g in root.iter(f"{name}g") if g.find(f"{name}title") is not None]


def test_every_building_has_its_bar_and_words() -> None:
    drawing = ranking_bars([bar("Skolen & co", 120, 100), bar("Hallen", 80, 110)], TEXT, unit=UNIT)
    titles = [group[0].text for group in groups(drawing)]
    assert titles == ["Skolen & co: 120 kWh/m²", "Hallen: 80 kWh/m²"]
    assert "Varme &lt;m²&gt;" in drawing


@pytest.mark.parametrize(
    ("value", "lowest_is_best", "worse"),
    [
        (120, True, True),
        (80, True, False),
        (100, True, False),
        (120, False, False),
        (80, False, True),
    ],
)
def test_worse_than_the_median_is_seen(value: float, lowest_is_best: bool, worse: bool) -> None:
    drawing = ranking_bars([bar("x", value, 100)], TEXT, unit=UNIT, lowest_is_best=lowest_is_best)
    (group,) = groups(drawing)
    assert ("f-more" in group[1].attrib["class"]) is worse


def test_longer_bars_are_larger_values_and_without_peers_there_is_no_stroke() -> None:
    first, second = groups(ranking_bars([bar("a", 50, None), bar("b", 100, 75)], TEXT, unit=UNIT))
    assert float(second[1].attrib["width"]) == pytest.approx(
        2 * float(first[1].attrib["width"]), rel=0.01
    )
    assert (len(first), len(second)) == (2, 3)


def test_nothing_to_draw_is_still_a_drawing() -> None:
    assert groups(ranking_bars([], TEXT, unit=UNIT)) == []
    assert groups(ranking_bars([bar("a", 0.0, 0.0)], TEXT, unit=UNIT))
