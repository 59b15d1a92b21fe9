"""Whatever bytes come in, every reader gives hours or raises FeedError, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.errors import FeedError
from bms.feeds.client.payload import Samples
from bms.feeds.electricity import energidata, entsoe, nordpool
from bms.feeds.electricity.energidata import Prices
from bms.feeds.tariffs import datahub_pricelist
from bms.feeds.tariffs.datahub_pricelist import PriceRow
from bms.feeds.weather import dmi, metno, open_meteo
from bms.feeds.weather.dmi import Station
from bms.feeds.weather.hourly_forecast import HourlyForecast
from tests.rigs.examples import examples
from tests.rigs.feeds.server import PAYLOADS, payload

Reader = Callable[[bytes], object]

READERS: dict[str, tuple[Reader, str]] = {
    "dmi_coverage": (dmi.read_forecast, "dmi_edr_position_harmonie_dini_sf_coveragejson"),
    "dmi_features": (dmi.read_forecast, "dmi_edr_position_geojson"),
    "dmi_stations": (
        partial(dmi.read_stations, latitude=56.0, longitude=10.0),
        "dmi_metobs_observation",
    ),
    "dmi_observations": (
        partial(dmi.read_observations, parameter="temp_dry"),
        "dmi_metobs_observation",
    ),
    "metno": (
        partial(metno.read_forecast, latitude=56.0, longitude=10.0),
        "metno_locationforecast_compact",
    ),
    "open_meteo": (open_meteo.read_forecast, "openmeteo_forecast_hourly"),
    "day_ahead": (energidata.read_day_ahead, "eds_DayAheadPrices_2025-11-05"),
    "elspot": (energidata.read_elspot, "eds_DayAheadPrices_2025-11-05"),
    "nordpool": (nordpool.read_prices, "nordpool_prices_MADE_UP"),
    "emissions": (
        partial(energidata.read_emissions, name="CO2Emis"),
        "eds_CO2EmisProg_SYNTHETIC_VALUES",
    ),
    "pricelist": (datahub_pricelist.read_pricelist, "eds_DatahubPricelist_Konstant_Energinet"),
}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**310),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["2026-01-01T00:00:00Z", "9999-12-31T23:59:59", "0001-01-01", "2026-W01-1"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def slim(name: str) -> Any:
    """A recorded answer with few rows, so that every part of it is met."""
    answer = json.loads(payload(name))
    for rows in ("records", "features"):
        if rows in answer:
            answer[rows] = answer[rows][:4]
            answer["total"] = len(answer[rows])
    return answer


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value inside a JSON value."""
    if isinstance(value, dict):
        inner = [place for key in value for place in places(value[key], (*at, key))]
    elif isinstance(value, list):
        inner = [place for i, one in enumerate(value) for place in places(one, (*at, i))]
    else:
        inner = []
    return [at, *inner] if at else inner


def sound(result: object) -> None:
    """What came out can be used: finite or NaN, in order, in range."""
    match result:
        case HourlyForecast(temp_out_c=temp, ghi_wm2=ghi):
            assert len(temp) == len(ghi)
            known = ghi[np.isfinite(ghi)]
            assert ((known >= 0) & (known <= 1400)).all()
            assert np.isfinite(temp).any()
            assert (np.abs(temp[np.isfinite(temp)]) <= 60).all()
        case Samples(seconds=seconds, values=values):
            assert (np.diff(seconds) > 0).all()
            assert not np.isinf(values).any()
        case Prices(by_area=by_area):
            for part in by_area.values():
                sound(part)
        case tuple():
            for row in result:
                assert isinstance(row, Station | PriceRow)
        case dict():
            for part in result.values():
                sound(part)
        case other:
            pytest.fail(f"{type(other)} is no answer")


def taken_or_refused(reader: Reader, body: bytes) -> None:
    try:
        result = reader(body)
    except FeedError:
        return
    sound(result)


@pytest.mark.parametrize("name", READERS)
class TestAnyBytes:
    @given(body=st.binary(max_size=200))
    @settings(max_examples=examples(30), deadline=None)
    def test_noise(self, name: str, body: bytes) -> None:
        taken_or_refused(READERS[name][0], body)

    @given(value=ANYTHING)
    @settings(max_examples=examples(30), deadline=None)
    def test_any_json(self, name: str, value: object) -> None:
        taken_or_refused(READERS[name][0], json.dumps(value).encode())

    @given(data=st.data())
    @settings(
        max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    def test_a_real_answer_with_something_else_in_it(self, name: str, data: st.DataObject) -> None:
        reader, recorded = READERS[name]
        answer = slim(recorded)
        for _ in range(data.draw(st.integers(1, 3))):
            *way, last = data.draw(st.sampled_from(places(answer)))
            part = answer
            for key in way:
                part = part[key]
            part[last] = data.draw(ANYTHING)
        taken_or_refused(reader, json.dumps(answer).encode())

    @given(data=st.data())
    @settings(max_examples=examples(30), deadline=None)
    def test_a_real_answer_with_bytes_changed_or_cut(self, name: str, data: st.DataObject) -> None:
        reader, recorded = READERS[name]
        body = bytearray(json.dumps(slim(recorded)).encode())
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        taken_or_refused(reader, bytes(body[: data.draw(st.integers(0, len(body)))]))


ENTSOE = (PAYLOADS / "entsoe_a44_DK1_MADE_UP.xml").read_bytes()


class TestXml:
    @given(body=st.binary(max_size=200))
    @settings(max_examples=examples(30), deadline=None)
    def test_noise(self, body: bytes) -> None:
        taken_or_refused(entsoe.read_prices, body)

    @given(data=st.data())
    @settings(max_examples=examples(100), deadline=None)
    def test_a_real_answer_with_bytes_changed_or_cut(self, data: st.DataObject) -> None:
        body = bytearray(ENTSOE)
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        taken_or_refused(entsoe.read_prices, bytes(body[: data.draw(st.integers(0, len(body)))]))

    @given(data=st.data())
    @settings(max_examples=examples(60), deadline=None)
    def test_a_real_answer_with_another_text_in_it(self, data: st.DataObject) -> None:
        texts = sorted(set(re.findall(rb">([^<>]+)<", ENTSOE)))
        before = data.draw(st.sampled_from(texts))
        after = data.draw(
            st.sampled_from([b"", b"-1", b"1e999", b"nan", b"9999-12-31T23:59Z", b"0001-01-01"])
            | st.integers().map(lambda n: str(n).encode())
        )
        taken_or_refused(entsoe.read_prices, ENTSOE.replace(before, after))

    def test_a_position_that_is_left_out_has_the_price_before_it(self) -> None:
        (samples,) = entsoe.read_prices(ENTSOE).values()
        assert samples.values.tolist() == [100.0, 110.0, 110.0, 110.0, -5.0, -5.0, -5.0, -5.0]


def test_the_recorded_answers_are_taken() -> None:
    """Refusing everything would pass the rest."""
    for name, (reader, recorded) in READERS.items():
        if name != "elspot":
            sound(reader(payload(recorded)))
