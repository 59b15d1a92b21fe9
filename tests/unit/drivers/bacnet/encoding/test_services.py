"""BACnet parameters by hand, against the encoder and decoder of the stack."""

from __future__ import annotations

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

from bms.model.assets.address import BacnetAddress
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.link import property_reference
from drivers.fieldbus.errors import InvalidReply

NUMBERS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(Real),
    st.floats(allow_nan=False, allow_infinity=False).map(Double),
    st.integers(0, 2**32 - 1).map(Unsigned),
    st.integers(-(2**31), 2**31 - 1).map(Integer),
    st.integers(0, 300).map(Enumerated),
)
OBJECTS = st.tuples(st.integers(0, 1023), st.integers(0, 4194302))


@given(st.lists(st.tuples(OBJECTS, NUMBERS), min_size=1, max_size=5, unique_by=lambda a: a[0]))
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
        assert values.decode_number(tags).value == pytest.approx(float(value), rel=1e-7)


@given(st.binary(max_size=60))
def test_any_acknowledgement_is_garbled_or_read(ack: bytes) -> None:
    where = codec.Reference(2, 5, codec.PRESENT_VALUE)
    for take in (
        lambda: codec.read_property_ack(where, ack),
        lambda: codec.read_property_multiple_ack([where], ack),
    ):
        try:
            take()
        except InvalidReply:
            continue


@given(st.binary(max_size=12))
def test_any_value_is_a_number_or_none(data: bytes) -> None:
    where = codec.Reference(2, 5, codec.PRESENT_VALUE)
    try:
        tags = codec.read_property_ack(where, codec.read_property(where) + b"\x3e" + data + b"\x3f")
        values.decode_number(tags)
        values.occupied_slots(tags)
    except InvalidReply:
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
    where = property_reference(BacnetAddress(object_type="analog-value", instance=7))
    assert codec.write_property(where, encoded, 13) == bytes(stock.encode().pduData)


def test_a_priority_array_shows_who_sits_where() -> None:
    array = PriorityArray([PriorityValue(null=()) for _ in range(16)])
    array[7] = PriorityValue(real=Real(22.0))
    array[12] = PriorityValue(enumerated=Enumerated(1))
    data = b"\x3e" + bytes(array.encode().encode().pduData) + b"\x3f"
    where = codec.Reference(2, 5, codec.PRIORITY_ARRAY)
    tags = codec.read_property_ack(where, codec.read_property(where) + data)
    assert values.occupied_slots(tags) == {8: 22.0, 13: 1.0}
    with pytest.raises(InvalidReply, match="15 slots"):
        values.occupied_slots(tags[1:])
