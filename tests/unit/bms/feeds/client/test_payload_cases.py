"""Each folder of tests/cases/feeds: what a provider once said, and what has to become of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bms.errors import FeedError
from bms.feeds.client.payload import utc_time
from bms.feeds.electricity import energidata
from bms.feeds.electricity.energidata import AREAS, Prices
from bms.feeds.weather import dmi, metno, open_meteo
from bms.feeds.weather.hourly_forecast import HourlyForecast
from tests.rigs.paths import ROOT

CASES = ROOT / "tests" / "cases" / "feeds"
FOLDERS = sorted(path for path in CASES.iterdir() if path.is_dir())
READERS: dict[str, Callable[[bytes], HourlyForecast | Prices]] = {
    "dmi": dmi.read_forecast,
    "metno": partial(metno.read_forecast, latitude=56.16, longitude=10.2),
    "open_meteo": open_meteo.read_forecast,
    "day_ahead": energidata.read_day_ahead,
}


def known(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]


def told(seen: HourlyForecast | Prices) -> dict[str, Any]:
    if isinstance(seen, HourlyForecast):
        return {
            "first": utc_time(seen.first).isoformat(),
            "temp_out_c": known(seen.temp_out_c),
            "ghi_wm2": known(seen.ghi_wm2),
        }
    parts = {
        area: dict(
            zip(
                [utc_time(at).isoformat() for at in seen.by_area[area].seconds],
                known(seen.by_area[area].values),
                strict=True,
            )
        )
        for area in AREAS
    }
    return {"dkk_per_eur": seen.dkk_per_eur, **parts}


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_what_was_said_becomes_what_is_expected(folder: Path) -> None:
    case = yaml.load((folder / "case.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)
    reader, body = READERS[case.pop("reader")], (folder / "answer.json").read_bytes()
    assert case.pop("what")
    if "refused" in case:
        with pytest.raises(FeedError) as caught:
            reader(body)
        assert case["refused"] in str(caught.value)
        return
    seen = told(reader(body))
    assert case, "a case that expects nothing proves nothing"
    assert {name: seen[name] for name in case} == case


def test_every_folder_is_met() -> None:
    assert len(FOLDERS) >= 8
