"""Device templates: what a file says is kept, and every mistake in one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.assets.address import ModbusAddress, Order
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
