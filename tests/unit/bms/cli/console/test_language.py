"""The language of the command line is that of the locale, where it has a catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.cli.console.language import translator_of_locale
from bms.model.fact import Fact
from tests.rigs.catalogues import swedish_beside_the_others


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "da_DK.UTF-8"}, "da"),
        ({"LANG": "da"}, "da"),
        ({"LANG": "da_DK.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "da_DK.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_DK.UTF-8", "LC_ALL": ""}, "en"),
        ({"LANG": "dav_KE"}, "en"),
        ({"LANG": "sv_SE.UTF-8"}, "en"),
    ],
)
def test_it_is_that_of_the_locale(environ: dict[str, str], language: str) -> None:
    assert translator_of_locale(environ=environ).language == language


def test_a_language_with_a_catalogue_is_spoken(tmp_path: Path) -> None:
    folder = swedish_beside_the_others(tmp_path)
    t = translator_of_locale(environ={"LANG": "sv_SE.UTF-8"}, folder=folder)
    assert (t("value"), t("unit"), t.number(1.5, 1)) == ("värde", "unit", "1,5")


def test_a_text_is_described_by_itself() -> None:
    t = translator_of_locale(environ={})
    assert (t.describe("by hand"), t.describe(Fact("of_none"))) == ("by hand", "of_none")
