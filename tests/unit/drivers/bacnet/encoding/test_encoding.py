"""The small parts of the drivers' room: limits, breaker, templates, registry, BACnet encoding."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bacpypes3.apdu import (
    ReadPropertyMultipleACK,
    WritePropertyRequest,
)
from bacpypes3.basetypes import (
    PriorityArray,
    PriorityValue,
    ReadAccessResult,
    ReadAccessResultElement,
    ReadAccessResultElementChoice,
)
from bacpypes3.constructeddata import Any as AnyValue
from bacpypes3.primitivedata import Double, Enumerated, Integer, ObjectIdentifier, Real, Unsigned
from hypothesis import given
from hypothesis import strategies as st

from bms.clock import VirtualClock
from bms.errors import ConfigError
from bms.model.assets.address import BacnetAddress, DataType, ModbusAddress, Order, Table
from bms.model.assets.device import Device
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.link import reference
from drivers.fieldbus.availability import Breaker
from drivers.fieldbus.errors import Garbled
from drivers.fieldbus.write_limits import fit
from drivers.registry import NetworkDrivers
from drivers.templates import load_templates

START = datetime(2019, 1, 16, tzinfo=UTC)
RULE = WriteRule(minimum=15, maximum=23, release=Release(kind=ReleaseKind.NULL))


@pytest.mark.parametrize(
    ("wish", "resolution", "value", "limit"),
    [
        (20.04, 0.1, 20.0, None),
        (20.06, 0.1, 20.1, None),
        (20.3, 0.5, 20.5, None),
        (22.9, 0.7, 23.0, None),  # the nearest step, 23.1, would leave the limits
        (23.01, 0.1, 23.0, "maximum 23"),
        (-5.0, 0.1, 15.0, "minimum 15"),
    ],
)
def test_fit(wish: float, resolution: float, value: float, limit: str | None) -> None:
    fitted = fit(replace(RULE, resolution=resolution), wish)
    assert (fitted.value, fitted.limit) == (value, limit)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_what_is_written_lies_within_the_limits(wish: float, resolution: float) -> None:
    assert 15 <= fit(replace(RULE, resolution=resolution), wish).value <= 23


def test_breaker_opens_backs_off_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock(START)
    breaker = Breaker("site/meter", clock, first_s=60, longest_s=100)
    with caplog.at_level(logging.WARNING, "drivers.fieldbus.availability"):
        breaker.silent("time-out")
        assert not breaker.open
        breaker.silent("time-out")
        assert breaker.open
        clock.advance(timedelta(seconds=60))
        assert not breaker.open  # one try may pass
        breaker.silent("time-out")
        clock.advance(timedelta(seconds=99))
        assert breaker.open  # doubled to 120 s, but 100 s is the longest
        clock.advance(timedelta(seconds=1))
        assert not breaker.open
        breaker.answered()
        breaker.silent("time-out")
        assert not breaker.open
    assert [record.getMessage() for record in caplog.records] == [
        "site/meter does not answer: time-out",
        "site/meter is back",
    ]


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


def test_one_driver_per_device_and_a_clear_word_for_an_unknown_protocol() -> None:
    drivers = NetworkDrivers(VirtualClock(START))
    device = Device(id="a/b", site="a", protocol="modbus", host="127.0.0.1", port=502)
    assert drivers.driver(device) is drivers.driver(replace(device))
    assert drivers.driver(device) is not drivers.driver(replace(device, unit=2))
    with pytest.raises(ConfigError, match=r"a/b: protocol 'knx' is none of modbus, bacnet"):
        drivers.driver(replace(device, protocol="knx"))


# BACnet parameters by hand, against the stack's own encoder and decoder

NUMBERS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(Real),
    st.floats(allow_nan=False, allow_infinity=False).map(Double),
    st.integers(0, 2**32 - 1).map(Unsigned),
    st.integers(-(2**31), 2**31 - 1).map(Integer),
    st.integers(0, 300).map(Enumerated),
)
OBJECTS = st.tuples(st.integers(0, 1023), st.integers(0, 4194302))


@given(st.lists(st.tuples(OBJECTS, NUMBERS), min_size=1, max_size=5))
def test_an_acknowledgement_of_many_reads_as_the_stack_wrote_it(
    answers: list[tuple[tuple[int, int], Real]],
) -> None:
    stock = ReadPropertyMultipleACK(
        listOfReadAccessResults=[
            ReadAccessResult(
                objectIdentifier=ObjectIdentifier(where),
                listOfResults=[
                    ReadAccessResultElement(
                        propertyIdentifier="present-value",
                        readResult=ReadAccessResultElementChoice(propertyValue=AnyValue(value)),
                    )
                ],
            )
            for where, value in answers
        ]
    )
    references = [codec.Reference(*where, codec.PRESENT_VALUE) for where, _ in answers]
    found = codec.read_property_multiple_ack(references, bytes(stock.encode().pduData))
    for (_, value), tags in zip(answers, found, strict=True):
        assert isinstance(tags, list)
        assert values.decoded(tags).value == pytest.approx(float(value), rel=1e-7)


@given(st.binary(max_size=60))
def test_any_acknowledgement_is_garbled_or_read(ack: bytes) -> None:
    where = codec.Reference(2, 5, codec.PRESENT_VALUE)
    for take in (
        lambda: codec.read_property_ack(where, ack),
        lambda: codec.read_property_multiple_ack([where], ack),
    ):
        try:
            take()
        except Garbled:
            continue


@given(st.binary(max_size=12))
def test_any_value_is_a_number_or_none(data: bytes) -> None:
    where = codec.Reference(2, 5, codec.PRESENT_VALUE)
    try:
        tags = codec.read_property_ack(where, codec.read_property(where) + b"\x3e" + data + b"\x3f")
        values.decoded(tags)
        values.occupied_slots(tags)
    except Garbled:
        pass


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (values.real(19.5), Real(19.5)),
        (values.double(-1e300), Double(-1e300)),
        (values.unsigned(300), Unsigned(300)),
        (values.unsigned(128), Unsigned(128)),
        (values.signed(-129), Integer(-129)),
        (values.signed(128), Integer(128)),
        (values.signed(-128), Integer(-128)),
        (values.signed(0), Integer(0)),
        (values.enumerated(1), Enumerated(1)),
    ],
)
def test_a_write_is_what_the_stack_would_send(encoded: bytes, value: Real) -> None:
    stock = WritePropertyRequest(
        objectIdentifier=ObjectIdentifier(("analog-value", 7)),
        propertyIdentifier="present-value",
        propertyValue=AnyValue(value),
        priority=13,
    )
    where = reference(BacnetAddress(object_type="analog-value", instance=7))
    assert codec.write_property(where, encoded, 13) == bytes(stock.encode().pduData)


def test_a_priority_array_shows_who_sits_where() -> None:
    array = PriorityArray([PriorityValue(null=()) for _ in range(16)])
    array[7] = PriorityValue(real=Real(22.0))
    array[12] = PriorityValue(enumerated=Enumerated(1))
    data = b"\x3e" + bytes(array.encode().encode().pduData) + b"\x3f"
    where = codec.Reference(2, 5, codec.PRIORITY_ARRAY)
    tags = codec.read_property_ack(where, codec.read_property(where) + data)
    assert values.occupied_slots(tags) == {8: 22.0, 13: 1.0}
    with pytest.raises(Garbled, match="15 slots"):
        values.occupied_slots(tags[1:])


def test_names_of_the_standard_become_numbers() -> None:
    assert reference(BacnetAddress(object_type="binary-value", instance=3)) == codec.Reference(
        5, 3, 85
    )
    for kind, prop in (("room", "present-value"), ("analog-value", "colour")):
        with pytest.raises(ValueError, match="unknown BACnet name"):
            reference(BacnetAddress(object_type=kind, instance=1, property=prop))
