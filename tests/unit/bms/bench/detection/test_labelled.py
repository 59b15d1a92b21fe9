"""Labelled days of a real air handler, and real heating systems."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from bms.bench.detection.figures import SYSTEMS, THIRD_STAGE
from bms.bench.detection.labelled import Days, labelled_days, system_years

FILE = os.environ.get("BMS_LABELLED_AHU", "")


@pytest.mark.skipif(
    not FILE or not Path(FILE).is_file(),
    reason="BMS_LABELLED_AHU names no file; the licence of the labelled days is not stated, so "
    "that they are not in the repository",
)
def test_the_labelled_days_are_found_and_the_others_left_in_peace() -> None:
    days = labelled_days(Path(FILE))
    for reading in (days.moved(THIRD_STAGE), days.without(THIRD_STAGE)):
        assert reading.found == len(reading.faulted)
        assert reading.disturbed <= 1


def test_days_can_be_read_in_two_ways() -> None:
    one, two, three = (date(2007, 8, day) for day in (28, 29, 30))
    days = Days(frozenset({one}), frozenset({two, three}), frozenset({one, three}))
    assert (days.found, days.disturbed) == (1, 1)
    assert (days.moved([three]).found, days.moved([three]).disturbed) == (2, 0)
    assert days.without([three]).disturbed == 0


@pytest.mark.parametrize(("system", "most"), [("system_105", 10.0), ("system_127", 4.0)])
def test_a_real_heating_system_gives_few_findings(system: str, most: float) -> None:
    findings, years = system_years(SYSTEMS / f"{system}.csv.gz")
    assert len(findings) / max(years, 1.0) <= most
