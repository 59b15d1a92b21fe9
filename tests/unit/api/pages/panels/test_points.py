"""The levers of a plan in the words of people."""

from __future__ import annotations

import pytest

from api.pages.language import PageTranslator
from api.pages.panels.points import value_text, what_of
from bms.model.readings.units import Unit
from tests.rigs.fakes.ventilation import FLOW, RUN, SUPPLY, airy_lodge

SITE = airy_lodge()


@pytest.mark.parametrize(
    ("point", "language", "called"),
    [
        (RUN, "en", "Ventilation, ahu1"),
        (FLOW, "en", "Air flow, ahu1"),
        (FLOW, "da", "Luftmængde, ahu1"),
        (SUPPLY, "en", "Supply air, ahu1"),
        (SUPPLY, "da", "Indblæsning, ahu1"),
        ("lodge/nothing", "en", "nothing"),
    ],
)
def test_every_lever_has_a_name(point: str, language: str, called: str) -> None:
    assert what_of(point, SITE, PageTranslator(language)) == called


def test_a_flow_is_told_in_percent() -> None:
    assert value_text(45.0, Unit.PERCENT, PageTranslator("en")) == "45.0 %"
    assert value_text(16.5, Unit.DEG_C, PageTranslator("en")) == "16.5 °C"
