"""Tariffs against the published numbers of 2026."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.errors import ConfigError, SiteFileError
from bms.feeds.tariffs.book import DATA, TariffBook
from bms.model.planning.heat_charges import TariffNames
from bms.model.readings.series import Series
from bms.ports.feeds import Tariffs
from drivers.templates import load_templates
from sites.loader import load_sites
from tests.rigs.paths import ROOT
from tests.rigs.sentences import danish, english

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
HOUR = timedelta(hours=1)
BOOK = TariffBook.load()
STATE_2026 = 0.043 + 0.072 + 0.008


def local(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=COPENHAGEN).astimezone(UTC)


def price_at(moment: datetime, spot: float = 0.5, book: Tariffs = BOOK) -> float:
    return float(book.electricity("konstant_c", Series(moment, HOUR, np.array([spot]))).values[0])


@pytest.mark.parametrize(
    ("moment", "grid"),
    [
        (local(2026, 1, 14, 18), 0.5449),
        (local(2026, 1, 14, 3), 0.0605),
        (local(2026, 1, 14, 6), 0.1816),
        (local(2026, 1, 14, 16), 0.1816),
        (local(2026, 1, 14, 17), 0.5449),
        (local(2026, 1, 14, 20), 0.5449),
        (local(2026, 1, 14, 21), 0.1816),
        (local(2026, 1, 17, 18), 0.5449),  # a Saturday
        (local(2026, 3, 31, 18), 0.5449),
        (local(2026, 4, 1, 18), 0.2361),
        (local(2026, 7, 1, 12), 0.0908),
        (local(2026, 7, 1, 2), 0.0605),
        (local(2026, 9, 30, 23), 0.0908),
        (local(2026, 10, 1, 23), 0.1816),
    ],
)
def test_electricity_of_2026(moment: datetime, grid: float) -> None:
    assert price_at(moment) == pytest.approx(0.5 + grid + STATE_2026)


def test_the_state_part_changes_with_the_year() -> None:
    assert price_at(local(2027, 1, 14, 18)) == pytest.approx(0.5 + 0.5449 + 0.056 + 0.049 + 0.008)


def test_before_the_first_row_the_first_one_stands_and_the_book_says_so() -> None:
    assert price_at(local(2019, 1, 14, 18)) == price_at(local(2026, 1, 14, 18))
    (note,) = BOOK.notes("konstant_c", local(2019, 1, 14))
    assert note.code == "tariff_before_validity"
    assert "2026-01-01" in danish(note)
    assert "2026-01-01" in english(note)
    assert BOOK.notes("konstant_c", local(2026, 1, 14)) == ()
    assert BOOK.notes("kredslob", local(2022, 1, 1)) == ()


def test_after_the_end_of_the_tax_law_there_is_no_price() -> None:
    assert np.isfinite(price_at(local(2027, 12, 31, 23)))
    assert np.isnan(price_at(local(2028, 1, 1)))


def test_a_gap_in_the_spot_price_stays_a_gap() -> None:
    assert np.isnan(price_at(local(2026, 1, 14), spot=float("nan")))


@pytest.mark.parametrize(("day", "low_hours"), [(29, 5), (30, 6)])
def test_low_hours_follow_the_clock_when_it_changes(day: int, low_hours: int) -> None:
    start = local(2026, 3, day)
    spot = Series(start, timedelta(minutes=15), np.zeros(96))
    grid = BOOK.electricity("konstant_c", spot).values - STATE_2026
    assert (grid[: low_hours * 4] < 0.061).all()
    assert grid[low_hours * 4] == pytest.approx(0.1816)


def test_the_spot_price_is_left_as_it_was() -> None:
    spot = Series(local(2026, 1, 14), HOUR, np.array([0.5, 0.6]))
    total = BOOK.electricity("konstant_c", spot)
    assert spot.values.tolist() == [0.5, 0.6]
    assert (total.start, total.step, len(total)) == (spot.start, spot.step, 2)


def test_heat_costs_the_same_at_every_hour() -> None:
    heat = BOOK.heat("kredslob", local(2019, 1, 14), timedelta(minutes=15), 96)
    assert set(heat.values.tolist()) == {0.52}  # 650 DKK/MWh with 25 % VAT
    factor = BOOK.heat_emissions("kredslob", local(2019, 1, 14), HOUR, 2)
    assert factor.values.tolist() == [0.0457, 0.0457]


def test_unknown_tariffs_are_named_with_the_known_ones() -> None:
    spot = Series(local(2026, 1, 1), HOUR, np.zeros(1))
    with pytest.raises(ConfigError, match="'n1_c'; known: konstant_c"):
        BOOK.electricity("n1_c", spot)
    with pytest.raises(ConfigError, match="known: kredslob"):
        BOOK.heat("oil", spot.start, HOUR, 1)
    with pytest.raises(ConfigError, match="known: kredslob"):
        BOOK.heat_emissions("oil", spot.start, HOUR, 1)
    assert BOOK.notes("oil", spot.start) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("low: [[0, 6]]", "low: [[0, 7]]"),
        ("peak: 0.5449", "peek: 0.5449"),
        ("from: 2026-01-01, flat: 0.043", "flat: 0.043"),
        ("timezone: Europe/Copenhagen", "timezone: [Europe"),
        ("elafgift]", "elafgift, registreringsafgift]"),
    ],
)
def test_a_spoilt_file_is_refused_by_name(tmp_path: Path, old: str, new: str) -> None:
    text = DATA.read_text("utf-8")
    assert old in text
    (tmp_path / "tariffs.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError, match=r"tariffs\.yaml"):
        TariffBook.load(tmp_path / "tariffs.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        TariffBook.load(tmp_path / "none.yaml")


EXAMPLES = ROOT / "sites" / "examples"


class TestSiteFiles:
    def check(self, names: TariffNames, folder: Path = EXAMPLES) -> None:
        load_sites(folder, load_templates(), names)

    def test_the_examples_have_tariffs_that_there_are(self) -> None:
        self.check(TariffBook.load().names)

    def test_an_unknown_tariff_is_a_mistake_with_file_and_line(self, tmp_path: Path) -> None:
        source = next(path for path in EXAMPLES.glob("*.yaml") if "tariffs:" in path.read_text())
        lines = source.read_text("utf-8").splitlines()
        line = next(i for i, text in enumerate(lines) if text.startswith("tariffs:"))
        lines[line : line + 1] = ["tariffs: {electricity: konstant_x, heat: oil}"]
        while lines[line + 1].startswith(" "):
            del lines[line + 1]
        (tmp_path / "site.yaml").write_text("\n".join(lines), "utf-8")
        with pytest.raises(SiteFileError) as caught:
            self.check(TariffBook.load().names, tmp_path)
        first, second = (str(mistake) for mistake in caught.value.mistakes)
        assert f'site.yaml:{line + 1}: there is no electricity tariff "konstant_x"' in first
        assert "known: konstant_c" in first
        assert 'there is no heat tariff "oil"; known: kredslob' in second

    def test_a_usual_tariff_that_is_not_in_the_file_is_one_too(self) -> None:
        with pytest.raises(SiteFileError, match='no electricity tariff "konstant_c"; known: n1_c'):
            self.check(TariffNames(frozenset({"n1_c"}), frozenset({"kredslob"})))
