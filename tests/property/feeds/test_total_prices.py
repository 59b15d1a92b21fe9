"""Total prices of electricity on every day of a year, against a computation that shares nothing
with ours: for the shipped grid company, and for a tariff that is invented."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.feeds.tariffs.book import TariffBook
from bms.model.readings.series import Series

QUARTER = timedelta(minutes=15)
ZONE = ZoneInfo("Europe/Copenhagen")
INVENTED = """
# INVENTED: no company charges this
timezone: Europe/Copenhagen
electricity: {island: [grid, levy, tax]}
parts:
  grid:
    - from: 2026-01-01
      winter: {night: 0.11, day: 0.37}
      summer: {night: 0.07, day: 0.19}
      source: invented
    - from: 2026-03-29
      winter: {night: 0.13, day: 0.41}
      summer: {night: -0.02, day: 0.23}
      source: invented
    - {from: 2026-10-25, flat: 0.29, source: invented}
  levy:
    - {from: 2026-01-01, flat: 0.05, source: invented}
    - {from: 2026-07-01, flat: 0.08, source: invented}
  tax:
    - {from: 2026-01-01, flat: 0.761, source: invented}
    - {from: 2026-12-31, flat: 0.008, source: invented}
bands: {night: [[0, 7], [22, 24]], day: [[7, 22]]}
heat: {none: [{from: 2026-01-01, flat: 0.5, source: invented}]}
heat_emissions: {none: [{from: 2026-01-01, flat: 0.05, source: invented}]}
"""


def konstant(local: datetime) -> float:
    """Nettarif C, transmission, system and tax of 2026 [DKK/kWh], as they are printed."""
    winter = local.month in (1, 2, 3, 10, 11, 12)
    if local.hour < 6:
        grid = 0.0605
    elif 17 <= local.hour < 21:
        grid = 0.5449 if winter else 0.2361
    else:
        grid = 0.1816 if winter else 0.0908
    return grid + 0.043 + 0.072 + 0.008


def island(local: datetime) -> float:
    """The invented one [DKK/kWh]."""
    day, by_day = local.date(), 7 <= local.hour < 22
    winter = not 4 <= local.month <= 9
    if day < date(2026, 3, 29):
        grid = 0.37 if by_day else 0.11
    elif day < date(2026, 10, 25):
        grid = (0.41 if by_day else 0.13) if winter else (0.23 if by_day else -0.02)
    else:
        grid = 0.29
    levy = 0.05 if day < date(2026, 7, 1) else 0.08
    tax = 0.761 if day < date(2026, 12, 31) else 0.008
    return grid + levy + tax


def days() -> Iterator[tuple[datetime, datetime]]:
    """Every local day of 2026, three of them with another length, in UTC."""
    day = date(2026, 1, 1)
    while day.year == 2026:
        after = day + timedelta(days=1)
        yield tuple(  # type: ignore[misc]
            datetime(each.year, each.month, each.day, tzinfo=ZONE).astimezone(UTC)
            for each in (day, after)
        )
        day = after


@pytest.mark.parametrize(("tariff", "printed"), [("konstant_c", konstant), ("island", island)])
def test_every_quarter_of_a_year_is_right(
    tariff: str, printed: Callable[[datetime], float], tmp_path: Path
) -> None:
    invented = tmp_path / "tariffs.yaml"
    invented.write_text(INVENTED)
    book = TariffBook.load(invented) if tariff == "island" else TariffBook.load()
    lengths, quarters = set(), 0
    for start, end in days():
        n = int((end - start) / QUARTER)
        spot = np.sin(np.arange(n) / 7.0) + quarters % 13 / 10.0
        expected = [spot[i] + printed((start + QUARTER * i).astimezone(ZONE)) for i in range(n)]
        seen = book.electricity(tariff, Series(start, QUARTER, spot)).values
        np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12, err_msg=str(start))
        lengths.add(n)
        quarters += n
    assert lengths == {92, 96, 100}
    assert quarters == 365 * 96


@pytest.mark.parametrize(("tariff", "printed"), [("konstant_c", konstant)])
def test_a_plan_over_a_change_is_right_on_both_sides(
    tariff: str, printed: Callable[[datetime], float]
) -> None:
    book = TariffBook.load()
    for start in (datetime(2026, 3, 31, 10, tzinfo=UTC), datetime(2026, 9, 30, 10, tzinfo=UTC)):
        n = 72 * 4
        expected = [printed((start + QUARTER * i).astimezone(ZONE)) for i in range(n)]
        seen = book.electricity(tariff, Series(start, QUARTER, np.zeros(n))).values
        np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12)
