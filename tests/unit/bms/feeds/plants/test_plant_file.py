"""Files of plants are read as they are: names guessed or mapped, units converted."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from bms.errors import ConfigError, FeedError
from bms.faults.observations import Equipment
from bms.faults.signals import Signal
from bms.feeds.plants.column_map import ColumnMap, map_of, read_map
from bms.feeds.plants.plant_file import read_plant

AHU = (
    "Datetime,AHU: Supply Air Temperature,AHU: Return Air Temperature,AHU: Supply Air Fan Status,"
    "AHU: Cooling Coil Valve Control Signal,AHU: Supply Air Duct Static Pressure,"
    "Fault Detection Ground Truth\n"
    "8/28/2007 0:00,75.92,73.86,0,0,0,1\n8/28/2007 0:01,55,73.4,1,50,1.4,1\n"
)
LOOP = (
    "dt,hr,datetime_UTC,sup,ret,flow,hw,oper,t_out\n"
    "2018-01-01,0,2018-01-01T07:00:00Z,NA,NA,NA,NA,NA,10\n"
    "2018-01-01,1,2018-01-01T08:00:00Z,60,40,1.0,83720,1,9.4\n"
)


def written(folder: Path, text: str) -> Path:
    path = folder / "plant.csv"
    path.write_text(text)
    return path


def test_an_air_handler_in_fahrenheit_is_read_in_celsius(tmp_path: Path) -> None:
    plant = read_plant(written(tmp_path, AHU), ColumnMap())
    unit = plant.subjects[0]
    assert unit.equipment is Equipment.AIR_HANDLER
    assert unit.step_s == 60
    np.testing.assert_allclose(unit[Signal.RETURN_AIR_TEMP], [23.2556, 23.0], atol=1e-3)
    assert unit[Signal.COOLING_VALVE].tolist() == [0.0, 0.5]
    assert unit[Signal.PRESSURE][1] == pytest.approx(348.7, abs=0.1)
    assert plant.left == ("Fault Detection Ground Truth",)


def test_flow_and_heat_are_told_by_their_balance(tmp_path: Path) -> None:
    circuit = read_plant(written(tmp_path, LOOP), ColumnMap()).subjects[0]
    assert circuit.equipment is Equipment.HEATING
    assert circuit[Signal.VOLUME][1] == pytest.approx(3.6)
    assert circuit[Signal.HEAT][1] == pytest.approx(83.72)
    assert circuit.moment(0).isoformat() == "2018-01-01T07:00:00+00:00"


def test_a_map_names_columns_units_and_rooms(tmp_path: Path) -> None:
    text = "t,A,B\n2025-01-01T00:00Z,68,21\n2025-01-01T01:00Z,68,21\n"
    mapping = map_of(
        {
            "time": "t",
            "columns": {"A": {"signal": "zone_temp@a", "unit": "degF"}, "B": "zone_temp@b"},
            "settings": {"heat_dkk_kwh": 0.6},
        },
        "map",
    )
    rooms = read_plant(written(tmp_path, text), mapping).subjects[0].rooms[Signal.ZONE_TEMP]
    assert rooms["a"][0] == pytest.approx(20.0)
    assert rooms["b"][0] == 21.0


def test_a_short_map_may_go_either_way() -> None:
    for content in ({"A": "supply_air_temp"}, {"supply_air_temp": "A"}):
        assert map_of(content, "map").columns["A"].signal is Signal.SUPPLY_AIR_TEMP


def test_a_map_with_an_unknown_signal_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="supply_air_temp"):
        map_of({"columns": {"A": "bananas"}}, "map")


def test_meters_of_a_long_table_are_subjects_of_their_own(tmp_path: Path) -> None:
    rows = "".join(
        f"{meter},2025-01-{1 + h // 24:02d}T{h % 24:02d}:00Z,{value}\n"
        for meter, value in (("b1_heat", 5), ("b1_el", 2))
        for h in range(48)
    )
    path = written(tmp_path, "meter_id,timestamp_utc,kwh\n" + rows)
    subjects = read_plant(path, ColumnMap()).subjects
    assert [(each.subject, each.equipment) for each in subjects] == [
        ("b1_heat", Equipment.HEAT_METER),
        ("b1_el", Equipment.ELECTRICITY_METER),
    ]


@pytest.mark.parametrize("text", ["", "a,b\n", "time,a\nx,1\n", "time,zzz\n2025-01-01,1\n"])
def test_a_file_without_sense_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(FeedError):
        read_plant(written(tmp_path, text), ColumnMap())


HEAD = b"time,zone temp\n2025-01-01T00:00Z,20\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"x" * 50,
        gzip.compress(HEAD * 1000)[:-20],
        gzip.compress(b"\n" * 20_000_000, 1),
        HEAD + b'"' + b"a" * 200_000 + b'",1\n',
        b",".join([b"a"] * 300_000) + b"\n" + b"1," * 300_000 + b"\n",
        b'time,zone temp\n"2025\r-01-01T00:00Z,20\n2,3\n',
        b"time,zone temp\n\xed\xa0\x80,1\n",
        b"x" * 100_000 + b",y\n1,2\n",
    ],
    ids=["empty", "damaged", "cut", "bomb", "cell", "columns", "quote", "text", "name"],
)
def test_a_file_that_is_none_is_refused_in_a_few_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plant.csv"
    path.write_bytes(content)
    with pytest.raises(FeedError) as refused:
        read_plant(path, ColumnMap())
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    "more", [b"2025-01-01T01:00Z," + b"9" * 5000, b"\0,\0", b"9999-12-31,1e999"]
)
def test_a_row_that_is_none_spares_the_others(tmp_path: Path, more: bytes) -> None:
    path = tmp_path / "plant.csv"
    path.write_bytes(HEAD + more + b"\n")
    assert read_plant(path, ColumnMap()).subjects


@pytest.mark.parametrize(
    "text",
    [
        "columns: 3",
        "columns: {}\nsettings: 3",
        "columns: {}\ntimezone: ../../etc/passwd",
        "columns: {}\ntimezone: Nowhere/Land",
        "columns: {}\nclosed: 3",
        "columns: {A: &a zone_temp, B: *a}",
    ],
)
def test_a_map_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"map\.yaml"):
        read_map(path)
