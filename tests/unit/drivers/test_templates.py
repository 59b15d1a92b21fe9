"""Device templates: what a file says is kept, and every mistake in one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.assets.address import BacnetAddress, DataType, ModbusAddress, Order, Table
from drivers.templates import load_templates

TEMPLATE = """
model: M
maker: K
source: a data sheet
tested_on_hardware: false
modbus:
  max_registers: 40
  pause_s: 0.1
  word_order: little
  ranges: [{table: holding, first: 0, last: 99}]
registers:
  setpoint: {table: holding, address: 5, type: int32, unit: degC, writes_per_day: 10}
  flag: {table: holding, address: 9, mask: 0xF0, shift: 4, unit: "1", unverified: true}
  power: {table: holding, model: 103, address: 14, exponent: 15, word_order: big, unit: kW}
texts:
  serial_number: {table: holding, address: 60, registers: 8}
"""


def test_a_template_keeps_its_honesty_sheet(tmp_path: Path) -> None:
    (tmp_path / "k_m.yaml").write_text(TEMPLATE)
    template = load_templates(tmp_path)["k_m"]
    assert (template.maker, template.model, template.source) == ("K", "M", "a data sheet")
    assert [name for name, point in template.items() if point.unverified] == ["flag"]
    power = template["power"].address
    assert isinstance(power, ModbusAddress)
    assert (power.model, power.exponent, power.word_order) == (103, 15, Order.BIG)
    assert template.texts["serial_number"].registers == 8


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        ("last: 99", "last: -1", "last"),
        ("first: 0, last: 99", "first: 9, last: 3", "at most `last`"),
        ("max_registers: 40", "max_registers: 200", "less than or equal to 125"),
        ("writes_per_day: 10", "write_function: 3", "one of 5, 6, 15, 16, 22"),
    ],
)
def test_a_wrong_template_is_named(tmp_path: Path, right: str, wrong: str, mistake: str) -> None:
    (tmp_path / "k_m.yaml").write_text(TEMPLATE.replace(right, wrong))
    with pytest.raises(ConfigError, match=mistake):
        load_templates(tmp_path)


def test_shipped_templates_say_where_a_value_lies() -> None:
    templates = load_templates()
    meter = templates["carlo_gavazzi_em340"]["energy_import"]
    assert meter.address == ModbusAddress(
        table=Table.INPUT,
        address=52,
        type=DataType.INT32,
        scale=0.1,
        word_order=Order.LITTLE,
    )
    power = templates["abb_b23"]["power"]
    assert isinstance(power.address, ModbusAddress)
    assert (power.address.address, power.address.sentinels) == (0x5B14, (0x7FFFFFFF,))


GOOD = """
model: M
maker: K
source: a data sheet
tested_on_hardware: false
registers:
  temp: {object: "analog-input,7", unit: degC, low: -20, high: 50}
"""


def test_a_template_may_hold_bacnet_objects(tmp_path: Path) -> None:
    (tmp_path / "k_m.yaml").write_text(GOOD)
    point = load_templates(tmp_path)["k_m"]["temp"]
    assert point.address == BacnetAddress(object_type="analog-input", instance=7)
    assert (point.low, point.high) == (-20, 50)


def test_every_mistake_of_every_template_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("unit: degC", "unit: F"))
    (tmp_path / "b.yaml").write_text(GOOD.replace("source: a data sheet\n", ""))
    (tmp_path / "c.yaml").write_text(GOOD.replace("object:", "table: input, object:"))
    (tmp_path / "d.yaml").write_text("model: [")
    (tmp_path / "e.yaml").write_text(GOOD.replace('object: "analog-input,7", ', ""))
    with pytest.raises(ConfigError) as raised:
        load_templates(tmp_path)
    lines = str(raised.value).splitlines()
    assert [line[:6] for line in lines if line[:1] in "abe" and ".yaml" in line] == [
        "a.yaml",
        "b.yaml",
        "e.yaml",
    ]
    assert "registers.temp.unit" in str(raised.value)
    assert "d.yaml" in str(raised.value)
